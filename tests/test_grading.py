"""A batch of submissions: graded once, whoever interrupts it; and what is written about them."""

import csv
import json
import re
import shutil
from concurrent.futures import Future
from pathlib import Path

import pytest
from toy_homework import CHECKS, GOOD, needs_sandbox, notebook

import grading.grade
from grading.grade import main
from grading.handed_in import Handed, handed_in
from grading.ipynb import Unreadable, code_cells
from grading.judge import Wrong, close


@pytest.fixture
def course(tmp_path, monkeypatch) -> Path:
    """A folder of homework with one in it, and five submissions as two systems would name them."""
    folder = tmp_path / "homework" / "hw9_toy"
    folder.mkdir(parents=True)
    (folder / "checks.py").write_text(CHECKS)
    (folder / "rubric.md").write_text("Nothing is graded by hand. <b>")
    monkeypatch.setattr(grading.grade, "HOMEWORK", folder.parent)
    half = GOOD[:3]
    for name, cells in {
        "doejane_101_9001_hw9.ipynb": GOOD,
        "roejohn_LATE_102_9002_hw9.ipynb": half,
        "Ann Other_77_assignsubmission_file_/answers.ipynb": GOOD,
        "plain.ipynb": ["VARIANT = 'seven'", *half[1:]],
        "<script>.ipynb": ["x ="],
    }.items():
        path = tmp_path / "handed in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(notebook(cells)))
    return tmp_path


class Here:
    """A pool of no processes."""

    def __enter__(self):
        return self

    def __exit__(self, *args):
        pass

    def submit(self, work, *arguments):
        job = Future()
        try:
            job.set_result(work(*arguments))
        except Exception as error:
            job.set_exception(error)
        return job


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file))


@pytest.mark.slow
@needs_sandbox
def test_a_batch_is_graded_reported_and_not_graded_again(course, capsys, monkeypatch):
    out = course / "handed in-graded"
    (course / "roster.csv").write_text("name,variant\ndoejane,3\nabsent,4\nroejohn,5\n")
    listed = ["--roster", str(course / "roster.csv")]
    assert main(["hw9", str(course / "handed in"), "--workers", "2", *listed]) == 0
    told = capsys.readouterr()
    assert "5 graded, mean 4.0 of 6 points" in told.out
    assert "5/5" in told.err, "the progress bar"
    table = {row[0]: row for row in rows(out / "grades.csv")}
    head = ["name", "variant", "q1", "q2", "tests", "by hand", "total", "of", "reason"]
    assert table["name"] == head
    assert table["doejane_101"][1:5] == ["3", "4", "2", "6"]
    assert table["plain"][4] == "4" and "VARIANT is not a number" in table["plain"][-1]
    canvas = [row[1:2] + row[-1:] for row in rows(out / "canvas.csv")[2:]]
    assert canvas == [["101", "6"], ["102", "4"]]
    assert rows(out / "moodle.csv")[1][:2] == ["Participant 77", "Ann Other"]
    page = (out / "feedback" / "roejohn_102.html").read_text()
    assert "<strong>4 of 6 points</strong> by the tests" in page and "defines no `half`" in page
    summary = (out / "summary.html").read_text()
    assert "2. Half" in summary and "&lt;b&gt;" in summary and "<script>" not in summary

    monkeypatch.setattr(grading.grade, "ProcessPoolExecutor", NoPool)
    (course / "roster.csv").write_text("name,variant\ndoejane,3\nroejohn,5\nnew,6\n")
    assert main(["hw9", str(course / "handed in"), *listed]) == 0  # nothing is left to do
    (out / "results" / "plain.json").unlink()
    with pytest.raises(AssertionError, match="1 job"):
        main(["hw9", str(course / "handed in"), *listed])


class NoPool:
    """Refuses work."""

    def __init__(self, *args, **kwargs):
        self.jobs = []

    def __enter__(self):
        return self

    def __exit__(self, *args):
        assert not self.jobs, f"{len(self.jobs)} job"

    def submit(self, *job):
        self.jobs.append(job)
        raise AssertionError("1 job")


@pytest.mark.slow
@needs_sandbox
def test_an_interrupted_batch_keeps_what_it_has(course, monkeypatch, capsys):
    write = grading.grade.write

    def once(path, text):
        write(path, text)
        raise KeyboardInterrupt

    monkeypatch.setattr(grading.grade, "write", once)
    assert main(["hw9", str(course / "handed in"), "--workers", "1"]) == 130
    assert "Interrupted. What is graded is kept" in capsys.readouterr().err
    kept = list((course / "handed in-graded" / "results").iterdir())
    assert len(kept) == 1 and json.loads(kept[0].read_text())["key"]


def test_what_cannot_be_graded_is_said(course, capsys, tmp_path):
    for arguments, said in [
        (["hw7", "x"], "which homework is 'hw7'? There are: hw9_toy"),
        (["hw9", str(tmp_path / "none")], "there is no folder"),
        (["hw9", str(course / "homework")], "there is no notebook"),
        (["hw9", str(course / "handed in"), "--isolation", "hope"], "isolation must be one of"),
    ]:
        assert main(arguments) == 2
        assert said in capsys.readouterr().err


