"""Look over a homework notebook before it is handed in: what is missing, empty, or too slow."""

import contextlib
import difflib
import dis
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any, NamedTuple

from rnnlib.notebook.bindings import AROUND, Uses, statements, words
from rnnlib.notebook.self_checks import pick

ABOVE = r"(?:\s*(?:[#%!].*)?\n)*\s*"  # what may stand above a cell's first statement
LONG = re.compile(rf"{ABOVE}#\s*long\b", re.IGNORECASE)  # the grader runs no such cell,
OTHER = re.compile(rf"{ABOVE}(%%(?!(?:{AROUND})\b)\w+)")  # nor what IPython does not run as Python
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
        found += _unseen(WATCH.ran.values(), [n for n in needed if not _is_empty(names.get(n))])
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
    """Say which answers stand, wholly or in part, only where the grader does not look."""
    view, late = View({*needed}), []
    for cell in ran:
        other = OTHER.match(cell.source)
        mark = "# long" if LONG.match(cell.source) else other[1] if other else ""
        why = f"is defined in a cell that begins with {mark}, which the grader skips"
        if mark:
            view.mention(words(cell.source), why)
        for uses in [] if other else statements(cell.source):
            if mark:
                view.skip(uses, why)
            elif not view.run(uses):
                late.append(uses)
    for uses in late:  # the grader, too, tries once more what failed
        view.run(uses)
    for name in needed:
        if name in view.gone:
            yield f"`{name}` {view.gone[name]}"


class View:
    """What the grader has when it has run its cells, as far as their text tells."""

    def __init__(self, needed: set[str]):
        self.needed = needed
        self.given: set[str] = set()
        self.empty: set[str] = set()  # given, but nothing yet
        self.gone: dict[str, str] = {}  # what it lacks, and why
        self.effects: dict[str, set[str]] = {}  # what each function changes that is not its own

    def mention(self, found: set[str], why: str) -> None:
        """Take for granted that a skipped cell gives what is empty elsewhere, and writes files."""
        files = {name for name in found if name.startswith("'")}
        self._miss(found & (self.needed | self.empty) | files, why)

    def skip(self, uses: Uses, why: str) -> None:
        """Note what a statement would have given, had it been run."""
        self._miss(uses.gives, why)
        for name in self._changed(uses) & (self.needed | self.empty):
            self.gone.setdefault(name, why.replace("defined", "changed", 1))

    def run(self, uses: Uses) -> bool:
        """Note what a statement gives; return whether all was there that it needs."""
        lacks = min(uses.needs & self.gone.keys(), default="")
        if lacks:
            it = lacks if lacks.startswith("'") else f"`{lacks}`"
            self.skip(uses, f"needs {it}, which {self.gone[lacks]}")
            return False
        full = uses.gives - uses.empty | self._changed(uses)
        self.given = self.given - uses.empty | full
        self.empty = (self.empty | uses.gives & uses.empty) - full
        self.gone = {name: why for name, why in self.gone.items() if name not in full}
        return True

    def _miss(self, found: set[str], why: str) -> None:
        self.gone = dict.fromkeys(sorted(found - self.given), why) | self.gone

    def _changed(self, uses: Uses) -> set[str]:
        """Return what a statement changes, by itself and by the functions that it needs."""
        inner = [self.effects.get(name, set()) for name in uses.needs]
        found = uses.changes.union(*inner)
        if uses.defines:
            self.effects[uses.defines] = found
        return set() if uses.defines else found
