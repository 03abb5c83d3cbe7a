"""Homework: students get the questions and nothing else."""

import html
import json
import linecache
import re
from functools import cache
from pathlib import Path

import nbformat
import pytest
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx.search.en import SearchEnglish

from assemble import ROOT, stale
from grading.published import BEGIN, without_solution
from homework import Homework, find, handout, solved
from lessons import build_stale
from rnnlib.notebook.self_checks import trying

HOMEWORK = find(ROOT)
SITE = ROOT / "_build" / "html"
SHOWN = {".html", ".ipynb", ".js", ".md", ".txt", ".json"}
STEM = cache(SearchEnglish({}).stem)  # as the search index keeps words


@pytest.fixture(params=HOMEWORK, ids=lambda homework: homework.name)
def homework(request) -> Homework:
    return request.param


@cache
def secrets(homework: Homework) -> set[str]:
    """Lines that only the teacher may see: solutions, hidden tests, rubric, wrong answers."""
    files = [p for p in homework.source.with_suffix("").rglob("*.*") if p.suffix != ".pyc"]
    solution = {line.strip() for cell in solved(homework) for line in cell.splitlines()}
    text = "\n".join([*solution, *(file.read_text() for file in files)])
    given = {line.strip() for o in HOMEWORK for cell in handout(o) for line in cell.splitlines()}
    prose = homework.source.read_text()
    return {
        line
        for line in map(str.strip, text.splitlines())
        if len(re.sub(r"\W", "", line)) >= 20
        and not line.startswith(("import ", "from "))  # says what a lesson imports, too
        and line not in given
        and (line in solution or line not in prose)
    }


def said(text: str, suffix: str) -> str:
    """What a file says without its markup: tags and escapes tear a line of code to pieces."""
    if suffix == ".html":
        return html.unescape(re.sub(r"<[^>]*>", "", text))
    return re.sub(r"\\([\"\\])", r"\1", text) if suffix in (".ipynb", ".js", ".json") else text


def leaks(path: Path, homework: Homework) -> list[str]:
    """The secret lines that a file says."""
    text = said(path.read_text(errors="replace"), path.suffix)
    return [line for line in secrets(homework) if line in text]


def words(text: str) -> set[str]:
    """The words of a text, as the search index keeps them; short ones may come from anywhere."""
    stems = {STEM(word) for word in set(re.findall(r"[^\W\d]\w+", text.lower()))}
    return {stem for stem in stems if len(stem) > 3}


def test_solutions_are_cut_out_where_they_are_marked():
    cell = "def f(x):\n    # BEGIN SOLUTION\n    y = x\n    return y\n    # END SOLUTION\n\nf(1)"
    assert without_solution(cell) == "def f(x):\n    ...\n\nf(1)"
    for broken in (BEGIN, "# END SOLUTION", f"{BEGIN}\n{BEGIN}\n# END SOLUTION"):
        with pytest.raises(ValueError, match="without its partner"):
            without_solution(broken)


@pytest.fixture
def toy(tmp_path) -> Homework:
    """A course of one homework: a cell that is given, one to leave out, and one to fill in."""
    for folder in ("book/homework", "rnnlib/notebook"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "_config.yml").write_text("repository: {url: https://git.example/a, branch: v1}")
    for module in ("__init__", "notebook/__init__", "notebook/first_cell"):
        (tmp_path / "rnnlib" / f"{module}.py").write_text("def report(gains_from_gpu): pass\n")
    cells = "x = 1", ":tags: [solution]\n\nx = 2", "# BEGIN SOLUTION\nx = 3\n# END SOLUTION"
    toy = Homework(tmp_path, "hw9_toy")
    toy.source.write_text("\n\n".join(f"```{{code-cell}} ipython3\n{c}\n```" for c in cells))
    return toy


@pytest.mark.slow
def test_a_new_address_is_written_in_place(toy, capsys):
    assert build_stale([toy], force=False, record="") == 0
    before = toy.notebook.read_text()
    config = toy.root / "_config.yml"
    config.write_text(config.read_text().replace("v1", "v2"))
    assert stale(toy) == ["address"]
    assert build_stale([toy], force=False, record="") == 0
    assert "the new address, nothing executed" in capsys.readouterr().out
    assert not stale(toy)
    lines = zip(before.splitlines(), toy.notebook.read_text().splitlines(), strict=True)
    moved = [new for old, new in lines if old != new]
    assert [line for line in moved if "git+https://git.example/a@v2" in line]
    assert len(moved) == 3  # with the first cell's id, and the address's hash


def test_cells_that_are_tagged_as_solutions_are_left_out(toy):
    assert len(solved(toy)) == 3
    assert handout(toy) == ["x = 1", "..."]


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


def test_a_leak_would_be_found(homework, tmp_path):
    """As a page shows code, and as a notebook holds it."""
    text = "\n".join(secrets(homework))
    page, notebook = tmp_path / "a.html", tmp_path / "a.ipynb"
    page.write_text(highlight(text, PythonLexer(), HtmlFormatter()))
    notebook.write_text(json.dumps({"source": text.splitlines(keepends=True)}, ensure_ascii=False))
    for path in (page, notebook):
        assert set(leaks(path, homework)) == secrets(homework)


def test_no_notebook_holds_a_solution_or_a_hidden_test(homework):
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        assert not leaks(path, homework), path


@pytest.mark.built
def test_no_file_of_the_built_site_holds_a_solution_or_a_hidden_test(homework):
    files = [p for p in SITE.rglob("*") if p.suffix in SHOWN and "mathjax" not in p.parts]
    assert SITE / "notebooks" / "homework" / f"{homework.name}.html" in files
    for path in files:
        assert not leaks(path, homework), path


@pytest.mark.built
def test_the_search_index_knows_no_word_of_a_solution_or_a_hidden_test(homework):
    """It holds words, not lines: those that stand in secret lines and nowhere that is published."""
    index = json.loads(
        re.sub(r"^Search\.setIndex\(|\);?$", "", (SITE / "searchindex.js").read_text())
    )
    assert not [name for name in index["docnames"] if name.startswith("book/homework")]
    sources = [*(ROOT / "notebooks").rglob("*.ipynb"), *(ROOT / "book").glob("*.[mb][di]*")]
    public = words("\n".join(path.read_text() for path in sources))
    parts = [*index["terms"].items(), *index["titleterms"].items()]
    known = {term for term, pages in parts if pages != []}  # a site built again keeps old words
    assert len(words(homework.notebook.read_text()) & known) > 200
    secret = words("\n".join(secrets(homework))) - public
    assert len(secret) > 50
    assert not sorted(secret & known)


WRONG = """
def f(x):
    return x[0]

with trying("one"):
    f(1)
with trying("two"):
    assert f([1]) == 2
with trying("three"):
    assert f([1]) == 1, "no"
with trying("four"):
    None + 1
"""


def test_a_self_check_says_what_went_wrong_and_where(capsys):
    """The code is compiled as Jupyter does it: its lines are known by the cell's file name."""
    cell = "/tmp/ipykernel_1/2.py"
    linecache.cache[cell] = len(WRONG), None, WRONG.splitlines(keepends=True), cell
    exec(compile(WRONG, cell, "exec"), {"trying": trying})
    assert capsys.readouterr().out.splitlines() == [
        "not yet  one: TypeError in f, line 3 of its cell: 'int' object is not subscriptable",
        "not yet  two: AssertionError: assert f([1]) == 2",
        "passed   three",
        "not yet  four: TypeError: unsupported operand type(s) for +: 'NoneType' and 'int'"
        " (does a function return nothing yet?)",
    ]
