"""Submissions that are broken or mean harm: each gets a grade and a reason, nothing else."""

import os
import re
import socket
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

# ruff: noqa: F401, F811 (fixtures are imported, and then asked for by name)
from toy_homework import CHECKS, GOOD, graded, grading, reasons, toy, way

from grading.judge import load

pytestmark = pytest.mark.slow


def test_a_good_one_gets_all_points(toy):
    record = graded(toy, GOOD)
    assert (record["got"], record["of"], record["variant"]) == (6, 6, 3)
    assert not reasons(record)


BROKEN = {
    "not JSON": ("{'cells': []", "it is not a notebook (JSONDecodeError)"),
    "JSON, but no notebook": ("[1, 2]", "it is not a notebook (TypeError)"),
    "deep JSON": ("[" * 100_000, "it is not a notebook (RecursionError)"),
    "binary": (b"\xff" + bytes(range(256)), "it is not a notebook (UnicodeDecodeError)"),
    "empty": ("", "the file is empty"),
    "no code": ([], "it has no code"),
}


@pytest.mark.parametrize(("content", "reason"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_notebook_gets_nothing_and_a_reason(toy, content, reason):
    record = graded(toy, content)
    assert record["got"] == 0 and reason in record["reason"]


HOME = "/home/student"
STUBBORN = (
    "while True:\n    try:\n        while True: time.sleep(.01)\n    except BaseException: pass\n"
)
BOMB = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
HUNGRY = "import numpy as np\nkept = [np.ones(2**27) for _ in range(10)]"
UNSEEN = """
import os
for i in range(40):
    file = os.memfd_create("x")
    os.posix_fallocate(file, 0, 60 * 2**20)
"""
PATCH = """
import sys, json, numpy as np, grading.wire
np.isclose = np.allclose = lambda *a, **k: True
sys.modules["__main__"].answer = lambda *a: {"value": 1}  # the runner itself
grading.wire.pack = lambda value: {"array": ["<f8", [], ""]}
"""
DEEP = """
import sys
sys.setrecursionlimit(9000)
for _ in range(700): VARIANT = [VARIANT]
"""
DEAF = """
import os, signal, threading, time
threading.Thread(target=lambda: (time.sleep(2), os.kill(os.getpid(), signal.SIGSTOP))).start()
"""
SAID = """
import os
for fd in range(3, 20):
    try: os.write(fd, b'{"id": 0, "failed": 5, "defined": {"a": 1}}\\n')
    except OSError: pass
"""
FORGE = """
import os, json
for fd in range(3, 20):
    try: os.write(fd, b'{"id": 0, "got": 6, "score": 100}\\n')
    except OSError: pass
"""
# What is put before the good cells: the points that are left, and what the student is told.
HOSTILE = {
    "an endless loop in a cell": (["while True: pass"], 6, "it took too long"),
    "an endless loop that takes no for an answer, and a call that hears none": (
        ["import time", STUBBORN, "sum(range(10**12))"],
        6,
        "cell 2, line 1: it did not come to an end in time .* cell 3, line 1: it did not come",
    ),
    "a fork bomb": ([BOMB], 0, "more than 20 processes|not come to an end"),
    "10 GB of memory": ([HUNGRY], 6, "MemoryError"),
    "2 GB in files that are memory": ([UNSEEN], 0, "MiB of memory|its own process ended"),
    "a fake score on stdout": (
        ["print('6/6', flush=True)\nimport sys; sys.exit('6/6')"],
        6,
        "SystemExit",
    ),
    "a fake answer": ([FORGE], 0, "wrote something else"),
    "patching the library and the grader": ([PATCH], None, ""),
    "os._exit": (["import os; os._exit(0)"], 0, "its own process ended while its cells ran"),
    "killing itself": (["import os; os.kill(os.getpid(), 9)"], 0, "its own process ended"),
    "deleting its folder": (["import shutil; shutil.rmtree('/home/student')"], 6, "OSError"),
    "a value nested too deep to read": (["None", *GOOD[1:], DEEP], 6, "no readable answer"),
    "a program nested too deep to parse": (["x = " + "-" * 20_000 + "1"], 6, "code cell 1: "),
    "text that is none": (["x = '\ud800'", "raise ValueError(chr(0xd800))"], 6, "ValueError"),
    "a forged list of what failed": ([SAID], 0, "wrote something else"),
    "magics and shell commands": (["%pip install x\n!rm -rf /\n%%bash"], 6, ""),
}


def files(folder: Path) -> dict[str, bytes]:
    """Everything that a folder holds, bytecode too: whoever plants that changes the checks."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("cells", "left", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_one_gets_a_grade_and_a_reason(toy, cells, left, reason):
    load(toy)  # Python leaves its bytecode now, and nothing is to change afterwards
    before = files(toy)
    record = graded(toy, cells + GOOD)
    assert re.search(reason, reasons(record))
    assert left is None or record["got"] == left, reasons(record)
    assert files(toy) == before


def test_all_its_answers_together_have_a_limit(toy, monkeypatch):
    limits = replace(grading.Limits(), total=4)
    monkeypatch.setattr(grading, "Limits", lambda: limits)
    slow = "import time\ndef twice(x):\n    time.sleep(2.5)\n    return 2 * np.asarray(x)"
    record = graded(toy, [*GOOD, slow])
    assert record["got"] <= 2 and "did not come to an end" in reasons(record)


def test_a_submission_that_stops_reading_is_ended(toy):
    """An argument larger than a pipe's buffer would wait for it for ever."""
    checks = CHECKS.replace("[1.0, 2.0]), [2.0, 4.0]", "[1.0] * 40_000), [2.0] * 40_000")
    (toy / "checks.py").write_text(
        checks.replace("number = exam", "__import__('time').sleep(3); number = exam")
    )
    record = graded(toy, [*GOOD, DEAF])
    assert record["got"] < 6 and "did not come to an end in time" in reasons(record)


def test_nothing_can_be_had_by_patching(toy):
    """Whatever is done to the process, wrong functions stay wrong."""
    wrong = ["VARIANT = 3", "def twice(x):\n    return x", "def half(x):\n    return x"]
    assert graded(toy, [*wrong, PATCH])["got"] == 0
    assert graded(toy, [PATCH, *wrong])["got"] == 0


def test_one_function_that_never_returns_costs_its_own_points_only(toy, monkeypatch):
    """Nor does it when it is asked first, and often: what comes to no end is not asked for ever."""
    monkeypatch.setattr("grading.submission.PATIENCE", 1)
    never = "import time\ndef twice(x):\n" + textwrap.indent(STUBBORN, "    ")
    record = graded(toy, [*GOOD, never, "time.sleep(60)"])
    assert record["got"] == 2
    told = reasons(record)
    assert "did not come to an end in time" in told
    assert "`twice` gave no answer in 1 tries: it is not asked again" in told
    assert "code cell 6, line 1: it took too long" in told


LOOK = """
import os, socket
def twice(x):  # every file on this disk that may be a hidden test
    skip = {"proc", "sys", "usr", "lib", "lib64", "site-packages", "versions"}
    found = []
    for root, folders, files in os.walk("/"):
        folders[:] = [folder for folder in folders if folder not in skip]
        found += [os.path.join(root, name) for name in files]
    names = {"checks", "checks.py", "mutants", "rubric.md"}
    hidden = [path for path in found if names.intersection(path.split("/"))]
    raise RuntimeError(f"{len(found)} files, of them {hidden}")
def half(x):
    socket.create_connection(("127.0.0.1", PORT), 1)
"""


def test_hidden_tests_other_files_and_the_network_are_out_of_reach(toy):
    """The checks are on this machine's disk, and a server listens: the sandbox has neither."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = f"PORT = {server.getsockname()[1]}"
        record = graded(toy, ["VARIANT = 3", port, LOOK])
    assert record["got"] == 0
    assert " files, of them []" in reasons(record)
    assert "Connection refused" in reasons(record)


def test_writing_outside_changes_nothing(toy, tmp_path):
    mark = tmp_path / "mark"
    mark.write_text("untouched")
    write = f"open({str(mark)!r}, 'w').write('x')"
    into_library = "import rnnlib; open(rnnlib.__file__, 'a').write('x')"
    fill = f"open('{HOME}/big', 'wb').write(bytes(2**28))"
    beside = "open('/x', 'w').write('x')"  # the sandbox's own root
    record = graded(toy, [write, into_library, fill, beside, *GOOD])
    assert "File too large" in reasons(record) and "system: '/x'" in reasons(record)
    assert record["got"] == 6
    assert mark.read_text() == "untouched"
    assert "FileNotFoundError" in reasons(record) and "Read-only" in reasons(record)
