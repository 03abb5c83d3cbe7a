"""The builder of lessons on toy lessons, and the other tools."""

import json
from pathlib import Path

import nbformat
import pytest

import check
import lessons
from assemble import Lesson, LessonError, assemble, find, stale
from fingerprint import changed
from lessons import build, build_stale

TOY = """\
# Toy

```{code-cell} ipython3
from rnnlib import first
x = first.VALUE
print(x)
```

```{code-cell} ipython3
:tags: [solution]
y = 6 * x
y
```
"""


@pytest.fixture
def toy(tmp_path) -> Lesson:
    """A course of one lesson, whose library's module `first` imports `second`, and that `third`."""
    for folder in ("book/lessons", "rnnlib/data/recorded", "rnnlib/notebook", "rnnlib/deep/deeper"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "_config.yml").write_text("repository: {url: https://localhost/x, branch: v1}\n")
    (tmp_path / "rnnlib/__init__.py").write_text('__version__ = "0.1.0"\nCORES = 2\n')
    for package in ("notebook", "deep", "deep/deeper"):
        (tmp_path / "rnnlib" / package / "__init__.py").write_text("")
    (tmp_path / "rnnlib/notebook/first_cell.py").write_text("def report(**_): pass\n")
    (tmp_path / "rnnlib/first.py").write_text("from rnnlib.deep.second import VALUE\n")
    (tmp_path / "rnnlib/deep/second.py").write_text("from .deeper import third\nVALUE = third.N\n")
    (tmp_path / "rnnlib/deep/deeper/third.py").write_text("N = 7\n")
    (tmp_path / "rnnlib/other.py").write_text("")
    lesson = Lesson(tmp_path, "01_toy")
    lesson.source.write_text(TOY)
    return lesson


def edit(path: Path, old: str, new: str) -> None:
    """Replace a string that must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.slow
def test_a_build_is_executed_and_fresh(toy):
    assert stale(toy) == ["not built yet"]
    assert build(toy) > 0
    assert stale(toy) == []
    title, colab, printed, solution = nbformat.read(toy.notebook, as_version=4).cells
    assert title.source == "# Toy"
    assert "git+https://localhost/x@v1" in colab.source
    assert printed.outputs[0].text == "7\n"
    assert printed.metadata.execution["shell.execute_reply"]
    assert solution.execution_count == 3
    assert not list(toy.notebook.parent.glob("*.part"))


@pytest.mark.slow
def test_a_failing_cell_is_named_and_keeps_the_old_notebook(toy):
    build(toy)
    before = toy.notebook.read_bytes()
    edit(toy.source, "y = 6 * x", "y = 6\nassert y == x, 'no'")
    with pytest.raises(LessonError, match=r"(?s)cell 4 .*01_toy.md:12.*assert y == x.*Error: no"):
        build(toy)
    assert toy.notebook.read_bytes() == before
    edit(toy.source, "assert y == x, 'no'", "import os; os._exit(1)")
    with pytest.raises(LessonError, match="cell 4: the kernel died"):
        build(toy)
    assert toy.notebook.read_bytes() == before


@pytest.mark.slow
def test_a_built_notebook_is_quiet(toy):
    """Progress bars are for people, and XLA's warnings for nobody."""
    loud = "import os, jax, tqdm; list(tqdm.tqdm(range(3))); jax.jit(abs)(1.0)"
    edit(toy.source, "print(x)", f"{loud}; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])")
    build(toy)
    cells = nbformat.read(toy.notebook, as_version=4).cells
    streams = [o for cell in cells for o in cell.get("outputs", []) if o.output_type == "stream"]
    assert [(o.name, o.text) for o in streams] == [("stdout", "3\n")]


@pytest.mark.slow
def test_recording_writes_no_notebook(toy):
    edit(toy.source, "print(x)", "import os; assert os.environ['RNNLIB_RECORD'] == '1'")
    build(toy, record="1")
    assert not toy.notebook.exists()


