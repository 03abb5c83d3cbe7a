"""A notebook's cells, run one statement at a time: what runs, what does not, and for how long."""

import textwrap
import time
from types import SimpleNamespace

import jax
import pytest

from grading import runner
from grading.runner import Clock, OutOfTime, new, run, said


def ran(*cells: str, skip=(), statement=2.0, total=60.0) -> SimpleNamespace:
    namespace = new()
    failed = run(list(cells), namespace, Clock(statement, total), dict(skip))
    return SimpleNamespace(**{"failed": said(failed), **namespace})


LONG_CELLS = [
    "# long",
    "#Long: some minutes",
    "\n\n# LONG (an hour)",
    "%%time\n# long",
    "%%capture --no-stderr out\n%%time\n\n# long: x",
    "# @title My run\n# long",
    "#@title My run {display-mode: 'form'}\n#@markdown What it does\n%%time\n# long",
    "%matplotlib inline\n!nvidia-smi\n# long",
    "%%timeit -n1 -r1\n# long",
]


@pytest.mark.parametrize("head", LONG_CELLS)
def test_a_long_cell_is_skipped_whatever_stands_above_the_mark(head):
    assert not hasattr(ran(f"{head}\nx = 1"), "x")


@pytest.mark.parametrize("head", ["# longer lists are slow", "y = 2\n# long", "# no # long", ""])
def test_other_cells_are_run(head):
    assert ran(f"{head}\nx = 1").x == 1


AROUND = [
    "%time x = 1",
    "%time x = \\\n    1",
    "%prun -q -l 5 x = 1",
    "x = %time 1",
    "%%time\nx = 1",
    "%%time\r\nx = 1\r\n",
    "%%capture\n%%time\nx = 1",
    "%%time\n%%capture out\nx = 1",
    "#@title Form\n%%capture out\nx = 1",
    "\n%%prun -s cumulative\nx = 1",
    "if True:\n    %time x = 1",
    "from IPython import get_ipython\n%time x = 1",
    "%timeit -n1 -r 1 x = 1",
    "%%timeit -n1\nx = 1",
    "%lprun -f print x = 1",
]


@pytest.mark.parametrize("cell", AROUND)
def test_the_python_inside_a_magic_runs(cell):
    found = ran(cell)
    assert found.x == 1 and not found.failed


def test_what_is_timed_changes_no_name_that_is_there():
    found = ran("x = []", "%timeit x = 5", "%%timeit\nx.append(1)\nx = 2", "y = 1")
    assert found.x == [1] and found.y == 1


IN_FUNCTIONS = [
    "z = y\nx = %time z + 1\nreturn x",
    "%time kept.append(y + 1)\nreturn kept[-1]",
    "%timeit -n1 -r1 kept.append(sum(y for _ in range(2)))\nreturn kept[0] / 2 + 1",
    "y, kept = y + 1, 5\n%timeit y = kept\nreturn y",
    "for z in (1, y + 1):\n    if z > 1:\n        %prun -q kept.append(z)\nreturn kept[0]",
    "def inner(z):\n    w = %time (lambda: one + z)()\n    return w\nreturn inner(y)",
]


@pytest.mark.parametrize("cell", IN_FUNCTIONS)
def test_a_magic_in_a_function_sees_what_is_known_there(cell):
    defined = "def f(y):\n" + textwrap.indent(cell, "    ")
    found = ran("kept, one = [], 1", defined, "x = f(4)")
    assert found.x == 5 and not found.failed


