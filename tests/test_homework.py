"""Homework: students get the questions and nothing else."""

import nbformat
import pytest

from assemble import ROOT, stale
from homework import BEGIN, Homework, find, solved, without_solution

HOMEWORK = find(ROOT)
SITE = ROOT / "_build" / "html"
SHOWN = {".html", ".ipynb", ".js", ".md", ".txt", ".json"}


@pytest.fixture(params=HOMEWORK, ids=lambda homework: homework.name)
def homework(request) -> Homework:
    return request.param


def secrets(homework: Homework) -> set[str]:
    """Lines that only the teacher may see: solutions, hidden tests, rubric, wrong answers."""
    handout = "\n".join(map(without_solution, solved(homework)))
    files = sorted(homework.source.with_suffix("").glob("*.*"))
    solution = {line.strip() for cell in solved(homework) for line in cell.splitlines()}
    text = "\n".join([*solution, *(file.read_text() for file in files)])
    cells = {line.strip() for line in handout.splitlines()}
    prose = homework.source.read_text()
    return {
        line
        for line in map(str.strip, text.splitlines())
        if len(line) >= 25 and line not in cells and (line in solution or line not in prose)
    }


def test_solutions_are_cut_out_where_they_are_marked():
    cell = "def f(x):\n    # BEGIN SOLUTION\n    y = x\n    return y\n    # END SOLUTION\n\nf(1)"
    assert without_solution(cell) == "def f(x):\n    ...\n\nf(1)"
    for broken in (BEGIN, "# END SOLUTION", f"{BEGIN}\n{BEGIN}\n# END SOLUTION"):
        with pytest.raises(ValueError, match="without its partner"):
            without_solution(broken)


def test_the_notebook_is_fresh_and_ran_to_its_end(homework):
    assert not stale(homework), "run `make homework`"
    notebook = nbformat.read(homework.notebook, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    outputs = [output for cell in code for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert any("not yet" in output.get("text", "") for output in outputs), "self-checks say so"


def test_there_are_secrets_to_keep(homework):
    assert len(secrets(homework)) > 50


def test_no_notebook_holds_a_solution_or_a_hidden_test(homework):
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        text = "\n".join(cell.source for cell in cells)
        assert not [line for line in secrets(homework) if line in text], path


@pytest.mark.browser
def test_nothing_on_the_built_site_holds_a_solution_or_a_hidden_test(homework):
    """Pages, sources and the search index."""
    hidden = secrets(homework)
    files = [p for p in SITE.rglob("*") if p.suffix in SHOWN and "mathjax" not in p.parts]
    assert (SITE / "searchindex.js") in files
    for path in files:
        text = path.read_text(errors="replace")
        found = [line for line in hidden if line in text]
        assert not found, f"{path}: {found}"