def test_recording_ends_with_its_bill(toy, monkeypatch, capsys):
    for name, seconds in [("01_b", 90), ("01_a", 630), ("02_c", 60)]:
        path = toy.root / f"rnnlib/data/recorded/{name}.json"
        path.write_text(json.dumps({"provenance": {"seconds": seconds}}))
    monkeypatch.setattr(lessons, "ROOT", toy.root)
    monkeypatch.setattr(lessons, "build", lambda lesson, record: 720.0)
    assert lessons.main(["--record", "01"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "01_toy: recording ... 720.0 s",
        "01_a: 10.5 of 10 minutes",
        "01_b: 1.5 of 10 minutes",
        "lesson 01: 12.0 of 20 minutes",
    ]


def test_a_lesson_is_stale_when_what_it_uses_changes(toy):
    def now() -> dict[str, str]:
        return assemble(toy).metadata["rnnlib"]["fingerprint"]

    old = now()
    (toy.root / "rnnlib/other.py").write_text("unused = True\n")
    assert changed(old, now()) == []
    third = "rnnlib/deep/deeper/third.py"
    (toy.root / third).write_text("N = 8\n")
    assert changed(old, now()) == [third]
    edit(toy.source, "print(x)", "print('run', x)")
    npz = "rnnlib/data/recorded/run.0a1b.npz"
    (toy.root / npz).write_text("")
    assert changed(old, now()) == [npz, third, "source"]
    edit(toy.root / "rnnlib/__init__.py", "0.1.0", "0.2.0")
    edit(toy.root / "_config.yml", "v1", "v2")
    assert changed(old, now()) == ["address", npz, third, "source"]
    edit(toy.root / "rnnlib/__init__.py", "CORES = 2", "CORES = 3")
    (toy.root / "rnnlib/deep/__init__.py").write_text("x = 1\n")
    assert {"rnnlib/__init__.py", "rnnlib/deep/__init__.py"} <= set(changed(old, now()))


@pytest.mark.slow
def test_a_new_address_is_written_in_place(toy, capsys):
    """Nothing is executed: what the cells printed, and when, stays to the byte."""
    build(toy)
    before = toy.notebook.read_text()
    assert "git+https://localhost/x@v1" in before
    edit(toy.root / "_config.yml", "localhost/x, branch: v1", "localhost/y, branch: v2")
    assert stale(toy) == ["address"]
    assert build_stale([toy], force=False, record="") == 0
    assert "01_toy: the new address, nothing executed" in capsys.readouterr().out
    assert stale(toy) == []
    after = toy.notebook.read_text()
    moved = [(a, b) for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]
    assert [a.split(":")[0].strip() for a, _ in moved] == [
        '"id"',
        '"    %pip install --quiet --no-deps git+https',
        '"address"',
    ]
    edit(toy.root / "_config.yml", "v2", "v3")
    edit(toy.source, "print(x)", "print(-x)")
    build_stale([toy], force=False, record="")
    assert "-7" in toy.notebook.read_text() and "localhost/y@v3" in toy.notebook.read_text()


def test_front_matter_says_whether_a_lesson_gains_from_a_gpu(toy):
    assert "gains_from_gpu=False" in assemble(toy).cells[1].source
    toy.source.write_text(f"---\nlarger: LIVE\n---\n\n{TOY}")
    notebook = assemble(toy)
    assert "gains_from_gpu=True" in notebook.cells[1].source
    assert notebook.metadata["rnnlib"]["larger"] == "LIVE"


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("import rnnlib.thrid", "rnnlib.thrid"),
        ("from rnnlib.deep.deeper import forth", "rnnlib.deep.deeper.forth"),
        ("from rnnlib.deep.thrid import N", "rnnlib.deep.thrid.N"),
    ],
)
def test_an_import_that_leads_nowhere_is_an_error(toy, code, missing):
    """Else nothing would be watched, and the lesson never stale."""
    edit(toy.source, "x = first.VALUE", f"x = first.VALUE\n{code}")
    with pytest.raises(LessonError, match=f"leads nowhere: nothing is called {missing}$"):
        assemble(toy)


def test_a_byte_order_mark_is_no_part_of_a_lesson(toy):
    before = assemble(toy)
    toy.source.write_bytes(b"\xef\xbb\xbf" + toy.source.read_bytes())
    assert assemble(toy) == before


def test_a_syntax_error_is_named_and_stops_no_other_lesson(toy, capsys):
    other = Lesson(toy.root, "02_other")
    other.source.write_text(TOY.replace("y = 6 * x", "y = 6 * x\nz = = 1"))
    third = Lesson(toy.root, "03_third")
    third.source.write_text(TOY.replace("first", "broken"))
    (toy.root / "rnnlib/broken.py").write_text("\n1 = x\n")
    message = r"(?s)cell 4 \(book/lessons/02_other.md:12\) failed.*z = = 1.*SyntaxError: "
    for lesson, said in [(other, message), (third, r"(?s)rnnlib/broken.py:2.*cannot assign")]:
        with pytest.raises(LessonError, match=said):
            assemble(lesson)
    assert build_stale([other, third], force=False, record="") == 2
    third.source.write_text(TOY.replace("ipython3\n", "ipython3\n---\na: b: c\n---\n", 1))
    with pytest.raises(LessonError, match=r"03_third.md: a cell's header"):
        assemble(third)
    assert "02_other: failed\ncell 4" in capsys.readouterr().out
    assert lessons.check([toy, other, third]) == 3 and "02_other: cell 4" in capsys.readouterr().out


def test_solutions_are_folded_everywhere(toy):
    solution = assemble(toy).cells[-1].metadata
    assert solution.tags == ["hide-cell", "solution"]
    assert solution.jupyter.source_hidden
    assert solution.cellView == "form"


def test_cells_keep_their_ids_when_another_is_inserted(toy):
    old = [cell.id for cell in assemble(toy).cells]
    edit(toy.source, "# Toy\n", "# Toy\n\n```{code-cell}\nx = 0\n```\n")
    new = [cell.id for cell in assemble(toy).cells]
    assert [i for i in new if i in old] == old
    assert len(set(new)) == len(old) + 1


def test_links_to_other_pages_lead_to_the_repository(toy):
    edit(toy.source, "# Toy", "# Toy\n[a](../book/b.md#c), [d](02_e.ipynb), [f](#g), ![h](i.png)")
    home = "https://localhost/x/blob/v1"
    links = f"[a]({home}/book/b.md#c), [d]({home}/notebooks/02_e.ipynb), [f](#g), ![h](i.png)"
    assert links in assemble(toy).cells[0].source


def test_an_unknown_lesson_is_said(toy):
    assert find(toy.root, ["01"]) == [toy]
    with pytest.raises(SystemExit, match="no lesson begins with '07'; there are: 01_toy"):
        find(toy.root, ["07"])


@pytest.mark.parametrize(
    ("output", "ok", "expected"),
    [
        ("..\n\x1b[32m12 passed\x1b[0m, 1 skipped in 2.31s\n", True, (12, 0, 1)),
        ("== 1 failed, 3 passed, 2 errors in 1.00s ==", False, (3, 3, 0)),
        ("All checks passed!", True, (1, 0, 0)),
        ("Traceback", False, (0, 1, 0)),
    ],
)
def test_stages_are_counted(output, ok, expected):
    assert check.count(output, ok) == expected
