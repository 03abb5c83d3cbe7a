"""The check before handing in: what stands only in cells that the grader does not run."""

import pytest

# ruff: noqa: F401, F811 (a fixture is imported, and then asked for by name)
from test_handing_in import asked, each_homework, seen, told, watch

from homework import solved

SKIPPED = ", which the grader skips"
LONG_ONE = f"is defined in a cell that begins with # long{SKIPPED}"


@pytest.mark.parametrize(
    "source",
    [
        "RESULTS: dict = run()",
        "RESULTS, times = run()",
        "(RESULTS := run())",
        "for RESULTS in run(): pass",
        "with run() as RESULTS: pass",
        "from runs import best as RESULTS",
        "import runs as RESULTS",
        "RESULTS['half'] = 3",
        "for kind in KINDS:\n    RESULTS[kind] = run(kind)",
        "RESULTS |= run()",
        "RESULTS.update(run())",
        "RESULTS.setdefault('half', []).append(3)",
        "[RESULTS.append(n) for n in range(3)]",
        "fill(RESULTS)",
        "globals()['RESULTS'] = 3",
        "exec('RESULTS = 3')",
        "%time RESULTS = run()",
        "RESULTS = %sql runs",
        "class RESULTS: pass",
        "note('half', 3)",
        "renew()",
    ],
)
@pytest.mark.parametrize("empty", ["RESULTS = {}", "RESULTS = {k: [] for k in KINDS}", "x = 1"])
def test_what_only_a_long_cell_gives_will_be_missing(watch, capsys, source, empty):
    seen(watch, "def note(k, v):\n    RESULTS[k] = v")
    seen(watch, "def renew():\n    global RESULTS\n    RESULTS = 3")
    for cell in (empty, f"# long\n{source}", "print(RESULTS, RESULTS['half'])"):
        seen(watch, cell)
    (found,) = told(capsys, {"VARIANT": 1, "RESULTS": {"half": 3}}, "RESULTS")
    assert found in (f"`RESULTS` {LONG_ONE}", f"`RESULTS` {LONG_ONE}".replace("defined", "changed"))


@pytest.mark.parametrize(
    "source", ["RESULTS[0] = 3", "RESULTS -= 1", "del RESULTS[0]", "note(0, 3)"]
)
def test_what_a_long_cell_changes_will_not_be_changed(watch, capsys, source):
    seen(watch, "import numpy as np\nRESULTS = np.zeros(3)\ndef note(k, v): RESULTS[k] = v")
    seen(watch, f"# long\n{source}")
    found = told(capsys, {"VARIANT": 1, "RESULTS": 3}, "RESULTS")
    assert found == [f"`RESULTS` is changed in a cell that begins with # long{SKIPPED}"]


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["# long\nRUNS = run()", "f = short(RUNS)"], f"needs `RUNS`, which {LONG_ONE}"),
        (
            ["RUNS = {}", "# long\nRUNS['a'] = 1", "def f(x):\n    return RUNS[x]"],
            f"needs `RUNS`, which {LONG_ONE}",
        ),
        (
            ["%%writefile own.py\nimport g", "from own import g", "def f(x): return g(x)"],
            "needs `g`, which needs 'own.py', which is defined in a cell that begins with "
            f"%%writefile{SKIPPED}",
        ),
        (
            ["%%writefile a/own.py\ndef f(x): return x", "from a.own import f"],
            f"is defined in a cell that begins with %%writefile{SKIPPED}",
        ),
        (
            ["%%bash\ncat > own.py <<E\ndef f(x): return x\nE", "from own import *"],
            f"is defined in a cell that begins with %%bash{SKIPPED}",
        ),
        (
            ["#@title Data\n%%file own.json\n[1]", "f = json.load(open('./own.json'))"],
            f"needs 'own.json', which is defined in a cell that begins with %%file{SKIPPED}",
        ),
    ],
)  # fmt: skip
def test_what_needs_a_cell_that_the_grader_skips_will_be_missing(watch, capsys, cells, why):
    for cell in cells:
        seen(watch, cell)
    assert told(capsys, {"VARIANT": 1, "f": 3}, "f") == [f"`f` {why}"]


@pytest.mark.parametrize(
    "cells",
    [
        ["# long\nf = run()", "f = {'a': 3}"],
        ["f = {'a': 3}", "# long\nf = run()\nprint(f)"],
        ["f = {}", "# long\nf['a'] = 3", "f = {'a': 3}"],
        ["f = {}", "f.update(a=3)", "# long\nprint(f)"],
        ["# long\nfor kind in KINDS: row = run(kind)", "f = {kind: row for kind, row in OURS}"],
        ["# long\nrate = best()", "def f(x): return rate * x", "rate = 0.1"],
        ["# long\nx = run()", "def f(x): return x"],
        ["%%capture out\n%time f = 3", "# long\nprint(f)"],
        ["%prun -s cumulative f = 3", "# long\nprint(f)"],
    ],
)
def test_what_another_cell_gives_is_there(watch, capsys, cells):
    for cell in cells:
        seen(watch, cell)
    found = told(capsys, {"VARIANT": 1, "f": {"a": 3}}, "f")
    assert found == ["Nothing is missing: all 1 names are there."]


@each_homework
def test_a_solved_homework_lacks_nothing(watch, capsys, one):
    for cell in solved(one):
        seen(watch, cell)
    names = dict.fromkeys(asked(one), 3)
    assert told(capsys, names | {"VARIANT": 1}, *names)[0].startswith("Nothing is missing")
