#!/usr/bin/env bash
# Makes .venv and installs one lock into it: tools/env.sh requirements.lock
# uv when it is on PATH (seconds), else pip (a minute or two); hashes are checked by both.
set -euo pipefail
lock=$1
venv=.venv

say() { printf '%s\n' "$*" >&2; }

# A name on PATH may be a shim for a version that is not installed: only running it tells.
find_python() {
    local name
    for name in ${PYTHON:-python3 python3.12 python3.13 python3.11 python}; do
        "$name" -c '
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13): sys.exit(1)
print(sys.executable)' 2>/dev/null && return
    done
    say "No working Python 3.11, 3.12 or 3.13 was found (${PYTHON:-under its usual names}). Install one:"
    say "  Debian, Ubuntu:  sudo apt-get install python3 python3-venv"
    say "  macOS:           brew install python@3.12"
    say "  with uv:         uv python install 3.12"
    say "or name one:       make book PYTHON=/path/to/python3.12"
    return 1
}

make_venv() {
    local python
    python=$(find_python)
    say "Making $venv with $("$python" --version) ($python)"
    if command -v uv >/dev/null; then
        uv venv --quiet --clear --no-project --python "$python" "$venv"
    elif "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        "$python" -m venv --clear "$venv"
    else
        say "This Python cannot make virtual environments. On Debian and Ubuntu:"
        say "  sudo apt-get install python3-venv"
        return 1
    fi
}

install() {
    local total
    total=$(grep -c '==' "$lock")
    if command -v uv >/dev/null; then
        say "Installing up to $total packages from $lock with uv"
        uv pip install --quiet --python "$venv/bin/python" --require-hashes -r "$lock"
    else
        say "Installing up to $total packages from $lock with pip: a minute or two"
        "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off \
            --require-hashes -r "$lock" |
            awk '/^Collecting/ { n += 1; if (n % 10 == 0) print "  " n " packages" }
                 /^Installing/ { print "  unpacking" }' >&2
    fi
}

"$venv/bin/python" -c '' 2>/dev/null || make_venv
install
# rnnlib is used from the working tree: a path file is an editable install without a build.
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
pwd >"$site/rnnlib.pth"
