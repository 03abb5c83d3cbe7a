"""Tables that went through a spreadsheet: read as they were meant, or refused by file and line."""

import csv
import io
import unicodedata
from pathlib import Path

import pytest

from grading.tables import unclaimed, with_hand

NAMES = ["José_81", "Jörg_Müßig_82", "00123", "-x", "Žaneta"]
RECORDS = [{"name": name, "got": 3, "by_hand": 5} for name in NAMES]
WESTERN = RECORDS[:4]  # what cp1252 and Mac Roman can both write


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "by-hand.csv"


def hand(records: list[dict], path: Path) -> list[tuple[float | None, str]]:
    return [(one["hand"], one["comment"]) for one in with_hand(records, path)]


def saved(text: str, encoding: str, delimiter: str = ",", end: str = "\r\n") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(csv.reader(io.StringIO(text)))
    return out.getvalue().replace("\r\n", end).encode(encoding)


FILLED = """name,points,comment
José_81,"4,5",schön
Jörg_Müßig_82,2.5,"two, or
three"
123,1,
'-x,0,"""


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "mac_roman", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_points_survive_a_spreadsheet(path, encoding, delimiter, end):
    content = saved(FILLED, encoding, delimiter, end)
    path.write_bytes(content)
    found = hand(WESTERN, path)
    assert [points for points, _ in found] == [4.5, 2.5, 1, 0]
    assert found[0][1] == "schön" and found[1][1].split() == ["two,", "or", "three"]
    assert path.read_bytes() == content, "there was nothing to add"
    more = [*WESTERN, {"name": "new", "got": 0, "by_hand": 5}]
    assert hand(more, path)[:4] == found, "and again, as the grader has rewritten it"
    assert delimiter in path.read_text("utf-8-sig").splitlines()[0]
    assert hand(more, path)[:4] == found


@pytest.mark.parametrize(
    "text",
    [
        "Name,POINTS, Comment \nJosé_81,4,\n",
        "comment,name,points\n,José_81,4\n",
        "name,points,comment,,,\nJosé_81,4,,,,\n,,,,,\n\n",
        "\n,,\nname,points,comment\nJosé_81,4,\n",
        "name,points,comment\njosé 81,4,\n",
        f"name,points,comment\n{unicodedata.normalize('NFD', 'José_81')},4\n",
        "name,points,comment\nJosÃ©_81,4,\nJosé_81,,\n",  # as earlier versions left it behind
        'sep=,\nname,points,comment\nJosé_81,4,"\n"\n',
        "name,seen by,points,comment\nJosé_81,me,4,\n",
    ],
)
def test_columns_and_lines_may_move(path, text):
    path.write_text(text, encoding="utf-8-sig")
    assert hand(RECORDS[:1], path)[0][0] == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name|points|comment\nJosé_81|4|\n", "needs the columns name, points and comment"),
        ("name,points\nJosé_81,4\n", "needs the columns name, points and comment"),
        ("name,points,points,comment\nJosé_81,4,,\n", "each once"),
        ("", "needs the columns name, points and comment"),
        ("name,points,comment\n\nJosé_81,04. Mai,\n", "line 3: José_81 needs points from 0 to 5"),
        ("name,points,comment\nJosé_81,6,\n", "line 2: José_81 needs points from 0 to 5"),
        ("name,points,comment\nJosé_81,nan,\n", "line 2: José_81 needs points from 0 to 5"),
        ("name,points,comment\nJosé_81,4,5\n", r"line 2: is 4,5 a number with a comma\?"),
        ("name,points,comment\nJosé_81,4,5,good\n", "line 2: more cells than columns"),
        ("name,points,comment\nJosé_81,4,a\nJosé_81,3,b\n", "lines 2 and 3 are both for José_81"),
        ('name,points,comment\nJosé_81,4,"a\n', "line 2: unexpected end of data"),
        ("name,points,comment\n8.1E+01,4,\n", r"line 2 \(8\.1E\+01\): has points for nobody"),
        ("name,points,comment\nJos_81,4,\n", r"line 2 \(Jos_81\): .*nothing there: José_81"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_refused_by_file_and_line_and_left_alone(path, text, said):
    path.write_text(text, encoding="utf-8-sig")
    before = path.read_bytes()
    with pytest.raises(ValueError, match=said) as caught:
        with_hand(RECORDS[:1], path)
    assert str(path) in str(caught.value) and path.read_bytes() == before


def test_bytes_that_are_no_text_are_refused_by_file_and_line(path):
    for raw in (b"\xef\xbb\xbfname,points,comment\nJos\xe9_81,4,\n", b"\xff\xfea"):
        path.write_bytes(raw)
        with pytest.raises(ValueError, match=r"by-hand\.csv, line \d: has a character that cannot"):
            with_hand(RECORDS, path)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("cp1250", "Lukáš_Kučera"), ("cp1251", "Юлия_7"), ("cp1254", "Ayşe"), ("cp1252", "Søren")],
)
def test_points_survive_the_spreadsheets_of_other_countries(path, encoding, name):
    path.write_bytes(f"name,points,comment\n{name},4,\n".encode(encoding))
    assert hand([{"name": name, "got": 3, "by_hand": 5}], path) == [(4, "")]


def test_a_new_table_is_one_that_excel_reads_and_points_without_a_person_are_named(path):
    assert hand(RECORDS, path) == [(None, "")] * 5
    assert path.read_bytes().startswith("\ufeffname,points".encode())
    assert "'-x,,\n" in path.read_text("utf-8-sig")
    path.write_text("name,points,comment\nJosé_81,4,\ngone,3,\nalso gone,,\n")
    assert unclaimed(RECORDS[:1], path) == ["line 3 (gone)"]
    assert hand(RECORDS[:1], path) == [(4, "")]
