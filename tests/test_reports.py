"""What is written about a batch: tables, points by hand, likely copies."""

import csv

import pytest

import homework
from assemble import ROOT
from grading import reports, tables
from grading.copies import alike


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
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
    path.write_text("name;points;comment\nann;1;\n")
    with pytest.raises(ValueError, match="parted by commas"):
        tables.with_hand(two, path)


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