def test_a_module_that_a_cell_writes_can_be_imported(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    found = ran(
        "# mine\n%%writefile written_one.py\n# long\nx = 1\n",
        "%%writefile -a 'written_one.py'\ndef f(y):\n    return y + x",
        "%%file parts/written_two.py\nfrom written_one import f",
        "from parts.written_two import f\nx = f(4)",
        "%%time\n%%writefile notes.txt\n%%time",
    )
    assert found.x == 5 and not found.failed
    assert (tmp_path / "notes.txt").read_text() == "%%time\n"


def test_an_error_within_a_cell_magic_is_told_where_it_stands():
    (told,) = ran("\n\n%%timeit\n1 / 0").failed
    assert told == "code cell 1, line 3: ZeroDivisionError: division by zero"


def test_other_languages_and_shell_commands_do_nothing():
    found = ran("%%bash\nx = 1", "%pip install y", "!rm -rf /\nz = 1", "files = !ls", "%%writefile")
    assert not hasattr(found, "x") and found.z == 1 and found.files is None and not found.failed


def test_an_import_that_fails_costs_no_other():
    found = ran(
        "import math as m, no_such_thing, cmath\nfrom os import nothing, sep",
        "from google.colab import drive, files\ndrive.mount('/content/drive')",
        "try:\n    import google.colab\n    here = 1\nexcept ImportError:\n    here = 2",
        "def f(x: no_such_thing.Thing) -> int:\n    return x + 1",
    )
    assert found.m.pi > found.cmath.pi - 1 and found.sep and found.here == 2 and found.f(1) == 2
    assert [said.split(": ")[1] for said in found.failed] == [
        "ModuleNotFoundError",
        "ImportError",
        *["ModuleNotFoundError"] * 2,
        "NameError",
    ]


def test_an_import_that_is_not_used_costs_no_function():
    found = ran(
        "def f(x):\n    import math, no_such_thing as missing, cmath\n    return math.pi + x",
        "def g(x):\n    from no_such_thing import missing\n    return missing(x)",
        "if True:\n    import no_such_thing\n    x = 1",
        "def h():\n  try:\n    import no_such_thing\n  except ImportError:\n    return 5",
    )
    assert found.f(0) > 3 and found.x == 1 and found.h() == 5 and not found.failed
    with pytest.raises(NameError, match="missing"):
        found.g(1)


OUT_OF_ORDER = [
    "found = [later(x) for x in range(3)]",
    "found = use()",
    "found: list = use()",
    "for x in range(3):\n    found.append(later(x))",
    "if True:\n    for x in range(3):\n        found.append(later(x))",
    "for x in use_later():\n    found.append(x)",
    "found.extend(map(later, range(3)))",
    "class Found(Base):\n    values = range(3)\nfound = Found.values",
]
DEFINED_LAST = "def later(x): return x\nuse_later = lambda: range(3)\nclass Base: pass"


@pytest.mark.parametrize("cell", OUT_OF_ORDER)
def test_what_lacked_a_name_before_it_changed_anything_runs_when_the_name_is_there(cell):
    use = "found = []\ndef use(): return [later(x) for x in range(3)]"
    assert list(ran(use, cell, DEFINED_LAST).found) == [0, 1, 2]


FILLING = [
    "for x in range(3):\n    found.append(x)\n    if x == 2:\n        {}",
    "while len(found) < 3:\n    found.append(len(found))\n    if len(found) == 3: {}",
    "with open('/dev/null'):\n    found.extend(range(3))\n    {}",
    "def fill():\n    found.extend(range(3))\n    {}\nfill()",
    "try:\n    found.extend(range(3))\n    {}\nfinally:\n    pass",
]
FAILING = ["files.download('x')", "1 / 0", "later_show()", "{}['x']", "raise SystemExit"]


@pytest.mark.parametrize("last", FAILING)
@pytest.mark.parametrize("cell", FILLING)
def test_what_failed_after_it_changed_something_is_not_run_twice(cell, last):
    show = "def later_show(): pass"
    found = ran("from google.colab import files", "found = []", cell.format(last), show)
    assert found.found == [0, 1, 2]


SLOW = "import time\ntime.sleep(60)"


def test_what_ran_out_of_time_is_not_tried_again_and_costs_no_answer():
    started = time.monotonic()
    found = ran(*[SLOW] * 6, "x = f(1)", *[SLOW] * 9, "def f(y): return y", statement=0.2, total=1)
    assert time.monotonic() - started < 5
    assert found.x == 1 and len(found.failed) == 15
    assert "line 2: it took too long" in found.failed[0]
    assert "time for all cells together was spent" in found.failed[-1]


def test_all_cells_together_come_to_an_end():
    started = time.monotonic()
    found = ran("import time", *["time.sleep(60)"] * 400, statement=0.2, total=0.2)
    assert time.monotonic() - started < 5
    assert len(found.failed) == 21 and found.failed[-1] == "and 380 statements more"


def test_what_is_known_not_to_end_is_not_run():
    found = ran("x = 1\ny = 1", skip={0: "no end"})
    assert found.failed == ["code cell 1, line 1: no end"] and found.y == 1


def test_an_alarm_of_the_submissions_own_or_one_that_is_caught_does_not_undo_the_graders(
    monkeypatch,
):
    monkeypatch.setattr(runner, "AGAIN", 0.1)
    own = "import signal\nsignal.signal(signal.SIGALRM, lambda *a: None)"
    caught = f"try:\n    {SLOW.splitlines()[1]}\nexcept BaseException:\n    time.sleep(60)"
    started = time.monotonic()
    found = ran(own, SLOW, caught, "x = 1", statement=0.2)
    assert time.monotonic() - started < 5 and found.x == 1 and len(found.failed) == 2


def test_a_setting_that_jax_reads_when_it_is_imported_is_heard(monkeypatch):
    set_: list = []
    monkeypatch.setattr(jax.config, "update", lambda *setting: set_.append(setting))
    ran("import os", "os.environ['JAX_ENABLE_X64'] = 'True'", "x = 1", "y = 2")
    assert set_ == [("jax_enable_x64", True)]


def test_an_error_that_cannot_say_what_it_is_stops_nothing():
    odd = "class Odd(Exception):\n    def __str__(self): return 1 / 0\n    __bool__ = __str__"
    found = ran(odd, "raise Odd", "raise NameError(name=[])", "x = 1")
    assert found.x == 1
    assert found.failed == ["code cell 2, line 1: Odd:", "code cell 3, line 1: NameError:"]


def test_a_value_that_is_not_there_is_told_from_one_that_cannot_be_sent():
    namespace = {"there is no": print}
    assert "missing" not in runner.answer({"name": "there is no"}, namespace)
    assert runner.answer({"name": "x"}, namespace)["missing"]
    assert runner.say(OutOfTime("late")) == "late"