def test_people_are_told_apart(course, tmp_path):
    found = [one.name for one in handed_in(course / "handed in")]
    assert found == sorted(found) and len(found) == 5 and "_script_" in found
    shutil.copytree(course / "handed in", tmp_path / "twice" / "a")
    shutil.copytree(course / "handed in", tmp_path / "twice" / "b")
    with pytest.raises(ValueError, match="files of one name") as caught:
        handed_in(tmp_path / "twice")
    assert len(str(caught.value).splitlines()) == 1 + 2  # all that no system names, at once


def test_a_file_that_is_no_notebook_gets_a_reason(tmp_path):
    of_canvas = "doejane_1_2_hw9.txt", "roejohn_3_4_hw9.zip", "roejohn_3_5_hw9.IPYNB"
    essay = "Ann_7_assignsubmission_file_/essay.pdf"
    for name in (*of_canvas, essay, "roster.csv", "._plain.ipynb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(notebook(GOOD)))
    found = {one.name: one.path for one in handed_in(tmp_path)}
    assert set(found) == {"doejane_1", "roejohn_3", "Ann_7"}
    assert code_cells(found["roejohn_3"]) == GOOD
    for name, ending in {"doejane_1": ".txt", "Ann_7": ".pdf"}.items():
        with pytest.raises(Unreadable, match=rf"no notebook: it ends in \{ending}"):
            code_cells(found[name])


@pytest.mark.slow
@needs_sandbox
def test_of_two_notebooks_of_one_person_the_last_is_graded_and_it_is_said(course):
    first = course / "handed in" / "doejane_101_9001_hw9.ipynb"
    again = first.with_name("doejane_101_9003_hw9-1.ipynb")
    again.write_text(json.dumps(notebook(GOOD[:3])))
    assert main(["hw9", str(course / "handed in")]) == 0
    table = {row[0]: row for row in rows(course / "handed in-graded" / "grades.csv")}
    assert table["doejane_101"][4] == "4"
    assert f"2 notebooks; graded: {again.name}." in table["doejane_101"][-1]


@pytest.mark.slow
@needs_sandbox
def test_hidden_numbers_depend_on_the_secret(course, monkeypatch):
    tell = "def twice(x):\n    raise ValueError(x)"
    path = course / "handed in" / "plain.ipynb"
    path.write_text(json.dumps(notebook([*GOOD, tell])))
    one, toy = Handed(path, "plain"), course / "homework" / "hw9_toy"
    told = [
        json.dumps(grading.grade.grade(one, toy, {}, secret, "bubblewrap"))
        for secret in ("heron", "heron", "crane")
    ]
    asked = [re.search(r"ValueError: ([-.\d]+)", text) for text in told]
    numbers = [found and found[1] for found in asked]
    assert numbers[0] and numbers[0] == numbers[1] != numbers[2]


def test_a_sandbox_that_does_not_start_is_nobodys_fault_and_not_kept(course, monkeypatch, capsys):
    monkeypatch.setattr(grading.grade, "probe", lambda isolation: None)
    monkeypatch.setattr(grading.grade, "ProcessPoolExecutor", lambda *a, **k: Here())
    monkeypatch.setattr("grading.submission.command", lambda *a: ["false"])
    assert main(["hw9", str(course / "handed in")]) == 0
    table = {row[0]: row for row in rows(course / "handed in-graded" / "grades.csv")}
    assert "The grader failed (NoSandbox)" in table["doejane_101"][-1]
    assert not (course / "handed in-graded" / "results").exists()


def test_what_a_teacher_may_have_overlooked_is_said(course, monkeypatch, capsys):
    monkeypatch.setattr(grading.grade, "probe", lambda isolation: None)
    monkeypatch.setattr(grading.grade, "ProcessPoolExecutor", lambda *a, **k: Here())
    judged = {"got": 6, "reason": "", "results": []}
    monkeypatch.setattr(grading.grade, "_judged", lambda *a: dict(judged))
    folder, out = course / "handed in", course / "handed in-graded"
    (folder / "notes M\udcfcller.txt").write_text("")
    (folder / "poe_103_link.html").write_text("")
    (course / "roster.csv").write_text("ID;Variant\n101;3\n00;4\n")
    out.mkdir()
    (out / "by-hand.csv").write_text("name;points;comment\ngone;0;\n<script>;;\n")
    arguments = ["hw9", str(folder), "--roster", str(course / "roster.csv")]
    assert main(arguments) == 2
    assert "by-hand.csv, line 2 (gone): has points for nobody" in capsys.readouterr().err
    names = ["doejane_101", "roejohn_102", "Ann_Other_77", "plain", "_script_", "poe_103"]
    text = "name;points;comment\ngone;0;\n" + "".join(f"{name};;\n" for name in names)
    (out / "by-hand.csv").write_text(text)
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "by-hand.csv has points for nobody who handed in: line 2 (gone)" in said
    assert "on the roster, but nothing handed in: 00\n" in said
    assert "nobody's, and no notebooks: notes M\\udcfcller.txt" in said
    table = {row[0]: row for row in rows(out / "grades.csv")}
    assert table["poe_103"][-1] == "poe_103_link.html cannot be graded: it is a link, not a file."
    assert table["roejohn_102"][-1] == "Not on the roster."


def test_close_says_what_is_wrong_and_not_what_is_right():
    close([1, 2.0001], [1, 2])
    with pytest.raises(Wrong, match=r"the rate has the shape \(2,\), needed \(\)"):
        close([1, 2], 3, "the rate")
    with pytest.raises(Wrong, match="it is not right in 1 of 2 places") as caught:
        close([1, 5], [1, 77])
    assert "77" not in str(caught.value)
