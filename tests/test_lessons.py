"""The committed notebooks: fresh, executed without error, and in the form that every lesson has."""

import re

import nbformat
import pytest

import runtimes_page
from assemble import ROOT, Lesson, find, stale

LESSONS = find(ROOT, [])
TAGS = {
    "solution",
    "hide-cell",
    "hide-input",
    "hide-output",
    "remove-cell",
    "remove-input",
    "remove-output",
    "scroll-output",
    "full-width",
    "raises-exception",
    "nbval-skip",
    "nbval-ignore-output",
    "nbval-check-output",
}
BUDGET, LONGEST = 60, 120  # seconds on two cores; the second with a reason
LONGER = {
    "04_the_recall_cliff": "93 s: five models are trained for one figure, and two exercises train",
    "06_work_and_depth": "97 s: 66 of them measure times, whose repeats carry the claims",
    "07_one_token_at_a_time": "86 s: a Transformer learns to write its working, an exercise trains",
    "08_the_exact_oracle": "85 s: four records have small cases of every model, exercises train",
    "10_loops": "90 s: three records have small cases of every model and decoder",
    "13_adding_attention": "95 s: small cases of every model in three records, exercises train",
}


@pytest.fixture(params=LESSONS, ids=lambda lesson: lesson.name)
def lesson(request) -> Lesson:
    return request.param


@pytest.fixture
def cells(lesson) -> list:
    return nbformat.read(lesson.notebook, as_version=4).cells


@pytest.fixture
def code(cells) -> list:
    return [cell for cell in cells if cell.cell_type == "code"]


def test_every_notebook_has_a_source():
    built = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert built == {lesson.name for lesson in LESSONS}


def test_notebook_is_fresh(lesson):
    assert not stale(lesson), "run `make lessons`"


def test_notebook_ran_to_its_end(code):
    assert all(cell.execution_count for cell in code), "a cell was not executed"
    errors = [o.evalue for cell in code for o in cell.outputs if o.output_type == "error"]
    expected = [cell for cell in code if "raises-exception" in cell.metadata.get("tags", [])]
    assert len(errors) == len(expected), errors


def test_notebook_is_quiet(code):
    """Warnings and progress bars were for whoever built it."""
    streams = [o for cell in code for o in cell.outputs if o.output_type == "stream"]
    assert not [o.text for o in streams if o.name == "stderr"]


def test_notebook_ran_in_time(lesson):
    seconds = 60 * runtimes_page.read(lesson.notebook).minutes
    assert seconds <= (LONGEST if lesson.name in LONGER else BUDGET), "make it shorter, or say why"


def test_cells_are_short(code):
    """What a lesson imports is a list, and is not counted."""
    for cell in code:
        lines = [n for n in cell.source.splitlines() if not n.startswith(("import ", "from "))]
        assert len(lines) <= 20, cell.source


def test_tags_are_known(code):
    """A tag in upper case, or misspelt, would be ignored in silence."""
    assert {tag for cell in code for tag in cell.metadata.get("tags", [])} <= TAGS


def test_figures_have_alt_text(code):
    for cell in code:
        if any(kind.startswith("image/") for o in cell.outputs for kind in o.get("data", {})):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt.split()) >= 5, f"say what this figure shows:\n{cell.source}"


def test_prose_is_plain_markdown(cells):
    """GitHub and Colab show MyST's roles and directives raw."""
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert not re.findall(r"\{[a-z:-]+\}`|^(?:```|:::)\{", prose, re.MULTILINE)


def test_exercises_have_folded_solutions(cells):
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert re.search(r"^## Exercises", prose, re.MULTILINE)
    solutions = [c for c in cells if "solution" in c.metadata.get("tags", [])]
    assert len(solutions) >= 3
    assert all("hide-cell" in cell.metadata.tags for cell in solutions)
