"""The autograder for Gradescope: what it reads there, what it writes, and what its bundle holds."""

import json
import shutil
import subprocess
import sys
import zipfile

import pytest

# ruff: noqa: F401, F811 (fixtures are imported, and then asked for by name)
from test_grading import course
from toy_homework import needs_sandbox, notebook

import homework
from assemble import ROOT
from grading import gradescope
from grading.grade import COMPILER, grade
from grading.handed_in import handed_in

ON_A_GPU = """
import os
os.environ["JAX_PLATFORMS"] = "cuda"
import jax
jax.config.update("jax_platform_name", "gpu")
"""
METADATA = {"users": [{"email": "roe@example.org", "id": 9, "name": "Richard Roe"}]}


@pytest.mark.slow
@needs_sandbox
def test_gradescope_is_told_what_it_wants_to_read(course, monkeypatch):
    own, results, metadata = course / "submission", course / "results.json", course / "meta.json"
    own.mkdir()
    metadata.write_text(json.dumps(METADATA))
    options = ["--isolation", "bubblewrap", "--metadata", str(metadata)]
    arguments = ["hw9", str(own), str(results), *options]
    shutil.copy(course / "handed in" / "roejohn_LATE_102_9002_hw9.ipynb", own / "hw9.ipynb")
    seeds = []
    monkeypatch.setattr(gradescope, "grade", lambda *a: seeds.append(a[3]) or grade(*a))
    monkeypatch.setenv("SECRET", "heron")
    assert gradescope.main(arguments) == 0
    assert seeds == ["heron"]
    found = json.loads(results.read_text())
    assert found["score"] == 4 and [test["max_score"] for test in found["tests"]] == [2, 2, 2]
    (course / "roster.csv").write_text("name,variant\nroe@example.org,5\n")
    gradescope.main([*arguments, "--roster", str(course / "roster.csv")])
    assert "graded as 5" in json.loads(results.read_text())["output"]
    shutil.copy(own / "hw9.ipynb", own / "other.ipynb")
    gradescope.main(arguments)
    assert json.loads(results.read_text()) == {"score": 0, "output": "hand in one notebook, not 2"}


@pytest.mark.parametrize(
    ("names", "graded"),
    [
        ("hw2.ipynb hw2-Copy1.ipynb", "hw2-Copy1.ipynb"),
        ("hw2-Copy9.ipynb hw2-Copy10.ipynb", "hw2-Copy10.ipynb"),
        ("roe(1).ipynb roe.ipynb", "roe(1).ipynb"),
        ("hw2_copy.ipynb hw2.ipynb", "hw2_copy.ipynb"),
        ("hw2.ipynb", "hw2.ipynb"),
    ],
)
def test_of_copies_of_one_notebook_the_newest_counts(tmp_path, names, graded):
    for name in names.split():
        (tmp_path / name).write_text("{}")
    one = gradescope.newest(handed_in(tmp_path, place=tmp_path.parent / "unpacked"))
    assert one.path.name == graded
    many = len(names.split())
    assert one.note == f"{many} notebooks; graded: {graded}." * (many > 1)


@pytest.mark.slow
@needs_sandbox
@pytest.mark.parametrize("one", homework.find(ROOT), ids=lambda one: one.name)
def test_the_bundle_for_gradescope_holds_all_it_needs(one, tmp_path):
    """Unpacked elsewhere it gives the solution all points; and the solution is not in it."""
    with zipfile.ZipFile(homework.bundle(one, tmp_path, secret="heron")) as file:
        assert file.read("secret.txt") == b"heron"
        started = file.read("run_autograder").decode()
        assert 'SECRET="$(cat secret.txt)"' in started and "--roster roster.csv" in started
        assert file.getinfo("run_autograder").external_attr >> 16 & 0o111
        file.extractall(tmp_path / "source")
    assert not list(tmp_path.rglob(f"{one.name}.md")) and not list(tmp_path.rglob("mutants"))
    (tmp_path / "in").mkdir()
    (tmp_path / "meta.json").write_text(json.dumps(METADATA))
    roster = str(tmp_path / "source" / "roster.csv")
    options = ["--isolation", "bubblewrap", "--metadata", "meta.json", "--roster", roster]
    options += [one.name, str(tmp_path / "in")]
    cells = [ON_A_GPU, *homework.solved(one)]
    (tmp_path / "in" / "x.ipynb").write_text(json.dumps(notebook(cells)))
    subprocess.run(
        [sys.executable, "-m", "grading.gradescope", *options, str(tmp_path / "out.json")],
        env={"PYTHONPATH": str(tmp_path / "source" / "tools"), "PATH": "/usr/bin:/bin", **COMPILER},
        cwd=tmp_path,
        check=True,
    )
    tests = json.loads((tmp_path / "out.json").read_text())["tests"]
    assert [test["score"] for test in tests] == [test["max_score"] for test in tests]
