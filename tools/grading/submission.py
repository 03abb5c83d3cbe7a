"""A submission that runs in its sandbox, seen from outside: it is asked, watched, and ended."""

import contextlib
import itertools
import json
import os
import select
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from grading.sandbox import Limits, NoSandbox, command, confined, remove
from grading.wire import line, pack, unpack

LATE = "it did not come to an end in time"
STARTING = 60.0  # seconds that a sandbox may take to start


class Failed(Exception):
    """The submission gave no answer, or one that is none; the message says why."""


class Stopped(Failed):
    """Its process is gone: it ended itself, or a limit ended it."""


class Submission:
    """The code cells of a notebook, run in a sandbox as soon as something is asked of them.

    A process that has been stopped is started anew for the next question, three times in all: one
    function that never returns does not cost the points of the others.
    """

    def __init__(
        self,
        cells: list[str],
        limits: Limits | None = None,
        isolation: str = "bubblewrap",
        core: int | None = None,
    ):
        self.cells, self.limits, self.core = cells, limits or Limits(), core
        self.isolation = isolation
        self.failed: list[str] = []
        self.defined: list[str] = []
        self.starts = 0
        self.process: subprocess.Popen | None = None
        self.reason = ""
        self.numbers = itertools.count()
        self.buffer = bytearray()
        self.deadline = 0.0  # for all that is asked of it together; counted from its first start

    def call(self, name: str, *args: Any) -> Any:
        """Call a function that the submission defines. Raises: Failed."""
        seconds = self.limits.call
        request = {"name": name, "args": [pack(a) for a in args], "seconds": seconds}
        return self._value(request, seconds + 5)

    def get(self, name: str) -> Any:
        """Read a value that the submission defines. Raises: Failed."""
        return self._value({"name": name}, 10)

    def start(self) -> None:
        """Run its cells, unless they have been run.

        Raises: Stopped; NoSandbox (it did not start at all, which is nobody's fault).
        """
        if self.process and self.process.poll() is None:
            return
        if self.starts == 3:
            raise Stopped(self.reason)
        self.close()
        self.starts += 1
        self.deadline = self.deadline or time.monotonic() + self.limits.total
        self.buffer.clear()
        self.process = subprocess.Popen(
            confined(command(self.isolation, self.limits), self.limits, self.core),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        threading.Thread(target=self._watch, args=[self.process], daemon=True).start()
        try:
            self._line(time.monotonic() + STARTING)  # the runner says that it is there
        except (Stopped, OSError, EOFError):
            if self.starts == 1:
                raise NoSandbox(f"{self.isolation} did not start") from None
            raise Stopped(self.reason) from None
        self.reason = "its own process ended while its cells ran"
        told = self._exchange(
            {"cells": self.cells, "seconds": self.limits.statement}, self.limits.cells
        )
        self.failed, self.defined = _words(told.get("failed")), _words(told.get("defined"))

    def close(self) -> None:
        """End it, with all that it started."""
        if self.process:
            _kill(self.process)
            for pipe in (self.process.stdin, self.process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close() if pipe else None

    def _value(self, request: dict[str, Any], seconds: float) -> Any:
        self.start()
        self.reason = f"its own process ended in `{request['name']}`"
        told = self._exchange(request, seconds)
        if "error" in told:
            raise Failed(f"`{request['name']}`: {str(told['error'])[:400]}")
        try:
            return unpack(told["value"])
        except (KeyError, ValueError, RecursionError, OverflowError) as error:
            raise Failed(f"`{request['name']}` gave no readable answer: {error}") from None

    def _exchange(self, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        assert self.process and self.process.stdin
        number, now = next(self.numbers), time.monotonic()
        if now > self.deadline:
            self._stop("it used up its time")
        # Writing waits, too, when a submission does not read.
        clock = threading.Timer(seconds + 1, self._end, [self.process, LATE])
        clock.start()
        try:
            self.process.stdin.write(line({"id": number, **message}))
            self.process.stdin.flush()
            told = json.loads(self._line(min(now + seconds, self.deadline)))
        except (OSError, EOFError):
            self._stop("")
        except (ValueError, RecursionError):
            self._stop("it wrote something else where its answer should be")
        finally:
            clock.cancel()
        if not isinstance(told, dict) or told.get("id") != number:
            self._stop("it wrote something else where its answer should be")
        return told

    def _line(self, deadline: float) -> bytes:
        """Read one line. Raises: EOFError (the process is gone)."""
        assert self.process and self.process.stdout
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                self._stop(LATE)
            part = os.read(self.process.stdout.fileno(), 2**20)
            if not part:
                raise EOFError
            self.buffer += part
            if len(self.buffer) > self.limits.answer:
                self._stop("its answer was too large")
        first, _, self.buffer = self.buffer.partition(b"\n")
        return bytes(first)

    def _stop(self, reason: str) -> None:
        assert self.process
        _kill(self.process)
        self.reason = reason or self.reason
        raise Stopped(self.reason)

    def _watch(self, process: subprocess.Popen) -> None:
        """Count what all its processes use together, and end them when it is too much."""
        while process.poll() is None:
            memory, processes = _used(process.pid)
            if memory > self.limits.memory:
                most = self.limits.memory // 2**20
                self._end(process, f"it used more than {most:,} MiB of memory")
            if processes > self.limits.processes:
                self._end(process, f"it started more than {self.limits.processes} processes")
            time.sleep(0.1)

    def _end(self, process: subprocess.Popen, reason: str) -> None:
        self.reason = reason
        _kill(process)


def _words(told: Any) -> list[str]:
    """Take a list of short words, whatever a process said."""
    words = told if isinstance(told, list) else []
    return [str(word)[:400] for word in words[:100] if isinstance(word, str)]


def _used(pid: int) -> tuple[int, int]:
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


def _kill(process: subprocess.Popen) -> None:
    """Kill a sandbox; the kernel kills what is in its process namespace along with it."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
    process.kill()
    process.wait()
    remove(process.args)
