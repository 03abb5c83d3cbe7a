"""What some tests need of the machine, besides Python: found, else installed where that may be."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE
from typing import NamedTuple

from grading.sandbox import NoSandbox, probe

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = "fonts-dejavu-core libatomic1"  # Playwright's own program needs the second
UBUNTU = "grep -qs ^ID=ubuntu /etc/os-release"  # its chromium is a snap, which sees no /tmp
NAMED = '[ -n "$CHROMIUM" ]'  # somebody has chosen: another one would not be used
MAY = "tools/system_packages.sh 2>/dev/null"
# Ubuntu forbids what bubblewrap does. To allow it is for the machine's owner, or for CI.
FORBIDS = "kernel.apparmor_restrict_unprivileged_userns"


class Need(NamedTuple):
    """One thing that some tests need."""

    tests: str  # what is left out where it is lacking
    lacking: Callable[[], str]  # why it cannot be used; nothing where it can
    ways: tuple[str, ...]  # commands that get it; each is tried where those before did not do


def attempt(way: str) -> str:
    """Run a command; return the first line of its complaint, or nothing if it succeeded."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        way, shell=True, cwd=ROOT, env={**os.environ, "PATH": path}, stderr=PIPE, text=True
    )
    return (done.stderr.strip() or way).splitlines()[0] if done.returncode else ""


def no_browser() -> str:
    """Say why no Chromium starts here; nothing if one does."""
    return attempt("python tools/browser.py")


def no_sandbox() -> str:
    """Say why bubblewrap does not work here; nothing if it does."""
    try:
        probe("bubblewrap")
    except NoSandbox as error:
        rule = Path("/proc/sys", FORBIDS.replace(".", "/"))
        forbidden = rule.exists() and rule.read_text().strip() == "1"
        return f"{error}; allowed by: sudo sysctl -w {FORBIDS}=0" if forbidden else str(error)
    return ""


BROWSER = Need(
    "the browser tests",
    no_browser,
    (
        f"{NAMED} || tools/system_packages.sh {PACKAGES} $({UBUNTU} || echo chromium)",
        f"{NAMED} || playwright install --no-shell $({MAY} && echo --with-deps) chromium",
    ),
)
SANDBOX = Need(
    "the tests of submissions in a sandbox",
    no_sandbox,
    (
        "command -v bwrap >/dev/null || tools/system_packages.sh bubblewrap",
        f'[ "$CI" != true ] || $([ "$(id -u)" = 0 ] || echo sudo -n) sysctl -qw {FORBIDS}=0',
    ),
)


def obtain(need: Need) -> str:
    """Get what is lacking; say why it is lacking still, or nothing."""
    complaints = []
    for way in need.ways:
        if not need.lacking():
            return ""
        complaints.append(attempt(way))
    return "; ".join(filter(None, [need.lacking(), *complaints])) if need.lacking() else ""
