"""The graders are graded: right answers get all points, and wrong ones lose some."""

import contextlib
import importlib.util
import re
import signal
from collections.abc import Iterator
from typing import Any

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

from assemble import ROOT
from grading import runner
from grading.judge import Question, judge, load
from grading.submission import Failed
from grading.wire import pack, unpack
from homework import Homework, find, solved, without_solution

HOMEWORK = find(ROOT)
VARIANT, SEED = 7, 1
CAUGHT = 0.95  # of a homework's wrong answers

# What is lax for a student is lax here, else a wrong answer could be caught for a wrong reason.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


class Local:
    """Stands for a submission in its sandbox: the same answers, without the second process."""

    def __init__(self, cells: list[str]):
        signal.signal(signal.SIGALRM, runner.stop)
        self.namespace: dict[str, Any] = {"__name__": "__main__", "get_ipython": runner.Nothing}
        self.defined: list[str] = []
        self.failed = runner.run(cells, self.namespace, 60)

    @contextlib.contextmanager
    def changed(self, source: str) -> Iterator["Local"]:
        """Be the same submission with some of its names defined in another way, for a while."""
        before = dict(self.namespace)
        failed = runner.run([source], self.namespace, 60)
        assert not failed, failed
        try:
            yield self
        finally:
            self.namespace.clear()
            self.namespace.update(before)

    def call(self, name: str, *args: Any) -> Any:
        return self._value({"name": name, "args": pack(list(args)), "seconds": 60})

    def get(self, name: str) -> Any:
        return self._value({"name": name})

    def _value(self, request: dict[str, Any]) -> Any:
        told = runner.answer(request, self.namespace)
        if "error" in told:
            raise Failed(f"`{request['name']}`: {told['error']}")
        return unpack(told["value"])


def answers(name: str, kind: str) -> dict[int, dict[str, str]]:
    """Read the WRONG or RIGHT answers in a homework's mutants.py."""
    path = ROOT / "book" / "homework" / name / "mutants.py"
    spec = importlib.util.spec_from_file_location("mutants", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, kind)


@pytest.fixture(autouse=True, scope="module")
def _as_at_a_students(tmp_path_factory):
    """Let JAX be as lax as it is by default, and compile what wrong answers share only once."""
    settings = {
        "jax_numpy_rank_promotion": "allow",
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("jax")),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
    }
    before = {name: jax.config.values[name] for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.fixture(scope="module", params=HOMEWORK, ids=lambda homework: homework.name)
def homework(request) -> Homework:
    return request.param


@pytest.fixture(scope="module")
def questions(homework) -> list[Question]:
    return load(homework.source.with_suffix(""))


@pytest.fixture(scope="module")
def solution(homework) -> Local:
    own = f"VARIANT = {VARIANT}"
    return Local([re.sub(r"^VARIANT = \d+", own, cell) for cell in solved(homework)])


def points(question: Question, submission: Local) -> float:
    (result,) = judge([question], submission, VARIANT, SEED)
    return result.got


def test_the_solution_runs_and_gets_all_points(questions, solution):
    assert not solution.failed
    for result in judge(questions, solution, VARIANT, SEED):
        lost = [f"{c.what}: {c.message}" for c in result.checks if c.got < c.points]
        assert not lost, f"question {result.number}: {lost}"
        assert result.got == pytest.approx(result.points - result.by_hand)


def test_the_untouched_notebook_gets_nothing(homework, questions):
    handout = Local([without_solution(cell) for cell in solved(homework)])
    found = judge(questions, handout, VARIANT, SEED)
    assert {result.number: result.got for result in found} == {q.number: 0 for q in questions}


def test_right_answers_written_otherwise_get_all_points(homework, questions, solution):
    written = answers(homework.name, "RIGHT")
    for question in questions:
        most = question.points - question.by_hand
        assert not most or len(written[question.number]) >= 3, f"question {question.number}"
        for name, source in written.get(question.number, {}).items():
            with solution.changed(source) as other:
                (result,) = judge([question], other, VARIANT, SEED)
            lost = [f"{c.what}: {c.message}" for c in result.checks if c.got < c.points]
            assert not lost, f"question {question.number}, {name}: {lost}"


def test_wrong_answers_lose_points(homework, questions, solution):
    written, kept, total = answers(homework.name, "WRONG"), [], 0
    for question in questions:
        most = question.points - question.by_hand
        assert not most or len(written[question.number]) >= 8, f"question {question.number}"
        for name, source in written.get(question.number, {}).items():
            total += 1
            with solution.changed(source) as mutant:
                if points(question, mutant) >= most:
                    kept.append(f"question {question.number}: {name}")
    assert len(kept) <= (1 - CAUGHT) * total, kept
