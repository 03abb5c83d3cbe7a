"""The stamp of what has passed the contract with Colab: what voids it, and who writes it."""

import json

import nbformat
import pytest
from test_tools import TOY, edit, toy  # noqa: F401  (a fixture)

import colab_stamp
from assemble import ROOT, assemble
from colab_stamp import imports, main, note, notebooks, passed, stamps, state


@pytest.fixture
def course(toy, monkeypatch):  # noqa: F811
    """A course of one lesson that has been built, and that nobody has run on Colab."""
    pins = toy.root / "pins"
    pins.write_text("jax==1\n")
    toy.notebook.parent.mkdir()
    build(toy)
    monkeypatch.setattr(colab_stamp, "ROOT", toy.root)
    monkeypatch.setattr(colab_stamp, "PINS", pins)
    monkeypatch.setattr(colab_stamp, "STAMP", toy.root / "notebooks" / "colab.json")
    monkeypatch.setattr(colab_stamp, "PASSED", toy.root / ".cache" / "passed")
    monkeypatch.setattr(colab_stamp, "notebooks", lambda: notebooks(toy.root))
    monkeypatch.setattr(colab_stamp, "state", lambda path: state(path, toy.root))
    return toy


def build(lesson) -> None:
    nbformat.write(assemble(lesson), lesson.notebook)


EDITS = {
    "a module two levels down": ("rnnlib/deep/deeper/third.py", "N = 7", "N = 8"),
    "a cell": ("book/lessons/01_toy.md", "y = 6 * x", "y = 7 * x"),
    "the pins": ("pins", "jax==1", "jax==2"),
}
HARMLESS = {
    "prose": ("book/lessons/01_toy.md", "# Toy", "# A toy"),
    "a version alone": ("rnnlib/__init__.py", "0.1.0", "0.2.0"),
    "the address": ("_config.yml", "v1", "v2"),
}


@pytest.mark.parametrize("change", [*EDITS, *HARMLESS])
def test_a_stamp_is_void_when_what_ran_has_changed(course, change):
    note(course.notebook, state(course.notebook, course.root))
    main()
    (colab_stamp.PASSED / "01_toy").unlink()
    assert passed(course.notebook)
    name, old, new = (EDITS | HARMLESS)[change]
    edit(course.root / name, old, new)
    build(course)
    assert passed(course.notebook) == (change in HARMLESS)
    main()
    assert stamps().keys() == ({"01_toy"} if change in HARMLESS else set())


def test_only_what_passed_as_it_is_now_is_stamped(course, capsys):
    assert stamps() == {}
    main()
    assert not colab_stamp.STAMP.exists() and not capsys.readouterr().out
    note(course.notebook, "another state")
    main()
    assert stamps() == {}
    note(course.notebook, state(course.notebook, course.root))
    assert passed(course.notebook)
    main()
    assert stamps() == {"01_toy": state(course.notebook, course.root)}
    assert "colab.json: 1 of 1 notebooks have passed" in capsys.readouterr().out
    main()
    assert not capsys.readouterr().out
    assert not list(course.root.rglob("*.part"))
    course.notebook.unlink()
    main()
    assert stamps() == {}


def test_imports_are_picked_out_of_cells():
    cells = [
        "%matplotlib inline\nimport a, b as c\nx = 1",
        "def f():\n    from d import e\n",
        "import a, b as c",
    ]
    assert imports(cells) == "import a, b as c\nfrom d import e"


def test_the_committed_stamp_knows_only_notebooks_that_are_there():
    committed = json.loads((ROOT / "notebooks" / "colab.json").read_text())
    assert committed.keys() <= {path.stem for path in notebooks()}
