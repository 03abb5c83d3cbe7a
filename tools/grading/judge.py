"""Questions, their checks, and what a submission gets for them.

A homework's checks are Python in its folder under book/homework: functions marked `@question`, each
given an Exam. They run here, outside the sandbox; of a submission they see nothing but its answers.
"""

import sys
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from grading.sandbox import COURSE
from grading.submission import Failed, Missing, Stopped


class Wrong(Exception):
    """An answer that is not right; the message is for the student, and gives nothing away."""


class Asked(Protocol):
    """What is judged: a Submission in its sandbox, or a stand-in for it in the tests."""

    defined: list[str]

    def call(self, name: str, *args: Any) -> Any:
        """Call one of its functions."""

    def get(self, name: str) -> Any:
        """Read one of its values."""


@dataclass(frozen=True)
class Question:
    """One question of a homework."""

    number: int
    title: str
    points: float
    needs: tuple[str, ...]  # the names that an answer must define
    examine: Callable[["Exam"], None]
    by_hand: float = 0  # points that a person gives, of `points`


@dataclass
class Check:
    """One thing that was looked at."""

    what: str
    points: float
    got: float = 0
    message: str = ""


@dataclass
class Result:
    """What a submission got for one question."""

    number: int
    title: str
    points: float
    by_hand: float = 0
    checks: list[Check] = field(default_factory=list)
    reason: str = ""  # why nothing could be checked
    texts: dict[str, str] = field(default_factory=dict)  # for the person who grades by hand

    @property
    def got(self) -> float:
        """The points so far: without those that a person gives."""
        return sum(check.got for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """Give all of it, as JSON can hold it."""
        return {**asdict(self), "got": self.got}


class Exam:
    """What a question's function is given: the submission, its variant, hidden numbers."""

    def __init__(self, submission: Asked, variant: int, question: Question, seed: int):
        self.submission, self.variant = submission, variant
        self.rng = np.random.default_rng([seed, question.number, variant])
        self.result = Result(question.number, question.title, question.points, question.by_hand)

    def ask(self, name: str, *args: Any) -> Any:
        """Call a function of the submission. Raises: Wrong (it failed), Stopped."""
        try:
            return self.submission.call(name, *args)
        except Stopped:
            raise
        except Failed as error:
            raise Wrong(str(error)) from None

    def value(self, name: str) -> Any:
        """Read a value of the submission. Raises: Wrong (there is none), Stopped."""
        try:
            return self.submission.get(name)
        except Stopped:
            raise
        except Failed as error:
            raise Wrong(str(error)) from None

    def check(self, points: float, what: str, test: Callable[[], Any]) -> bool:
        """Give the points if the test neither raises nor returns False; say whether it did."""
        check = Check(what, points)
        self.result.checks.append(check)
        try:
            if test() is False:
                raise Wrong("not so")
        except (Stopped, Wrong) as error:
            check.message = str(error)
        except Exception as error:  # an answer of a kind that the check did not think of
            check.message = f"an answer of an unexpected form ({type(error).__name__})"
        else:
            check.got = points
        return check.got > 0

    def text(self, name: str) -> str:
        """Keep a text, or a value as Python writes it, for the person who grades by hand."""
        try:
            text = self.value(name)
        except (Wrong, Stopped) as error:
            self.result.texts[name] = f"({error})"
            return ""
        written = text if isinstance(text, str) else "" if text is None else repr(text)
        self.result.texts[name] = written[:20_000]
        return self.result.texts[name]


def question(
    number: int, title: str, points: float, *needs: str, by_hand: float = 0
) -> Callable[[Callable[[Exam], None]], Question]:
    """Make a function of an Exam a question."""
    return lambda examine: Question(number, title, points, needs, examine, by_hand)


def close(
    got: Any, expected: Any, what: str = "it", rtol: float = 1e-3, atol: float = 1e-5
) -> None:
    """Compare numbers without giving the right ones away. Raises: Wrong."""
    if got is None:
        raise Wrong(f"{what} is missing: the function returned nothing")
    got, expected = np.asarray(got), np.asarray(expected)
    if got.dtype.kind not in "biuf":
        raise Wrong(f"{what} must be numbers, got {got.dtype}")
    if got.shape != expected.shape:
        raise Wrong(f"{what} has the shape {got.shape}, needed {expected.shape}")
    off = ~np.isclose(got.astype(float), expected.astype(float), rtol, atol)
    if off.any():
        where = f" in {off.sum()} of {off.size} places" if off.size > 1 else ""
        raise Wrong(f"{what} is not right{where}")


def load(folder: Path) -> list[Question]:
    """Read a homework's questions from its checks, in order; they may use rnnlib, this one."""
    if str(COURSE) not in sys.path:
        sys.path.insert(0, str(COURSE))
    known = vars(program(folder, "checks")).values()
    found = [value for value in known if isinstance(value, Question)]
    return sorted(found, key=lambda question: question.number)


def program(folder: Path, name: str) -> ModuleType:
    """Run what lies beside a homework, a file or a package, under a name of its own; return it."""
    spec = PathFinder.find_spec(name, [str(folder)])
    assert spec and spec.origin, f"{folder} has no {name}"
    whole = f"{folder.name}_{name}"
    spec = spec_from_file_location(
        whole, spec.origin, submodule_search_locations=spec.submodule_search_locations
    )
    assert spec and spec.loader
    module = module_from_spec(spec)
    sys.modules[whole] = module  # where a package's own modules look for it
    spec.loader.exec_module(module)
    return module


def judge(
    questions: list[Question],
    submission: Asked,
    variant: int,
    seed: int,
    kind: type[Exam] = Exam,
) -> list[Result]:
    """Put all questions to a submission, each independent of the others."""
    results = []
    for question in questions:
        exam = kind(submission, variant, question, seed)
        try:
            reason = _missing(question, submission)
        except Stopped as error:
            reason = f"The notebook did not run: {error}."
        if reason:
            lost = question.points - question.by_hand
            exam.result.reason = reason
            exam.result.checks = [Check("is there an answer?", lost, 0, reason)]
        else:
            try:
                question.examine(exam)
            except Exception as error:  # between two checks: what was earned before counts
                exam.result.reason = f"The checks ended early ({type(error).__name__})."
        results.append(exam.result)
    return results


def seed_of(name: str) -> int:
    """Return a number that is the same for the same name on every machine."""
    return zlib.crc32(name.encode())


def _missing(question: Question, submission: Asked) -> str:
    """Say which names are missing, and which others there are: it may have been renamed."""
    missing = [f"`{name}`" for name in question.needs if not _has(submission, name)]
    if not missing:
        return ""
    others = f" It defines {', '.join(submission.defined[:12])}." if submission.defined else ""
    return f"The notebook defines no {' and no '.join(missing)}.{others}"


def _has(submission: Asked, name: str) -> bool:
    try:
        submission.get(name)
    except Stopped:
        raise
    except Failed as error:  # a function is there, but cannot be packed
        return not isinstance(error, Missing)
    return True
