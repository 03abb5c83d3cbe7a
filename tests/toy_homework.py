"""A homework of two questions, and how a submission to it is graded and what it is told."""

import functools
import itertools
import json
import subprocess
import time
from pathlib import Path
from secrets import token_hex

import pytest

from grading import grade as grading
from grading import sandbox
from grading.grade import grade
from grading.handed_in import Handed
from grading.sandbox import Limits, NoSandbox, probe

WAY: list[str] = []  # how a test's submissions are isolated


@functools.cache
def missing(way: str) -> str:
    """Say why a way of isolating does not work here; nothing if it does."""
    try:
        probe(way)
    except NoSandbox as error:
        return str(error)
    return ""


needs_sandbox = pytest.mark.skipif(bool(missing("bubblewrap")), reason=missing("bubblewrap"))

CHECKS = """
from grading.judge import close, question

SECRET = "41.75"  # a right answer: a submission must not find it

@question(1, "Twice", 4, "twice")
def twice(exam):
    number = exam.rng.normal()
    exam.check(2, "a number", lambda: close(exam.ask("twice", number), 2 * number))
    exam.check(2, "an array", lambda: close(exam.ask("twice", [1.0, 2.0]), [2.0, 4.0]))

@question(2, "Half", 2, "half")
def half(exam):
    exam.check(2, "a number", lambda: close(exam.ask("half", 83.5), float(SECRET)))
"""
GOOD = [
    "VARIANT = 3",
    "import numpy as np",
    "def twice(x):\n    return 2 * np.asarray(x)",
    "def half(x):\n    return x / 2",
]


@pytest.fixture
def toy(tmp_path) -> Path:
    """A homework of two questions."""
    folder = tmp_path / "hw9_toy"
    folder.mkdir()
    (folder / "checks.py").write_text(CHECKS)
    (folder / "rubric.md").write_text("None.")
    return folder


@pytest.fixture(autouse=True, params=["bubblewrap", "docker"])
def way(request, monkeypatch):
    """Isolate in each way that works here: docker, where its image has been built."""
    if why := missing(request.param):
        pytest.skip(why)
    WAY[:] = [request.param]
    # They end what never ends in seconds; and so many processes fit into so much memory.
    limits = Limits(statement=3, cells=15, call=3, memory=1024 * 2**20, processes=20)
    monkeypatch.setattr(grading, "Limits", lambda: limits)
    mine, numbers = token_hex(8), itertools.count()
    monkeypatch.setattr(sandbox.secrets, "token_hex", lambda size: f"{mine}-{next(numbers)}")
    yield
    left = ["docker", "ps", "--all", "--quiet", "--filter", f"name={mine}"]
    until = time.monotonic() + 10  # what ended by itself is removed a moment later
    while request.param == "docker" and subprocess.check_output(left):
        assert time.monotonic() < until, "a container was left"
        time.sleep(0.2)


def notebook(cells: list[str]) -> dict:
    code = [{"cell_type": "code", "source": c, "metadata": {}, "outputs": []} for c in cells]
    return {"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def handed(folder: Path, content: str | bytes | list[str]) -> Handed:
    path = folder / "student.ipynb"
    content = json.dumps(notebook(content)) if isinstance(content, list) else content
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Handed(path, "student")


def graded(toy: Path, content: str | bytes | list[str]) -> dict:
    return grade(handed(toy.parent, content), toy, {}, "", WAY[0])


def reasons(record: dict) -> str:
    """Everything that the student is told."""
    told = [record.get("reason", ""), *record.get("failed", [])]
    for result in record["results"]:
        told += [result["reason"], *(check["message"] for check in result["checks"])]
    return " | ".join(filter(None, told))
