"""The graders are graded: right answers get all points, and wrong ones lose some."""

import functools
import json

import pytest

import generated
import graders
from assemble import ROOT
from graders import MEASURED, SEED, VARIANT, Local, all_questions, measure, questions
from grading.judge import judge
from homework import find, handout

HOMEWORK = find(ROOT)
CASES = {
    f"{homework.name}-{question.number}": (homework, question)
    for homework in HOMEWORK
    for question in questions(homework)
}
CAUGHT = 0.95  # of a question's wrong answers

# As at a student's, where a warning is no error.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
each_homework = pytest.mark.parametrize("homework", HOMEWORK, ids=lambda homework: homework.name)

solution = functools.cache(graders.solution)


@pytest.fixture(autouse=True, scope="module")
def _as_at_a_students():
    with graders.lax():
        yield


@each_homework
def test_the_solution_runs_and_gets_all_points(homework):
    assert not solution(homework).failed
    for result in judge(all_questions(homework), solution(homework), VARIANT, SEED):
        assert result.got == pytest.approx(result.points - result.by_hand), result


@each_homework
def test_the_untouched_notebook_gets_nothing(homework):
    untouched = Local(handout(homework))
    found = judge(all_questions(homework), untouched, VARIANT, SEED)
    assert not [result.number for result in found if result.got]


@pytest.mark.parametrize(("homework", "question"), CASES.values(), ids=CASES)
def test_right_answers_get_all_points_and_wrong_ones_lose_some(homework, question):
    found = measure(homework, question, solution(homework))
    assert len(found.right) >= 3 and not any(found.right.values()), found.right
    kept = [name for name, checks in found.wrong.items() if not checks]
    assert len(found.wrong) >= 8 and len(kept) <= (1 - CAUGHT) * len(found.wrong), kept
    written = json.loads(MEASURED.read_text())[homework.name][str(question.number)]
    assert found.counts() == written, "run `make graders`"


def test_the_page_is_up_to_date():
    page = graders.PAGE.read_text(encoding="utf-8")
    assert page == generated.updated(page, graders.NAME, graders.text()), "run `make graders`"
