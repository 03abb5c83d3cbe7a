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
    "04_the_recall_cliff": "96 s: small cases of every cell, five models trained for one figure",
    "06_work_and_depth": "97 s: 66 of them measure times, whose repeats carry the claims",
    "07_one_token_at_a_time": "86 s: a Transformer learns to write its working, an exercise trains",
    "08_the_exact_oracle": "85 s: four records have small cases of every model, exercises train",
    "09_repairs": "90 s: four records have small cases of every arm, each its own program",
    "10_loops": "90 s: three records have small cases of every model and decoder",
    "11_drift_and_planning": "110 s: small cases of every writer in five records, exercises train",
    "13_adding_attention": "95 s: small cases of every model in three records, exercises train",
    "14_a_small_gpt": "110 s: small cases of sixteen models in four records, networks read again",
    "15_a_small_bert": "100 s: small cases of six models in five records, exercises train three",
    "16_the_scorecard": "110 s: small cases of ten models on six trainings, each its own program",
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
    """What a lesson imports is a list, and is not counted; 100 characters fit a desktop's page."""
    for cell in code:
        lines = [n for n in cell.source.splitlines() if not n.startswith(("import ", "from "))]
        assert len(lines) <= 20, cell.source
        assert max(map(len, lines), default=0) <= 100 or cell is code[0], cell.source


def test_tags_are_known(code):
    """A tag in upper case, or misspelt, would be ignored in silence."""
    assert {tag for cell in code for tag in cell.metadata.get("tags", [])} <= TAGS


def test_figures_have_alt_text(code):
    for cell in code:
        if any(kind.startswith("image/") for o in cell.outputs for kind in o.get("data", {})):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt.split()) >= 5, f"say what this figure shows:\n{cell.source}"


def without_figure(cells) -> list[str]:
    """Find the cells that should show a figure and show none."""
    return [
        cell.source
        for cell in cells
        if "image" in cell.metadata.get("mystnb", {}) or "plt.show()" in cell.source
        if not any("image/png" in output.get("data", {}) for output in cell.outputs)
    ]


def test_every_figure_was_drawn(code):
    """A backend without a screen draws in silence, and nothing of it enters the notebook."""
    assert not without_figure(code)
    shown = [1 for cell in code for o in cell.outputs if "image/png" in o.get("data", {})]
    assert len(shown) >= 3, "a lesson has at least three figures"


@pytest.mark.parametrize("source", ["explore(figure, rows, dials={'a': 1})", "plt.show()"])
def test_a_figure_that_is_missing_is_seen(source):
    new = nbformat.v4
    alt = {"mystnb": {"image": {"alt": "What the figure shows."}}} if "explore" in source else {}
    drawn = new.new_output("display_data", {"image/png": "", "text/plain": "<Figure>"})
    cells = [new.new_code_cell(source, metadata=alt, outputs=[drawn]), new.new_code_cell("x = 1")]
    assert not without_figure(cells)
    cells[0].outputs = [new.new_output("display_data", {"text/plain": "<Figure>"})]
    assert without_figure(cells) == [source]


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


def text(cell) -> str:
    """Everything that a cell says: its prose, or what it printed."""
    if cell.cell_type == "markdown":
        return cell.source
    return "\n".join(o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs)


def predictions(cells) -> list[tuple[str, int, int]]:
    """Find each prediction: its name, the cell that asks, and the one that answers."""
    asked, found = {}, []
    for i, cell in enumerate(cells):
        if cell.cell_type == "code":
            if question := re.match(r"([\w, ]+) = None", cell.source):
                asked |= dict.fromkeys(question[1].split(", "), i)
            names = re.findall(r"\bcompare\(\s*(\w+)", cell.source)
            found += [(name, asked.pop(name), i) for name in names if name in asked]
    assert not [name for name in asked if name.startswith("guess")], "asked, and not answered"
    return found


def told(cells) -> list[str]:
    """Say what stands unfolded above an answer that gives it away: a figure, a table, the number.

    On the site a cell that calls `compare` is folded, with what follows it in its section.
    """
    folded, problems = set(), []
    for name, start, end in predictions(cells):
        section = end
        while section < len(cells) and not (
            cells[section].cell_type == "markdown"
            and re.search(r"^#+ ", cells[section].source, re.MULTILINE)
        ):
            folded.add(section)
            section += 1
        measured = re.search(r"measured (\S+).*?(?:No guess made|$)", text(cells[end]))
        number = rf"(?<![\d.]){re.escape(measured[1])}(?!\d|\.\d)" if measured else "$^"
        for i in sorted(set(range(end)) - folded):
            shown = [k for o in cells[i].get("outputs", []) for k in o.get("data", {})]
            if i > start and {"image/png", "text/markdown", "text/html"} & set(shown):
                problems.append(f"{name}: a figure or a table in cell {i}")
            if len(measured[1]) > 3 and re.search(number, text(cells[i])):
                problems.append(f"{name}: {measured[1]} in cell {i}")
    return problems


def test_no_answer_stands_above_its_fold(lesson, cells):
    assert not told(cells)
    assert predictions(cells), "a lesson asks for at least one prediction"


@pytest.mark.parametrize("early", ["The answer is 0.893.", "figure"])
def test_an_answer_above_its_fold_is_seen(early):
    new = nbformat.v4
    figure = new.new_output("display_data", {"image/png": "", "text/plain": "<Figure>"})
    answer = new.new_output("stream", text="share: measured 0.893. No guess made.")
    cells = [
        new.new_markdown_cell("# Title\n\n## Predict"),
        new.new_code_cell("guess = None  # a share"),
        new.new_markdown_cell("## The experiment"),
        new.new_code_cell("compare(guess, x, 'share')", outputs=[answer]),
        new.new_code_cell("plot()", outputs=[figure]),
        new.new_markdown_cell("The share is 0.893, as foretold."),
    ]
    assert not told(cells)
    above = new.new_code_cell("plot()", outputs=[figure])
    cells.insert(3, above if early == "figure" else new.new_markdown_cell(early))
    assert len(told(cells)) == 1
