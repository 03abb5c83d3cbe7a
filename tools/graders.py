"""Grade the graders: right answers must get all points, and wrong ones lose some (`make graders`).

What comes out is kept in book/homework/graders.json and shown in book/instructors.md, as counts:
which wrong answers pass would be a hint.
"""

import contextlib
import functools
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
from jax.experimental.compilation_cache import compilation_cache

import generated
from assemble import ROOT
from grading.judge import Exam, Question, judge, load, program
from homework import Homework, find, solved
from local_submission import Local

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


@functools.cache  # what their checks compute is kept with them
def all_questions(homework: Homework) -> list[Question]:
    """Return the questions of a homework."""
    return load(homework.source.with_suffix(""))


def questions(homework: Homework) -> list[Question]:
    """Return the questions of a homework that its checks give points for."""
    return [question for question in all_questions(homework) if question.points > question.by_hand]


def solution(homework: Homework) -> Local:
    """Run a homework's own solution."""
    own = f"VARIANT = {VARIANT}"
    return Local([re.sub(r"^VARIANT = \d+", own, cell) for cell in solved(homework)])


def answers(homework: Homework) -> tuple[dict[int, dict[str, str]], dict[int, dict[str, str]]]:
    """Read a homework's mutants: the RIGHT and the WRONG answers, by question and name."""
    module = program(homework.source.with_suffix(""), "mutants")
    return module.RIGHT, module.WRONG


class Impatient(Exam):
    """Ends with the first check at which points are lost: it is known then that they are."""

    def check(self, points: float, what: str, test: Callable[[], Any]) -> bool:
        """Give points as an exam does. Raises: StopIteration (it did not)."""
        if not super().check(points, what, test):
            raise StopIteration
        return True


def lost(question: Question, submission: Local, kind: type[Exam] = Exam) -> list[str]:
    """Put one question, and name the checks at which points were lost, with their messages."""
    (result,) = judge([question], submission, VARIANT, SEED, kind)
    return [f"{c.what}: {c.message}" for c in result.checks if c.got < c.points]


def measure(homework: Homework, question: Question, submission: Local) -> Tally:
    """Put a question to all its known answers: each is the solution with some names redefined."""

    def put(answers: dict[str, str], kind: type[Exam]) -> dict[str, list[str]]:
        found = {}
        for name, source in answers.items():
            with submission.changed(source) as other:
                found[name] = lost(question, other, kind)
        return found

    right, wrong = (known.get(question.number, {}) for known in answers(homework))
    return Tally(put(right, Exam), put(wrong, Impatient))


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
