"""Grade the graders: right answers must get all points, and wrong ones lose some (`make graders`).

What comes out is kept in book/homework/graders.json and shown in book/instructors.md, as counts:
which wrong answers pass would be a hint.
"""

import contextlib
import importlib.util
import json
import re
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
from jax.experimental.compilation_cache import compilation_cache

import generated
from assemble import ROOT
from grading import runner
from grading.judge import Question, judge, load
from grading.submission import Failed, Missing
from grading.wire import pack, unpack
from homework import Homework, find, solved

MEASURED = ROOT / "book" / "homework" / "graders.json"
PAGE = ROOT / "book" / "instructors.md"
NAME = "graders"
HEAD = """\
| Homework | Question | Right answers | of them with all points | Wrong answers | of them caught |
|---|---|---|---|---|---|"""
VARIANT, SEED = 7, 1
# As lax as a student's JAX, else a wrong answer could be caught for a wrong reason; and what the
# answers share is compiled once, for the next time, too.
SETTINGS = {
    "jax_numpy_rank_promotion": "allow",
    "jax_compilation_cache_dir": str(ROOT / ".cache" / "jax"),
    "jax_persistent_cache_min_compile_time_secs": 0.0,
}


class Local:
    """Stands for a submission in its sandbox: the same answers, without the second process."""

    def __init__(self, cells: list[str]):
        self.namespace = runner.new()
        self.defined: list[str] = []
        self.failed = self._run(cells)

    @contextlib.contextmanager
    def changed(self, source: str) -> Iterator["Local"]:
        """Be the same submission with some of its names defined in another way, for a while.

        Raises: ValueError (the source does not run).
        """
        before = dict(self.namespace)
        if failed := self._run([source]):
            raise ValueError(f"{failed} in:\n{source}")
        try:
            yield self
        finally:
            self.namespace.clear()
            self.namespace.update(before)

    def call(self, name: str, *args: Any) -> Any:
        """Call one of its functions. Raises: Failed."""
        return self._value({"name": name, "args": pack(list(args)), "seconds": 60})

    def get(self, name: str) -> Any:
        """Read one of its values. Raises: Failed."""
        return self._value({"name": name})

    def _run(self, cells: list[str]) -> list[str]:
        return runner.said(runner.run(cells, self.namespace, runner.Clock(60)))

    def _value(self, request: dict[str, Any]) -> Any:
        told = runner.answer(request, self.namespace)
        if "error" in told:
            kind = Missing if "missing" in told else Failed
            raise kind(f"`{request['name']}`: {told['error']}")
        return unpack(told["value"])


class Tally(NamedTuple):
    """What one question's checks made of the answers that are known to be right or wrong."""

    right: dict[str, list[str]]  # by the answer's name, the checks at which it lost points
    wrong: dict[str, list[str]]

    def counts(self) -> dict[str, int]:
        """Count them, as they are written down."""
        return {
            "right": len(self.right),
            "with all points": sum(not lost for lost in self.right.values()),
            "wrong": len(self.wrong),
            "caught": sum(bool(lost) for lost in self.wrong.values()),
        }


@contextlib.contextmanager
def lax() -> Iterator[None]:
    """Set JAX as SETTINGS say, for a while."""
    before = {name: jax.config.values[name] for name in SETTINGS}
    _set(SETTINGS)
    try:
        yield
    finally:
        _set(before)


def _set(settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


def questions(homework: Homework) -> list[Question]:
    """Return the questions of a homework that its checks give points for."""
    return [q for q in load(homework.source.with_suffix("")) if q.points > q.by_hand]


def solution(homework: Homework) -> Local:
    """Run a homework's own solution."""
    own = f"VARIANT = {VARIANT}"
    return Local([re.sub(r"^VARIANT = \d+", own, cell) for cell in solved(homework)])


def answers(homework: Homework) -> tuple[dict[int, dict[str, str]], dict[int, dict[str, str]]]:
    """Read a homework's mutants.py: the RIGHT and the WRONG answers, by question and name."""
    path = homework.source.with_suffix("") / "mutants.py"
    spec = importlib.util.spec_from_file_location("mutants", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.RIGHT, module.WRONG


def lost(question: Question, submission: Local) -> list[str]:
    """Put one question, and name the checks at which points were lost, with their messages."""
    (result,) = judge([question], submission, VARIANT, SEED)
    return [f"{c.what}: {c.message}" for c in result.checks if c.got < c.points]


def measure(homework: Homework, question: Question, submission: Local) -> Tally:
    """Put a question to all its known answers: each is the solution with some names redefined."""

    def put(source: str) -> list[str]:
        with submission.changed(source) as other:
            return lost(question, other)

    right, wrong = (known.get(question.number, {}) for known in answers(homework))
    return Tally(*({name: put(source) for name, source in a.items()} for a in (right, wrong)))


def text() -> str:
    """Return the generated part of the page: a row for each question, from what was measured."""
    rows, found = [HEAD], json.loads(MEASURED.read_text(encoding="utf-8"))
    for homework in find(ROOT):
        title = homework.source.read_text(encoding="utf-8").partition("\n# ")[2].partition("\n")[0]
        for question in questions(homework):
            counts = found[homework.name][str(question.number)]
            cells = [title, f"{question.number}. {question.title}", *counts.values()]
            rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


def main() -> None:
    """Measure all questions, with a line for each; write both files."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    with lax():
        for homework in find(ROOT):
            own = solution(homework)
            for question in questions(homework):
                started = time.monotonic()
                counts = measure(homework, question, own).counts()
                found.setdefault(homework.name, {})[str(question.number)] = counts
                seconds = time.monotonic() - started
                print(
                    f"{homework.name}, question {question.number}: {counts}, {seconds:.0f} s",
                    flush=True,
                )
    MEASURED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    generated.refresh(PAGE, NAME, text())


if __name__ == "__main__":
    sys.exit(main())
