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
    elif has_pip "$python" || tools/system_packages.sh "$(version "$python")-venv"; then
        "$python" -m venv --clear "$venv"
    elif borrow_pip; then
        "$python" -m venv --clear --without-pip "$venv"
        PYTHONPATH=$(echo "$borrowed"/usr/share/python-wheels/pip-*.whl) \
            tools/pip.sh "$venv/bin/python" --quiet pip
    else
        say "This Python cannot make virtual environments, for it brings no pip. As root:"
        say "  apt-get install $(version "$python")-venv"
        return 1
    fi
}

has_pip() { "$1" -c 'import venv, ensurepip' 2>/dev/null; }
version() { "$1" -c 'import sys; print("python%d.%d" % sys.version_info[:2])'; }

# Debian keeps a Python's pip in a package of its own, which anybody may download and unpack.
borrowed=.cache/pip
borrow_pip() {
    command -v apt-get >/dev/null || return
    say "Fetching pip from Debian's package of it"
    rm -rf "$borrowed" && mkdir -p "$borrowed"
    (cd "$borrowed" && apt-get -q download python3-pip-whl && dpkg-deb -x ./*.deb .) >/dev/null
}

install() {
    local total
    total=$(grep -c '==' "$lock")
    if command -v uv >/dev/null; then
        say "Installing up to $total packages from $lock with uv"
        uv pip install --quiet --python "$venv/bin/python" --require-hashes -r "$lock"
    else
        say "Installing up to $total packages from $lock with pip: a minute or two"
        tools/pip.sh "$venv/bin/python" --require-hashes -r "$lock" |
            awk '/^Collecting/ { n += 1; if (n % 10 == 0) print "  " n " packages" }
                 /^Installing/ { print "  unpacking" }' >&2
    fi
}

# One that was left half made has no pip; uv needs none.
if command -v uv >/dev/null; then made=''; else made='import pip'; fi
"$venv/bin/python" -c "$made" 2>/dev/null || make_venv
install
# rnnlib is used from the working tree: a path file is an editable install without a build.
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
pwd >"$site/rnnlib.pth"
