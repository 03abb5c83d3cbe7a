"""What a sandbox's processes use together, and how all of them are ended."""

import contextlib
import os
import subprocess
from pathlib import Path

import psutil

from grading.sandbox import remove


def used(pid: int) -> tuple[int, int]:
    """Return the bytes that a process and its descendants hold, and how many they are.

    Files that are kept in memory count, whether they are mapped or not.
    """
    memory, count = 0, 0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                memory += process.memory_info().rss + _in_memory(process.pid)
                count += 1
    return memory, count


def _in_memory(pid: int) -> int:
    """Return the bytes of a process's open files that lie nowhere else (Linux's memfd)."""
    held = 0
    with contextlib.suppress(OSError):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if os.readlink(file).startswith("/memfd:"):
                    held += file.stat().st_blocks * 512
    return held


def kill(process: subprocess.Popen) -> None:
    """Kill a sandbox; the kernel kills what is in its process namespace along with it."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
    process.kill()
    process.wait()
    remove(process.args)
