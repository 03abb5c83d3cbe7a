"""A submission that runs in its sandbox, seen from outside: it is asked, watched, and ended."""

import contextlib
import itertools
import json
import os
import select
import subprocess
import threading
import time
from collections import Counter
from typing import Any, NoReturn

from grading.processes import kill, used
from grading.sandbox import Limits, NoSandbox, command, confined
from grading.wire import line, pack, unpack

LATE = "it did not come to an end in time"
ELSE = "it wrote something else where its answer should be"
STARTING = 60.0  # seconds that a sandbox may take to start
GRACE = 5.0  # seconds in which what is interrupted must end
PATIENCE = 3  # times that what comes to no end is asked for
TRIES = 2  # of cells in which its process ended
MOST = 100_000  # statements of one notebook
ANSWERS = 1 / 16  # of its time that is kept for the answers
USED_UP = "it used up its time"


class Failed(Exception):
    """The submission gave no answer, or one that is none; the message says why."""


class Missing(Failed):
    """The submission defines nothing of this name."""


class Stopped(Failed):
    """Its process is gone: it ended itself, or a limit ended it."""


class Submission:
    """The code cells of a notebook, run in a sandbox as soon as something is asked of them.

    A process that has been stopped is started anew for the next question, without the statements
    that ran out of time: one that never ends costs no other's points, nor does a function that
    never returns, which is asked PATIENCE times in all. When there is no time to look what else
    never ends, only those statements are run that came to their end before.
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
        self.late: dict[int, str] = {}  # statements that ran out of time, by number, and how
        self.took: dict[int, float] = {}  # the seconds of those that came to their end
        self.lost = 0.0  # seconds of those that ran out of time
        self.starting = 0.0  # seconds before the first of them
        self.at: int | None = None  # the statement that runs
        self.since = 0.0  # when it began
        self.only = False  # whether nothing is run but what came to its end before
        self.ends: Counter[str] = Counter()  # how often asking for a name came to no end
        self.starts = 0
        self.broken = 0  # starts that ended while its cells ran
        self.process: subprocess.Popen | None = None
        self.reason = ""
        self.numbers = itertools.count()
        self.buffer = bytearray()
        self.deadline = 0.0  # for all that is asked of it together; counted from its first start

    def call(self, name: str, *args: Any) -> Any:
        """Call a function that the submission defines. Raises: Failed."""
        seconds = self.limits.call
        request = {"name": name, "args": [pack(a) for a in args], "seconds": seconds}
        return self._value(request, seconds + GRACE)

    def get(self, name: str) -> Any:
        """Read a value that the submission defines. Raises: Failed."""
        return self._value({"name": name}, 2 * GRACE)

    def start(self) -> None:
        """Run its cells, unless they have been run.

        Raises: Stopped; NoSandbox (it did not start at all, which is nobody's fault).
        """
        if self.process and self.process.poll() is None:
            return None
        if self.broken == TRIES:
            raise Stopped(self.reason)
        while True:
            if self.starts and self._left() < 0:
                self.broken, self.reason = TRIES, USED_UP
                raise Stopped(self.reason)
            self._open()
            try:
                return self._run_cells()
            except Stopped:
                if self.reason != LATE or self.at is None:
                    self.broken += 1
                    raise
                self._lose(self.at, LATE)
                spent = self.lost > 1.5 * self.limits.cells
                self.only = spent or self._left() < 2 * self._once() + self.limits.statement

    def _once(self) -> float:
        """Return the seconds in which all that came to its end can be run again."""
        return self.starting + sum(self.took.values()) + GRACE

    def _left(self) -> float:
        """Return the seconds that its cells may still take, so that some are left for answers."""
        return self.deadline - ANSWERS * self.limits.total - time.monotonic()

    def _open(self) -> None:
        """Start its sandbox. Raises: Stopped, NoSandbox."""
        self.close()
        self.starts, self.opened = self.starts + 1, time.monotonic()
        self.deadline = self.deadline or self.opened + self.limits.total
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
            self.broken = TRIES
            raise Stopped(self.reason) from None

    def _run_cells(self) -> None:
        """Run its cells, and listen to which statement they have come. Raises: Stopped."""
        self.at, self.reason = None, "its own process ended while its cells ran"
        most = self.limits.statement
        left = max(1.5 * self.limits.cells - self.lost, 2 * self._once())  # see the runner's Clock
        left = min(left, self._left())
        start = {"seconds": most, "total": left / 1.5, "skip": list(self.late.items())}
        start["only"] = list(self.took) if self.only else None
        told = self._exchange({"cells": self.cells, **start}, STARTING)
        self.starting = time.monotonic() - self.opened
        last = time.monotonic() + left + most + GRACE
        while "at" in told:
            self._note(told)
            share = told.get("seconds")
            share = min(most, share) if isinstance(share, float) else most
            told = self._receive(told["id"], min(last, time.monotonic() + share + GRACE))
        self._note(told)
        self.failed, self.defined = _words(told.get("failed")), _words(told.get("defined"))

    def _note(self, told: dict[str, Any]) -> None:
        """Note which statement came to its end, or is late, and which begins. Raises: Stopped."""
        at = told.get("at")
        if at is not None and (type(at) is not int or not 0 <= at < MOST):
            self._stop(ELSE)
        if self.at is not None and self.at != at:
            self.took[self.at] = time.monotonic() - self.since
            self.since = time.monotonic()
        if at is not None and "late" in told:
            self._lose(at, str(told["late"])[:400])
            at = None
        self.at, self.since = at, time.monotonic()

    def _lose(self, at: int, how: str) -> None:
        """Run a statement no more that ran out of time."""
        self.late[at] = how
        self.took.pop(at, None)
        self.lost += min(time.monotonic() - self.since, self.limits.statement)

    def close(self) -> None:
        """End it, with all that it started."""
        if self.process:
            kill(self.process)
            for pipe in (self.process.stdin, self.process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close() if pipe else None

    def _value(self, request: dict[str, Any], seconds: float) -> Any:
        name = f"`{request['name']}`"
        asked = name + "()" * ("args" in request)
        if self.ends[asked] == PATIENCE:
            raise Failed(f"{name} gave no answer in {PATIENCE} tries: it is not asked again")
        self.start()
        self.reason = f"its own process ended in {name}"
        try:
            told = self._exchange(request, seconds)
        except Stopped:
            self.ends[asked] += 1
            raise
        self.ends[asked] += told.get("late") is True
        if "error" in told:
            kind = Missing if told.get("missing") is True else Failed
            raise kind(f"{name}: {str(told['error'])[:400]}")
        try:
            return unpack(told["value"])
        except (KeyError, ValueError, RecursionError, OverflowError) as error:
            raise Failed(f"{name} gave no readable answer: {error}") from None

    def _exchange(self, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Say something, and return the answer. Raises: Stopped."""
        assert self.process and self.process.stdin
        number, now = next(self.numbers), time.monotonic()
        if now > self.deadline:
            self._stop(USED_UP)
        # Writing waits, too, when a submission does not read.
        clock = threading.Timer(seconds + 1, self._end, [self.process, LATE])
        clock.start()
        try:
            self.process.stdin.write(line({"id": number, **message}))
            self.process.stdin.flush()
            return self._receive(number, now + seconds)
        except OSError:
            self._stop("")
        finally:
            clock.cancel()

    def _receive(self, number: int, until: float) -> dict[str, Any]:
        """Read a message about what was asked under this number. Raises: Stopped."""
        try:
            told = json.loads(self._line(min(until, self.deadline)))
        except (OSError, EOFError):
            self._stop("")
        except (ValueError, RecursionError):
            self._stop(ELSE)
        if not isinstance(told, dict) or told.get("id") != number:
            self._stop(ELSE)
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

    def _stop(self, reason: str) -> NoReturn:
        assert self.process
        kill(self.process)
        self.reason = reason or self.reason
        raise Stopped(self.reason)

    def _watch(self, process: subprocess.Popen) -> None:
        """Count what all its processes use together, and end them when it is too much."""
        while process.poll() is None:
            memory, processes = used(process.pid)
            if memory > self.limits.memory:
                most = self.limits.memory // 2**20
                self._end(process, f"it used more than {most:,} MiB of memory")
            if processes > self.limits.processes:
                self._end(process, f"it started more than {self.limits.processes} processes")
            time.sleep(0.1)

    def _end(self, process: subprocess.Popen, reason: str) -> None:
        self.reason = reason
        kill(process)


def _words(told: Any) -> list[str]:
    """Take a list of short words, whatever a process said."""
    words = told if isinstance(told, list) else []
    return [str(word)[:400] for word in words[:100] if isinstance(word, str)]
