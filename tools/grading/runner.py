"""Inside the sandbox: run a submission's cells, then do what the grader asks of what they defined.

This process is the submission's. It knows no hidden test and no right answer, and nothing that it
does to itself changes how its answers are judged, which happens in another process.
"""

import __future__

import ast
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from types import FrameType, MappingProxyType
from typing import Any, BinaryIO

from grading import statements
from grading.surroundings import settle, surround, wait
from grading.wire import line, pack, unpack

ABOUT = 300  # characters of an error that are passed on
AGAIN = 1.0  # seconds after which an alarm rings again: the first may have gone unheard
LONG_LIST = 20  # of what failed
AGAIN_FLAGS = __future__.annotations.compiler_flag  # a name in them may be of what is missing
DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
ASSIGNING = (ast.Assign, ast.AnnAssign)
SPENT = "not run to its end: the time for all cells together was spent"
Failure = tuple[int, str, statements.Statement, BaseException]  # the statement's number and place


class OutOfTime(BaseException):
    """Not an Exception, so that a submission's own `except Exception` lets it through."""


def stop(signum: int, frame: FrameType | None) -> None:
    """Be called by the alarm clock."""
    raise OutOfTime("it took too long")


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Interrupt what takes longer; a call into compiled code is interrupted when it returns."""
    signal.signal(signal.SIGALRM, stop)  # the submission may have an alarm of its own
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def say(error: BaseException) -> str:
    """Name an error in one line."""
    try:
        text = str(error)
    except BaseException:  # a submission's own class
        text = ""
    text = text if isinstance(error, OutOfTime) else f"{type(error).__name__}: {text}"
    return " ".join(text.split())[:ABOUT]


class Clock:
    """How long each statement may take, so that all together take no longer than they may.

    When their time is spent there is half of it more, of which each that is left may have a small
    share: definitions take less, so that none is lost to what went before.
    """

    def __init__(self, statement: float, total: float = 1e6):
        self.statement, self.more = statement, total / 2
        self.end = time.monotonic() + total

    def spent(self) -> bool:
        """Tell whether the time for all is over."""
        return time.monotonic() > self.end

    def share(self) -> float:
        """Return the seconds of the next statement. Raises: OutOfTime (there are none)."""
        left = self.end - time.monotonic()
        seconds = min(self.statement, max(left, (left + self.more) / 16))
        if seconds < 1e-3:
            raise OutOfTime(SPENT)
        return seconds


def run(
    sources: list[str],
    namespace: dict[str, Any],
    clock: Clock,
    skip: Mapping[int, str] = MappingProxyType({}),
    only: Collection[int] | None = None,
    tell: Callable[[dict[str, Any]], None] = lambda told: None,
) -> list[Failure]:
    """Run the cells one statement at a time: one that fails stops no other. Return what failed.

    Cells may be out of order: those statements that failed before they changed anything are tried
    once more at the end, as numbers of their own. Those that are known to run out of time, `skip`,
    are not tried at all, nor are any but those in `only`, if there is one. Where it has come to is
    told before each statement, and what is late as it happens: what never ends can tell nothing
    afterwards.
    """
    todo: list[Any] = [(n, *one, None) for n, one in enumerate(statements.statements(sources))]
    count, failed = len(todo), list[Failure]()
    flags = 0  # of `from __future__ import annotations`, which holds for all that comes after
    for number, where, statement, before in todo:
        again = before is not None  # an error of a submission's own may count as false
        if again and not untouched(statement, before, namespace):
            failed.append((number, where, statement, before))
            continue
        flags |= AGAIN_FLAGS if again else 0
        skipped = skip.get(number) or (SPENT if only is not None and number not in only else "")
        try:
            if skipped:
                raise OutOfTime(skipped)
            tell({"at": number, "seconds": (seconds := clock.share())})
            flags |= execute(statement, where, namespace, seconds, flags)
        except BaseException as error:
            signal.setitimer(signal.ITIMER_REAL, 0)  # an alarm may ring while it is turned off
            if isinstance(error, OutOfTime) and not skipped:
                wait()
                error = OutOfTime(SPENT) if clock.spent() else error
                tell({"at": number, "late": say(error)})
            number += 0 if again else count
            (failed if again else todo).append((number, where, statement, error))
    return sorted(failed, key=lambda one: one[0] % count)


def untouched(
    statement: statements.Statement, error: BaseException, namespace: dict[str, Any]
) -> bool:
    """Tell whether a statement that failed has changed nothing, and may now have more success.

    A definition or an import changes nothing before its end. What else lacked a name that is there
    by now has not begun if that name stands in what it evaluates first; and an assignment has not
    ended wherever the name was lacking.
    """
    if isinstance(statement, DEFINING):
        return not isinstance(error, OutOfTime)
    if type(error) is not NameError or type(error.name) is not str or error.name not in namespace:
        return False
    return isinstance(statement, ASSIGNING) or error.name in statements.first_names(statement)


def execute(
    statement: statements.Statement,
    where: str,
    namespace: dict[str, Any],
    seconds: float,
    flags: int,
) -> int:
    """Run one statement; return the flags that it sets for those after it."""
    if isinstance(statement, Exception):
        raise statement
    if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
        flags |= getattr(__future__, statement.names[0].name).compiler_flag
    code = compile(ast.Module([statement], []), where, "exec", flags, True)
    settle(namespace)
    with at_most(seconds):
        exec(code, namespace)
        wait()
    return flags


def said(failed: list[Failure]) -> list[str]:
    """Say what failed, in so many lines that they can be read."""
    lines = [f"{where}: {say(error)}" for _, where, _, error in failed]
    more = len(lines) - LONG_LIST
    return [*lines[:LONG_LIST], f"and {more} statements more"] if more > 0 else lines


def answer(request: dict[str, Any], namespace: dict[str, Any]) -> dict[str, Any]:
    """Call a function of the submission, or give one of its values."""
    name = request["name"]
    if name not in namespace:
        return {"error": f"there is no `{name}`", "missing": True}
    try:
        settle(namespace)
        value = namespace[name]
        if "args" in request:
            with at_most(request["seconds"]):
                value = value(*unpack(request["args"]))
        return {"value": pack(value)}
    except BaseException as error:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if late := isinstance(error, OutOfTime):
            wait()
        return {"error": say(error), "late": late}


def reply(number: int, told: dict[str, Any]) -> bytes:
    """Write an answer, or that it cannot be written."""
    try:
        return line({"id": number, **told})
    except (ValueError, RecursionError) as error:  # such as a number of 5,000 digits
        return line({"id": number, "error": say(error)})


def new() -> dict[str, Any]:
    """Return what the names of a notebook are before its first cell."""
    return {"__name__": "__main__", "display": print}


def private_channel() -> tuple[BinaryIO, BinaryIO]:
    """Keep stdin and stdout for the grader; what the submission prints goes nowhere."""
    asked, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    return asked, told


def main() -> None:
    """Run the cells that come first, then answer line by line."""
    asked, told = private_channel()

    def tell(message: dict[str, Any], number: int) -> None:
        told.write(reply(number, message))
        told.flush()

    sys.path.append(os.getcwd())
    tell({"ready": True}, 0)
    start = json.loads(asked.readline())
    surround(start["cells"])
    namespace, say_so = new(), partial(tell, number=start["id"])
    clock, skip = Clock(start["seconds"], start["total"]), dict(start["skip"])
    failed = run(start["cells"], namespace, clock, skip, start["only"], say_so)
    say_so({"failed": said(failed), "defined": defined(namespace)})
    for request in map(json.loads, asked):
        tell(answer(request, namespace), request["id"])


def defined(namespace: dict[str, Any]) -> list[str]:
    """Name the functions that the submission wrote."""
    own = [k for k, v in namespace.items() if getattr(v, "__module__", "") == "__main__"]
    return sorted(set(map(str, own)) - {"get_ipython"})[:100]


if __name__ == "__main__":
    main()
