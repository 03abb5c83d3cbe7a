"""The check before handing in: what it finds missing, and what it leaves alone."""

import ast
from types import SimpleNamespace

import pytest
from test_runner import LONG_CELLS

from assemble import ROOT
from graders import all_questions
from grading.sandbox import Limits
from homework import find, handout, solved
from rnnlib.notebook import handing_in
from rnnlib.notebook.handing_in import LONG, Watch, before_handing_in

HOMEWORK = find(ROOT)
each_homework = pytest.mark.parametrize("one", HOMEWORK, ids=lambda one: one.name)


@pytest.fixture
def watch(monkeypatch) -> Watch:
    """A watch that has seen one quick cell."""
    watch = Watch()
    monkeypatch.setattr(handing_in, "WATCH", watch)
    seen(watch, "x = 1")
    return watch


def seen(watch: Watch, source: str, seconds: float = 0.1, success: bool = True, **more) -> None:
    info = SimpleNamespace(raw_cell=source, **more)
    watch.before()
    watch.began -= seconds
    watch.after(SimpleNamespace(info=info, success=success))


def told(capsys, names: dict, *needed: str) -> list[str]:
    before_handing_in(names, *needed)
    *lines, last = capsys.readouterr().out.splitlines()
    assert last.startswith("Not looked at: whether answers are right")
    return [line.removeprefix("to do  ") for line in lines]


def defined(source: str) -> dict:
    names = {"__name__": "__main__", "VARIANT": 7}
    exec(source, names)
    return names


FILLED = (
    "def f(x): return x\ndef g(x): raise ValueError\nh = max\nRESULTS = [1]\nTEXT = 'so'\nN = 0"
)


def test_a_filled_notebook_lacks_nothing(watch, capsys):
    names = "f", "g", "h", "RESULTS", "TEXT", "N"
    assert told(capsys, defined(FILLED), *names) == ["Nothing is missing: all 6 names are there."]


def test_what_is_as_it_was_handed_out_is_named(watch, capsys):
    source = 'def f(x):\n    """Doc."""\n    ...\ndef g(x, y=3): pass\ndef h(): return 3'
    values = "RESULTS = {}\nTEXT = '''\n'''\nNONE = None\nDOTS = ..."
    found = told(capsys, defined(f"{source}\n{values}"), *"f g h RESULTS TEXT NONE DOTS".split())
    assert found == ["still empty: f, g, RESULTS, TEXT, NONE, DOTS"]


def test_a_name_that_is_missing_is_told_with_what_may_be_it(watch, capsys):
    found = told(capsys, defined("def past_wieghts(f, i): return f"), "past_weights", "RESULTS")
    hint = "is it your `past_wieghts`? The grader knows it by this name"
    assert found == [f"`past_weights` is not defined; {hint}", "`RESULTS` is not defined"]


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        ({}, "VARIANT must be a whole number from 0 to 999,999, got None"),
        ({"VARIANT": "7"}, "VARIANT must be a whole number from 0 to 999,999, got '7'"),
        ({"VARIANT": 0}, "VARIANT is 0: set it to your own number, if your teacher gave you one"),
    ],
)
def test_the_variant_is_looked_at(watch, capsys, variant, said):
    assert told(capsys, variant) == [said]


def test_slow_and_failing_cells_are_named(watch, capsys):
    seen(watch, "\ny = slow()\n", seconds=100)
    seen(watch, "# long\nz = slow()", seconds=1000)
    seen(watch, "%%time\nf = 1 / 0", success=False)
    seen(watch, "w = slow()", seconds=150)
    found = told(capsys, {"VARIANT": 1, "z": 1}, "z")
    assert found[0].startswith("the cell that begins `y = slow()` took 100 s; the grader gives a")
    assert found[1] == "the cell that begins `%%time` ended in an error"
    assert "`w = slow()` took 150 s" in found[2]
    assert found[3] == "the cells without # long took 250 s together; the grader gives them 240 s"
    assert found[4] == "`z` is defined in a cell that begins with # long, which the grader skips"


def test_of_a_cell_that_was_mended_the_last_run_counts(watch, capsys):
    seen(watch, "1 / 0", success=False, cell_id="a")
    seen(watch, "y = 1", cell_id="a")
    assert told(capsys, {"VARIANT": 1}) == ["Nothing is missing: all 0 names are there."]


def test_what_was_not_seen_is_said(monkeypatch, capsys):
    monkeypatch.setattr(handing_in, "WATCH", Watch())
    found = told(capsys, {"VARIANT": 1})
    assert found == ["no cell was seen running: run all of them, from the first on"]


def test_it_never_raises(watch, capsys):
    class Odd:
        def __getattribute__(self, name):
            raise RuntimeError

    found = told(capsys, {"VARIANT": 1, "x": Odd()}, "y")
    assert found == ["this check itself failed (RuntimeError)"]


@pytest.mark.parametrize("head", LONG_CELLS)
def test_it_knows_long_cells_as_the_grader_does(head):
    assert LONG.match(f"{head}\nx = 1") and not LONG.match("x = 1\n# long\ny = 2")


def test_it_knows_the_graders_limits():
    assert (Limits().statement, Limits().cells) == (handing_in.STATEMENT, handing_in.ALL)


def asked(one) -> list[str]:
    """The names in a homework's last cell."""
    call = ast.parse(handout(one)[-1], mode="eval").body
    assert isinstance(call, ast.Call)
    return [ast.literal_eval(name) for name in call.args[1:]]


@each_homework
def test_a_homework_asks_for_what_is_graded_and_for_what_is_to_be_filled_in(one):
    filled = {
        node.name
        for cell in handout(one)
        for node in ast.walk(ast.parse(cell))
        if isinstance(node, ast.FunctionDef) and ast.unparse(node.body[-1]) == "..."
    }
    needed = {name for question in all_questions(one) for name in question.needs}
    assert len(asked(one)) == len({*asked(one)}) and {*asked(one)} == needed | filled
    assert solved(one)[-1] == handout(one)[-1]


@each_homework
def test_the_students_notebook_shows_what_is_to_do(one):
    import nbformat

    last = nbformat.read(one.notebook, as_version=4).cells[-1]
    (output,) = last.outputs
    lines = output.text.splitlines()
    assert lines[0].startswith("to do  VARIANT is 0")
    assert lines[1].startswith("to do  still empty: ") and len(lines) == 3
