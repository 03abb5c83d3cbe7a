"""Where a submission runs: no network, no files but its own throw-away folder, and limits.

`bubblewrap` (Linux; the default) gives each submission namespaces of its own. `docker` does the
same where its daemon runs. `user` only changes to a user without rights, for a container that is
thrown away as a whole, such as Gradescope's.
"""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COURSE = Path(__file__).resolve().parents[2]  # where rnnlib is
IMAGE = "limits-of-recurrence-grading"
MODULES = ("__init__", "runner", "statements", "surroundings", "wire")
OURS = ("rnnlib", *(f"tools/grading/{name}.py" for name in MODULES))
RUN = ["-m", "grading.runner"]
MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """What one submission may use."""

    statement: float = 30.0  # seconds for one statement of its cells
    cells: float = 240.0  # seconds for all its cells, imports included
    call: float = 30.0  # seconds for one call of a function
    memory: int = 4096 * MIB  # bytes, all its processes together
    processes: int = 256  # threads included
    disk: int = 64 * MIB  # bytes in its folder
    answer: int = 8 * MIB  # bytes of one answer
    total: float = 480.0  # seconds for its cells, however often they are run, and all answers


class NoSandbox(Exception):
    """This machine cannot isolate a submission; the message says what is missing."""


def command(isolation: str, limits: Limits) -> list[str]:
    """Return the command that starts grading/runner.py in isolation.

    Raises: NoSandbox (the program is missing), ValueError (no such isolation).
    """
    if isolation not in WAYS:
        raise ValueError(f"isolation must be one of {', '.join(WAYS)}, got {isolation!r}")
    program = {"bubblewrap": "bwrap", "docker": "docker", "user": "setpriv"}[isolation]
    if not shutil.which(program):
        raise NoSandbox(
            f"{program} is missing. On Debian and Ubuntu: sudo apt-get install bubblewrap. "
            "Elsewhere: docker, and ISOLATION=docker."
        )
    return WAYS[isolation](limits)


def probe(isolation: str) -> None:
    """Run nothing in a sandbox. Raises: NoSandbox (it does not work here), ValueError."""
    words = confined(command(isolation, Limits()), Limits(), None)
    nothing = b'{"id": 0, "cells": [], "seconds": 9, "total": 9, "skip": [], "only": null}\n'
    done = subprocess.run(words, input=nothing, capture_output=True, timeout=300)
    if b'"id": 0' not in done.stdout:
        said = " ".join(done.stderr.decode(errors="replace").split())
        hint = "; its image is built as tools/grading/Dockerfile says" * (isolation == "docker")
        raise NoSandbox(f"{isolation} does not work on this machine: {said}{hint}")


def environment(course: str, home: str) -> dict[str, str]:
    """Everything that the submission's process finds in its environment."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join([course, f"{course}/tools"]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "agg",
        "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # what is asked is small: compiling it is the cost
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TQDM_DISABLE": "1",
    }


def bubblewrap(limits: Limits) -> list[str]:
    """Bind Python, its packages, rnnlib and the runner, read-only, and nothing else."""
    home, course = "/home/student", "/home/course"
    system = [Path(p) for p in ("/usr", "/lib", "/lib64", "/bin", "/etc/alternatives")]
    python = {Path(sys.prefix), Path(sys.base_prefix), Path(sysconfig.get_path("purelib"))}
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    words += ["--unshare-user", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox"]
    words += ["--clearenv", "--proc", "/proc", "--dev", "/dev"]
    for folder in (home, "/tmp", "/dev/shm"):  # first: Python itself may lie below /tmp
        words += ["--size", str(limits.disk), "--tmpfs", folder]
    for folder in [*system, *sorted(p for p in python if not p.is_relative_to("/usr"))]:
        words += ["--ro-bind-try", str(folder), str(folder)]
    for file in OURS:
        words += ["--ro-bind", str(COURSE / file), f"{course}/{file}"]
    for name, value in environment(course, home).items():
        words += ["--setenv", name, value]
    words += ["--remount-ro", "/", "--remount-ro", "/dev"]  # else they have room without limit
    return [*words, "--chdir", home, sys.executable, *RUN]


def docker(limits: Limits) -> list[str]:
    """Run the image that tools/grading/Dockerfile describes, for as long as a submission may."""
    home, course = "/home/student", "/home/course"
    words = ["docker", "run", "--rm", "--interactive", "--init", "--network", "none"]
    words += ["--pull", "never"]  # another's image of this name
    words += ["--name", f"submission-{secrets.token_hex(8)}"]
    words += ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    words += ["--user", "1000:1000", "--memory", str(limits.memory), "--cpus", "1"]
    words += ["--memory-swap", str(limits.memory), "--ulimit", f"fsize={limits.disk}"]
    words += ["--ulimit", f"data={limits.memory}"]  # so that what asks for too much is told so
    words += ["--pids-limit", str(limits.processes), "--workdir", home]
    for folder in (home, "/tmp"):
        words += ["--tmpfs", f"{folder}:rw,size={limits.disk},mode=1777"]
    for file in OURS:
        words += ["--volume", f"{COURSE / file}:{course}/{file}:ro"]
    for name, value in environment(course, home).items():
        if name != "PATH":
            words += ["--env", f"{name}={value}"]
    seconds = str(round(limits.total + limits.cells))  # should nobody be left to remove it
    return [*words, IMAGE, "timeout", "--signal=KILL", seconds, "python", *RUN]


def remove(words: Any) -> None:
    """End docker's container; without this it outlives the client that was killed."""
    if "--name" in words:
        name = words[words.index("--name") + 1]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(["docker", "rm", "--force", name], capture_output=True, timeout=60)


def user(limits: Limits) -> list[str]:
    """Give up all rights; what this user can read, the submission can read."""
    words = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs"]
    words += ["--bounding-set=-all", "--inh-caps=-all", "env", "--ignore-environment"]
    words += [f"{k}={v}" for k, v in environment(str(COURSE), "/tmp").items()]
    return [*words, sys.executable, *RUN]


WAYS: dict[str, Callable[[Limits], list[str]]] = {
    "bubblewrap": bubblewrap,
    "docker": docker,
    "user": user,
}


def confined(words: list[str], limits: Limits, core: int | None) -> list[str]:
    """Return a command that takes on the limits, and a core, before it becomes the sandbox."""
    most = {
        "CORE": 0,
        "FSIZE": limits.disk,
        "NOFILE": 1024,
        "DATA": limits.memory,
        # Not for root, nor in a user namespace that is root's: there the watch counts.
        "NPROC": 4096,
    }
    first = str(Path(__file__).with_name("confine.py"))
    return [sys.executable, "-I", first, json.dumps([core, most]), *words]
