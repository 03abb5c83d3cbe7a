"""Look over a homework notebook before it is handed in: what is missing, empty, or too slow."""

import contextlib
import difflib
import dis
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any, NamedTuple

from rnnlib.notebook.self_checks import pick

LONG = re.compile(
    r"(?:\s*(?:[#%!].*)?\n)*\s*#\s*long\b", re.IGNORECASE
)  # the grader runs no such cell
IDLE = ("RESUME", "NOP", "RETURN_VALUE")  # all that a function of `...` does, but for its None
STATEMENT, ALL = 30, 240  # seconds that the grader has for a statement, and for all cells


class Ran(NamedTuple):
    """A cell, and how it ran when it was run last."""

    source: str
    seconds: float
    failed: bool


class Watch:
    """Notes how long each cell takes, once it is set on; outside Jupyter it sees nothing."""

    def __init__(self):
        self.on, self.began = False, 0.0
        self.ran: dict[str, Ran] = {}  # by the cell's name, or its source where Jupyter gives none

    def set_on(self) -> None:
        """Begin, unless it has begun."""
        from IPython import get_ipython

        shell = get_ipython()
        if shell is not None and not self.on:
            self.on = True
            shell.events.register("pre_run_cell", self.before)
            shell.events.register("post_run_cell", self.after)

    def before(self, *_: Any) -> None:
        """Be told that a cell begins."""
        self.began = time.monotonic()

    def after(self, result: Any) -> None:
        """Be told how it ended."""
        source, seconds = result.info.raw_cell, time.monotonic() - self.began
        if self.began and source:
            key = getattr(result.info, "cell_id", None) or source
            self.ran[key] = Ran(source, seconds, not result.success)


WATCH = Watch()


def watch_cells() -> None:
    """Let `before_handing_in` know how long the cells take that are run from here on."""
    with contextlib.suppress(Exception):
        WATCH.set_on()


def before_handing_in(names: Mapping[str, Any], *needed: str) -> None:
    """Say what a homework lacks: `before_handing_in(globals(), "f", "RESULTS")`.

    It looks for names, for what is still empty, and for cells that take longer than the grader
    waits. It knows no right answer, and it never raises.
    """
    try:
        found = [*_variant(names), *_missing(names, needed), *_cells(list(WATCH.ran.values()))]
        found += _unseen(WATCH.ran.values(), needed)
    except Exception as error:
        found = [f"this check itself failed ({type(error).__name__})"]
    for line in found or [f"Nothing is missing: all {len(needed)} names are there."]:
        print(f"to do  {line}" if found else line)
    print(
        "Not looked at: whether answers are right, and whether the file is saved. "
        "Restart the kernel, run all cells, read this again, then save."
    )


def _variant(names: Mapping[str, Any]) -> Iterator[str]:
    try:
        pick(names.get("VARIANT"), "", [0])  # type: ignore[arg-type]
    except ValueError as error:
        yield str(error)
        return
    if names["VARIANT"] == 0:
        yield "VARIANT is 0: set it to your own number, if your teacher gave you one"


def _missing(names: Mapping[str, Any], needed: Sequence[str]) -> Iterator[str]:
    """Name what is not there, what may be it, and what is still as it was handed out."""
    own = {name for name, value in names.items() if getattr(value, "__module__", "") == "__main__"}
    for name in needed:
        if name not in names:
            like = difflib.get_close_matches(name, own - {*needed}, 1, cutoff=0.5)
            hint = f"; is it your `{like[0]}`? The grader knows it by this name" if like else ""
            yield f"`{name}` is not defined{hint}"
    if empty := [name for name in needed if name in names and _is_empty(names[name])]:
        yield f"still empty: {', '.join(empty)}"


def _is_empty(value: Any) -> bool:
    """Tell whether a function does nothing, and whether a value is none."""
    if isinstance(value, FunctionType):
        steps = [(step.opname, step.argval) for step in dis.get_instructions(value)]
        return all(name in IDLE or ("CONST" in name and what is None) for name, what in steps)
    if isinstance(value, str):
        return not value.strip()
    return value is None or value is ... or (isinstance(value, dict | list | tuple) and not value)


def _cells(ran: Sequence[Ran]) -> Iterator[str]:
    """Say which cells failed, or take longer than the grader waits."""
    if not ran:
        yield "no cell was seen running: run all of them, from the first on"
    run = [cell for cell in ran if not LONG.match(cell.source)]
    for cell in ran:
        begins = next((line.strip() for line in cell.source.splitlines() if line.strip()), "")
        cell_ = f"the cell that begins `{begins[:50]}`"
        if cell.failed:
            yield f"{cell_} ended in an error"
        if cell.seconds > STATEMENT and cell in run:
            yield (
                f"{cell_} took {cell.seconds:.0f} s; the grader gives a statement {STATEMENT} s. "
                "If no answer needs this cell, begin it with # long"
            )
    if (total := sum(cell.seconds for cell in run)) > ALL:
        yield f"the cells without # long took {total:.0f} s together; the grader gives them {ALL} s"


def _unseen(ran: Iterable[Ran], needed: Sequence[str]) -> Iterator[str]:
    """Say which answers stand only where the grader does not look."""
    for name in needed:
        defines = re.compile(rf"^(?:def {name}\b|{name}\s*=)", re.MULTILINE)
        found = [bool(LONG.match(cell.source)) for cell in ran if defines.search(cell.source)]
        if found and all(found):
            yield f"`{name}` is defined in a cell that begins with # long, which the grader skips"
