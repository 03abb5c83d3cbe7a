"""What is written about a batch: tables, points by hand, likely copies."""

import csv
import json
import re
from concurrent.futures import Future

import pytest

import homework
from assemble import ROOT
from grading import grade, reports, tables
from grading.handed_in import Handed
from grading.shared_code import alike


def rows(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file))


def record(name, got, **more):
    """What grading leaves of a homework with 15 points by tests and 5 by hand."""
    common = {"who": name, "identifier": "7", "system": "moodle", "of": 20, "by_hand": 5}
    return {"name": name, "got": got, "results": [], **common, **more}


def test_points_by_hand_are_read_and_never_overwritten(tmp_path):
    path, two = tmp_path / "by-hand.csv", [record("ann", 12), record("bob", 3)]
    assert [found["total"] for found in tables.with_hand(two, path)] == [12, 3]
    assert rows(path) == [["name", "points", "comment"], ["ann", "", ""], ["bob", "", ""]]
    path.write_text('name,points,comment\nann,4.5,"clear, and right"\nbob,,\n')
    found = tables.with_hand([*two, record("eve", 1)], path)
    assert [(one["hand"], one["total"]) for one in found] == [(4.5, 16.5), (None, 3), (None, 1)]
    assert rows(path)[1:] == [["ann", "4.5", "clear, and right"], ["bob", "", ""], ["eve", "", ""]]
    assert "4.5 of 5 by hand. clear, and right" in reports.feedback(found[0], "hw9")
    head, line = tables.moodle(found[:1], "hw9")
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(head)  # or Moodle refuses it
    assert (line[head.index("Grade")], line[head.index("Maximum grade")]) == (16.5, 20)
    assert tables.canvas(found, "hw9")[1][-1] == 20
    assert tables.blackboard(found[:1], "hw9") == [["Username", "hw9"], ["ann", 16.5]]
    for wrong in ("6", "many"):
        path.write_text(f"name,points,comment\nann,{wrong},\n")
        with pytest.raises(ValueError, match="ann needs points from 0 to 5"):
            tables.with_hand(two, path)
    odd = record("-x", 2)  # a name that a spreadsheet would take for a formula
    path.write_text("name,points,comment,seen by\nann,1,,me\n")
    tables.with_hand([record("ann", 12), odd], path)
    assert rows(path)[1:] == [["ann", "1", "", "me"], ["'-x", "", "", ""]]
    path.write_text(path.read_text().replace("'-x,", "'-x,2"))
    assert tables.with_hand([odd], path)[0]["total"] == 4 and len(rows(path)) == 3


def test_a_spreadsheet_takes_no_name_for_a_formula(tmp_path):
    tables.write_csv(tmp_path / "x.csv", [["=1+1", -1, "a", ""]])
    assert rows(tmp_path / "x.csv") == [["'=1+1", "-1", "a", ""]]


def test_copies_are_found_although_names_and_numbers_differ():
    own = "def f{0}(x):\n    y{0} = x + {0}\n    return [g(y{0} * k) for k in h({0}) if k % 2 == 0]"
    copied = own.format(7).replace("x", "value").replace("k", "index")
    others = {f"s{i}": [f"def f(x):\n    return {'-' * i}x + sum([{i}] * {i})"] for i in range(2)}
    found = alike({"a": [own.format(1)], "b": [copied], **others})
    assert [(one, other) for _, one, other in found] == [("a", "b")]
    handout = {f"s{i}": [own.format(1)] for i in range(10)}
    assert not alike(handout), "what all have is the handout's"
    assert not alike({"a": [own.format(1)], "b": [copied]}, [own.format(3)])


@pytest.mark.parametrize("one", homework.find(ROOT), ids=lambda one: one.name)
def test_who_hands_in_the_published_solution_is_named(one):
    handout, solution = reports.public(one.source.with_suffix(""))
    renamed = [cell.replace("found", "result") for cell in solution]
    records = [record("ann", 15, cells=renamed), record("bob", 0, cells=handout)]
    page = reports.summary(records, "hw9", "", handout, solution)
    assert page.count("(the published solution)") == 1 and "<td>ann</td>" in page
    many = [record(f"s{i}", 15, cells=renamed) for i in range(9)]  # no rarity, but no excuse
    assert reports.summary(many, "hw9", "", handout, solution).count("(the published") == 9


def test_text_that_is_none_and_code_too_deep_stop_no_report(tmp_path):
    """An error may hold half a character, and a file's name another; a cell may be too deep."""
    folder, out = tmp_path / "hw9_toy", tmp_path / "out"
    folder.mkdir()
    (folder / "rubric.md").write_text("None.")
    cells = ["x = " + "-" * 20_000 + "1", "y = '\ud800'"]
    odd = record("M_ller", 3, who="M\udcfcller", failed=["ValueError: \ud800"], cells=cells)
    assert "2 graded" in reports.write_all([odd, record("ann", 12)], folder, out)
    assert "\\ud800" in (out / "feedback" / "M_ller.html").read_text()
    assert len(rows(out / "moodle.csv")) == 3 and (out / "summary.html").exists()


class Broken:
    """A pool in which the second job dies, as by a bug of the grader's."""

    def __init__(self, *args, **kwargs):
        self.jobs = 0

    __enter__ = lambda self: self  # noqa: E731
    __exit__ = lambda *args: None  # noqa: E731

    def submit(self, *job):
        self.jobs, future = self.jobs + 1, Future()
        if self.jobs == 2:
            future.set_exception(RecursionError("of ours"))
        else:
            future.set_result({"got": 6})
        return future


def test_what_breaks_the_grader_costs_one_grade_and_is_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr(grade, "ProcessPoolExecutor", Broken)
    folder = homework.find(ROOT)[0].source.with_suffix("")
    found = [Handed(tmp_path / f"{name}.ipynb", name) for name in ("ann", "bob", "eve")]
    for one in found:
        one.path.write_text("{}")
    given = list(grade.grade_all(found, folder, tmp_path / "out", ({}, "", "bubblewrap"), 1))
    assert sorted(one["got"] for one in given) == [0, 6, 6]
    assert [one["reason"] for one in given if "reason" in one] == [
        "The grader failed (RecursionError): run it again, or look."
    ]
    kept = [json.loads(path.read_text())["got"] for path in (tmp_path / "out").rglob("*.json")]
    assert kept == [6, 6]


def test_points_are_counted_in_whole_steps_and_all_of_them():
    rows = reports._bars([0, 1.5, 2, 14.75, 15], 15)
    found = re.findall(r"<td class=n>(.+?)</td><td class=n>(\d)</td>", "".join(rows))
    assert found[:2] == [("0 to 2", "2"), ("2 to 4", "1")] and found[-1] == ("14 to 15", "2")
    assert len(reports._bars([2.5], 3)) == 3
