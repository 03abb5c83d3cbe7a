"""The table of run times, and the page's generated parts in general."""

import nbformat
import pytest

import generated
import runtimes_page
from assemble import ROOT, find
from runtimes_page import Run, line_to_edit, read, table, take_down

CELL = "LIVE = False  # True: everything | here (an hour)\nprint(1)"
SAID = "2 CPU cores, Python 3.12.1, jax 0.9.2; rnnlib 0.1.0, from a working tree\n"


def notebook(folder, name="03_toy", said=SAID, code=CELL, larger="LIVE", times=("10:00", "10:03")):
    first, second = (nbformat.v4.new_code_cell(source) for source in ("report()", code))
    first.outputs = [nbformat.v4.new_output("stream", text=f"Note: pip\n{said}")]
    start, end = (f"2026-11-24T{time}:30+00:00" for time in times)
    first.metadata.execution = {"iopub.execute_input": start, "shell.execute_reply": start}
    second.metadata.execution = {"iopub.execute_input": start, "shell.execute_reply": end}
    title = nbformat.v4.new_markdown_cell("# A toy\n\n# not this")
    made = nbformat.v4.new_notebook(cells=[title, first, second])
    made.metadata = {"rnnlib": {"larger": larger} if larger else {}}
    nbformat.write(made, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


def test_the_page_is_up_to_date():
    page = runtimes_page.PAGE.read_text(encoding="utf-8")
    assert page == generated.updated(page, "runtimes", runtimes_page.text()), "run `make lessons`"


def test_a_notebook_knows_its_run(tmp_path):
    assert read(notebook(tmp_path)) == Run(
        "03_toy",
        "A toy",
        3.0,
        "2 CPU cores, Python 3.12.1, jax 0.9.2",
        "LIVE = False",
        "True: everything | here (an hour)",
    )
    quiet = read(notebook(tmp_path, said="", larger=""))
    assert (quiet.machine, quiet.line, quiet.comment) == ("", "", "")


def test_a_notebook_without_what_is_needed_is_named(tmp_path):
    path = notebook(tmp_path)
    unexecuted = nbformat.read(path, as_version=4)
    for cell in unexecuted.cells:
        cell.metadata.pop("execution", None)
    nbformat.write(unexecuted, path)
    with pytest.raises(ValueError, match=r"03_toy.ipynb does not know when its cells ran"):
        read(path)
    for code in ("LIVE = False", "x = 1", f"{CELL}\n{CELL}", "if x:\n    LIVE = False  # an hour"):
        with pytest.raises(ValueError, match="needs one line `LIVE = "):
            read(notebook(tmp_path, code=code))


def test_the_table(tmp_path):
    run = read(notebook(tmp_path))
    bare = run._replace(name="01_bare", line="", comment="", machine="", minutes=1.5)
    gpu = {"03_toy": {"minutes": 0.25, "machine": "1 × T4, 2 CPU cores, jax 0.7.2"}}
    text = table([run, bare], gpu)
    first, second = text.splitlines()[2:4]
    assert (
        first == "| 1. [A toy](../notebooks/01_bare.ipynb) | 1.5 | not measured yet | nothing |  |"
    )
    assert "| 3.0 | 0.2 | `LIVE = False` | True: everything &#124; here (an hour) |" in second
    assert "All 2 lessons take 4 minutes on a CPU." in text
    assert text.endswith(f"- {gpu['03_toy']['machine']}\n- {run.machine}")
    without = table([bare], {})
    assert "Measured on" not in without and "GPU" not in without
    assert "| 1. [A toy](../notebooks/01_bare.ipynb) | 1.5 | nothing |  |" in without


def test_minutes_on_a_gpu_are_taken_down(tmp_path, monkeypatch):
    monkeypatch.setattr(runtimes_page, "GPU", tmp_path / "gpu.json")
    assert runtimes_page.measured() == {}
    take_down([notebook(tmp_path, said=SAID.replace("2 CPU", "1 × Tesla T4, 2 CPU"))])
    take_down([notebook(tmp_path, "04_b", SAID.replace("2 CPU", "1 × Tesla T4, 2 CPU"))])
    machine = "1 × Tesla T4, 2 CPU cores, Python 3.12.1, jax 0.9.2"
    expected = {"minutes": 3.0, "machine": machine}
    assert runtimes_page.measured() == {"03_toy": expected, "04_b": expected}
    with pytest.raises(ValueError, match=r"05_c was not executed on a GPU: 2 CPU cores"):
        take_down([notebook(tmp_path, "05_c")])


@pytest.mark.parametrize("lesson", find(ROOT, []), ids=lambda lesson: lesson.name)
def test_a_lesson_that_has_a_larger_run_says_so(lesson):
    """Front matter names the one line to edit; what it means stands behind it."""
    source = lesson.source.read_text()
    front, code = source.split("---\n", 2)[1:]
    named = [line.removeprefix("larger: ") for line in front.splitlines() if "larger: " in line]
    if "\nLIVE = " in code or "recorded(" in code:
        assert named == ["LIVE"]
    if named:
        assert line_to_edit([{"source": code}], named[0])[1]


def test_the_words_around_a_generated_part_stay():
    start, end = generated.markers("a")
    page = f"# Page\n\nBy hand.\n{start}\nold\n{end}\nAfter.\n"
    new = generated.updated(page, "a", "new")
    assert new == f"# Page\n\nBy hand.\n{start}\n\nnew\n\n{end}\nAfter.\n"
    assert generated.updated(new, "a", "new") == new
    for wrong in ("# Page\n", f"{end}{start}", f"{start}{end}{start}{end}"):
        with pytest.raises(generated.PageError, match="needs one line <!-- a:start -->"):
            generated.updated(wrong, "a", "new")


def test_a_page_that_is_up_to_date_is_left_alone(tmp_path, capsys):
    path = tmp_path / "page.md"
    path.write_text("\n".join(generated.markers("a")))
    generated.refresh(path, "a", "new")
    assert "page.md: brought up to date" in capsys.readouterr().out
    before = path.stat().st_mtime_ns
    generated.refresh(path, "a", "new")
    assert path.stat().st_mtime_ns == before and not capsys.readouterr().out
    assert [file.name for file in tmp_path.iterdir()] == ["page.md"]
