"""Inside the sandbox: run a submission's cells, then do what the grader asks of what they defined.

This process is the submission's. It knows no hidden test and no right answer, and nothing that it
does to itself changes how its answers are judged, which happens in another process.
"""

import __future__

import ast
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, BinaryIO

from grading.wire import line, pack, unpack

MAGIC = re.compile(r"\s*%%(time|timeit|capture)\b.*\n")  # the rest of the cell is Python
LONG = "# long"  # how a cell begins that the grader need not run
ABOUT = 300  # characters of an error that are passed on


class OutOfTime(BaseException):
    """Not an Exception, so that a submission's own `except Exception` lets it through."""


class Nothing:
    """Stands for IPython's shell: whatever a magic or a shell command would do is left out."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def stop(signum: int, frame: FrameType | None) -> None:
    """Be called by the alarm clock."""
    raise OutOfTime


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Interrupt what takes longer; a call into compiled code is interrupted when it returns."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def say(error: BaseException) -> str:
    """Name an error in one line."""
    if isinstance(error, OutOfTime):
        return "it took too long"
    return " ".join(f"{type(error).__name__}: {error}".split())[:ABOUT]


def statements(cells: list[str]) -> Iterator[tuple[str, ast.stmt | Exception]]:
    """Give every statement of every cell, or what keeps a cell from being read, and its place."""
    from IPython.core.inputtransformer2 import TransformerManager

    for number, cell in enumerate(cells, 1):
        if cell.lstrip().lower().startswith(LONG):
            continue
        try:
            cell = MAGIC.sub("\n", cell, count=1) if MAGIC.match(cell) else cell
            for statement in ast.parse(TransformerManager().transform_cell(cell)).body:
                yield f"code cell {number}, line {statement.lineno}", statement
        except SyntaxError as error:
            yield f"code cell {number}, line {error.lineno}", error
        except (ValueError, RecursionError, MemoryError) as error:  # no text, or nested too deep
            yield f"code cell {number}", error


def run(cells: list[str], namespace: dict[str, Any], seconds: float) -> list[str]:
    """Run the cells one statement at a time: one that fails stops no other. Return what failed.

    Statements that failed are tried once more at the end: cells may be out of order.
    """
    failed: list[tuple[str, ast.stmt | Exception, BaseException]] = []
    flags = 0  # of `from __future__ import annotations`, which holds for all that comes after
    for again in (False, True):
        todo = [(where, what) for where, what, _ in failed] if again else statements(cells)
        failed = []
        for where, statement in todo:
            try:
                if isinstance(statement, Exception):
                    raise statement
                if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
                    for name in statement.names:
                        flags |= getattr(__future__, name.name).compiler_flag
                code = compile(ast.Module([statement], []), where, "exec", flags, True)
                with at_most(seconds):
                    exec(code, namespace)
            except BaseException as error:
                failed.append((where, statement, error))
    return [f"{where}: {say(error)}" for where, _, error in failed]


def answer(request: dict[str, Any], namespace: dict[str, Any]) -> dict[str, Any]:
    """Call a function of the submission, or give one of its values."""
    name = request["name"]
    if name not in namespace:
        return {"error": f"there is no `{name}`"}
    try:
        value = namespace[name]
        if "args" in request:
            with at_most(request["seconds"]):
                value = value(*unpack(request["args"]))
        return {"value": pack(value)}
    except BaseException as error:
        return {"error": say(error)}


def reply(number: int, told: dict[str, Any]) -> bytes:
    """Write an answer, or that it cannot be written."""
    try:
        return line({"id": number, **told})
    except (ValueError, RecursionError) as error:  # such as a number of 5,000 digits
        return line({"id": number, "error": say(error)})


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
    signal.signal(signal.SIGALRM, stop)
    sys.path.append(os.getcwd())
    told.write(line({"ready": True}))
    told.flush()
    start = json.loads(asked.readline())
    namespace = {"__name__": "__main__", "get_ipython": Nothing, "display": print}
    failed = run(start["cells"], namespace, start["seconds"])
    told.write(line({"id": start["id"], "failed": failed[:20], "defined": defined(namespace)}))
    told.flush()
    for request in map(json.loads, asked):
        told.write(reply(request["id"], answer(request, namespace)))
        told.flush()


def defined(namespace: dict[str, Any]) -> list[str]:
    """Name the functions that the submission wrote."""
    own = [k for k, v in namespace.items() if getattr(v, "__module__", "") == "__main__"]
    return sorted(set(map(str, own)) - {"get_ipython"})[:100]


if __name__ == "__main__":
    main()
