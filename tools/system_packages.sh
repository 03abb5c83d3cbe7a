#!/usr/bin/env bash
# Installs Debian's packages where this user may: tools/system_packages.sh chromium bubblewrap
# Where not, one line says why. Without a name it only tells, by its exit status.
set -euo pipefail

give_up() {
    printf '%s\n' "$*" >&2
    exit 1
}

command -v apt-get >/dev/null || give_up "there is no apt-get here"
as_root=(env DEBIAN_FRONTEND=noninteractive)
if [ "$(id -u)" != 0 ]; then
    sudo -n true 2>/dev/null || give_up "only root may install it: sudo apt-get install $*"
    as_root=(sudo -n "${as_root[@]}")
fi
[ $# -gt 0 ] || exit 0

echo "Installing $* with apt-get"
apt=("${as_root[@]}" apt-get -qy -o DPkg::Lock::Timeout=120)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# What apt says fills pages: of it one line is shown, and only when it failed.
"${apt[@]}" update >"$log" 2>&1 || true # old lists may do: the installation tells
"${apt[@]}" install --no-install-recommends "$@" >>"$log" 2>&1 ||
    give_up "apt-get failed: $(grep -m 1 '^E: ' "$log" || tail -n 1 "$log")"
