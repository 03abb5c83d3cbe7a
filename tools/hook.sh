#!/usr/bin/env bash
# Runs `make check` before every commit of this clone: git's hook, beside no other.
set -euo pipefail

refuse() {
    printf '%s\n' "$*" "To have it all the same, add by hand:  make check || exit 1" >&2
    exit 1
}

above=$(git rev-parse --show-cdup 2>&1) || refuse "No hook: $above"
[ -z "$above" ] || refuse "No hook: this folder is no checkout of its own, but lies in that of" \
    "$(git rev-parse --show-toplevel). Clone it with git."
if elsewhere=$(git config --get core.hooksPath); then
    refuse "No hook: core.hooksPath leads to '$elsewhere', maybe for other repositories too."
fi
# In a linked worktree this is the main checkout's: git has one for all.
hook=$(git rev-parse --git-path hooks)/pre-commit
ours='#!/bin/sh
exec make check'
if [ -e "$hook" ] || [ -L "$hook" ]; then
    [ "$(cat "$hook" 2>/dev/null)" = "$ours" ] || refuse "No hook: $hook is there, and is not ours."
fi
mkdir -p "$(dirname "$hook")"
printf '%s\n' "$ours" >"$hook"
chmod +x "$hook"
echo "Installed: $hook. git commit --no-verify skips it once."
