#!/usr/bin/env bash
# Makes .venv and installs one lock into it: tools/env.sh requirements.lock .venv/.book
# The second file then holds that lock, and nothing is to be done. An environment works in its own
# folder and under its own Python: one that was moved, or copied, or linked, is made anew.
# uv when it is on PATH (seconds), else pip (a minute or two); hashes are checked by both.
set -euo pipefail
lock=$1 stamp=$2
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
    [ ! -L "$venv" ] || rm "$venv" # else another checkout's would be cleared
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
    home >"$venv/.home"
}

# Where the environment works, and under what; fails where it does not, or lacks a pip in need.
home() {
    pwd -P
    "$venv/bin/python" -Ic "$(command -v uv >/dev/null || echo import pip)
import sys, sysconfig
print(sysconfig.get_platform(), *sys.version_info[:2])" 2>/dev/null
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

# Settings may let an installer put its packages elsewhere, or nowhere, and end well.
check() {
    "$venv/bin/python" -I - "$lock" <<'END'
import re, sys
from importlib.metadata import PackageNotFoundError, version

def numbers(text): return [int(n) for n in re.findall(r"\d+", text)]

def there(name, wanted):
    try:
        return numbers(version(name)) == numbers(wanted)
    except PackageNotFoundError:
        return False

# Those with a marker are not for every machine.
lines = re.findall(r"^([\w.-]+)==(\S+) *(?:\\|--|$)", open(sys.argv[1]).read(), re.MULTILINE)
missing = [name for name, wanted in lines if not there(name, wanted)]
if missing:
    sys.exit(f"Not installed into .venv: {', '.join(missing[:5])} ({len(missing)} in all). "
             "Does a setting send packages elsewhere? See: .venv/bin/python -m pip config list")
END
}

mkdir -p .cache/ipython # named by the Makefile: IPython warns where it is missing
if ! now=$(home) || [ "$now" != "$(cat "$venv/.home" 2>/dev/null)" ]; then make_venv; fi
if [ -e "$stamp" ] && [ "$(<"$lock")" = "$(<"$stamp")" ]; then exit; fi
rm -f "$stamp"
install
check
# rnnlib is used from the working tree: a path file is an editable install without a build.
site=$("$venv/bin/python" -Ic 'import sysconfig; print(sysconfig.get_path("purelib"))')
pwd -P >"$site/rnnlib.pth"
printf '%s\n' "$(<"$lock")" >"$stamp"
