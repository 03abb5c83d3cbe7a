"""Rosters: read as teachers have them, or refused by file and line."""

import unicodedata
from pathlib import Path

import pytest

from grading.handed_in import Handed
from grading.learning_systems import owners
from grading.roster import absent, rewritten, roster, variant_of


def who(name: str, identifier: str = "", also: tuple = ()) -> Handed:
    return Handed(Path("x"), name, identifier, also=also)


@pytest.mark.parametrize(
    "text",
    [
        "name,variant\nJosé Roe,17\n",
        "Name;Variant\r\nJosé Roe;17\r\n;\r\n",
        "sep=;\nname;variant\nJosé Roe;17\n",
        "variant\tname\n17\tRoe, José\n",
        "Full Name,Section,VARIANT,\n josé\u00a0 roe ,A,17,\n",
        "First name,Last name,Email address,variant\nJosé,Roe,jr@x.org,17\n",
        "Vorname;Nachname;Matrikelnummer;Variant\nJosé;Roe;0099;17\n",
        "Student,ID,SIS Login ID,variant\n\"Roe, José\",78,jroe,17\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "mac_roman", "utf-16"])
def test_a_roster_is_read_as_teachers_have_it(tmp_path, text, encoding):
    if encoding == "mac_roman":
        text = text.replace("\u00a0", " ")
    (tmp_path / "r.csv").write_bytes(text.encode(encoding))
    found = roster(tmp_path / "r.csv")
    assert variant_of(who(unicodedata.normalize("NFD", "José  Roe")), found) == 17
    assert variant_of(who("Ann"), found) is None
    (tmp_path / "again.csv").write_text(rewritten(tmp_path / "r.csv"))
    assert roster(tmp_path / "again.csv") == found


@pytest.mark.parametrize(
    ("column", "value", "file"),
    [
        ("login", "jroe", "Roe_John_jroe_12345/x.ipynb"),
        ("username", "JRoe", "HW_jroe_attempt_2026-11-27-11-59-00_x.ipynb"),
        ("ID", "78", "roejohn_LATE_78_9001_x.ipynb"),
        ("Student", "Roe, John", "roejohn_78_9001_x.ipynb"),
        ("Student ID", "123", "00123.ipynb"),
        ("Matriculation", "00123", "123.ipynb"),
        ("Identifier", "Participant 78", "John Roe_78_assignsubmission_file_/x.ipynb"),
        ("name", "John Roe", "Group 1-John Roe_78_assignsubmission_file_/x.ipynb"),
        ("name", "John O'Roe", "John O’Roe_78_assignsubmission_file_/x.ipynb"),
        ("name", "John Roe", "1-2 - Roe, John - Nov 27, 2026 1159 PM - x.ipynb"),
    ],
)
def test_whoever_is_listed_is_found(tmp_path, column, value, file):
    quoted = f'"{value}"'
    (tmp_path / "r.csv").write_text(f"{column},variant\n{quoted},17\nother,18\n")
    (owner,) = owners([tuple(file.split("/"))])
    one = (
        who(owner.who, owner.identifier, owner.also) if owner else who(file.removesuffix(".ipynb"))
    )
    assert variant_of(one, roster(tmp_path / "r.csv")) == 17
    assert absent(tmp_path / "r.csv", [one]) == ["other"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name;points\nroe;1\n", "needs the columns name and variant"),
        ("who,variant\nroe,1\n", "needs the columns name and variant, got who, variant"),
        ("name,variant\nroe,1\n\nann,\n", "line 4: variants go from 0 to 999,999, but not for ann"),
        ("name,variant\nroe,1.5\n", "line 2: variants go from 0 to 999,999, but not for roe"),
        ("name,variant\n,17\n", "line 2: it says a variant, but not whose"),
        ("id,variant\n1.23E+05,17\n", r"line 2: a spreadsheet has shortened a number"),
        ("name,variant\nroe,1\nann,2\nROE,3\n", "two lines for roe: 2 and 4"),
        ("name,variant\n0012,1\n12,2\n", "two lines for 12: 2 and 3"),
        ("name,id,variant\nroe,7,1\nann,7,1\n", "two lines for 7: 2 and 3"),
        ('name,variant\n"roe,1\n', "line 2: unexpected end of data"),
    ],
)  # fmt: skip
def test_a_roster_that_cannot_be_told_is_refused_by_file_and_line(tmp_path, text, said):
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(ValueError, match=said) as caught:
        roster(tmp_path / "r.csv")
    assert str(tmp_path / "r.csv") in str(caught.value)


def written(path: Path, encoding: str, name: str) -> Path:
    path.write_bytes(f"name,variant\nAnn,1\n{name},17\n".encode(encoding))
    return path


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp1251", "Юлия"),
        ("cp1251", "Ян"),
        ("cp1250", "Lukáš Kučera"),
        ("cp1250", "Ryszard Żak"),
        ("cp1250", "Bögöly Ödön Őz"),
        ("cp1253", "Ελένη"),
        ("cp1254", "Ayşe"),
        ("cp1257", "Eglė"),
        ("cp932", "山田"),
        ("cp850", "André"),
        ("mac_cyrillic", "Юлия"),
        ("mac_roman", "García"),
        ("cp1252", "Søren"),
    ],
)
def test_a_roster_whose_names_might_be_others_is_refused_by_file_and_line(tmp_path, encoding, name):
    with pytest.raises(ValueError, match=r"r\.csv, line 3: .*: save it as CSV UTF-8"):
        roster(written(tmp_path / "r.csv", encoding, name))


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("cp1252", "Jürgen Groß"), ("cp1250", "Tomáš"), ("cp1252", "García"), ("mac_roman", "René")],
)
def test_names_that_are_the_same_in_every_country_are_read(tmp_path, encoding, name):
    assert variant_of(who(name), roster(written(tmp_path / "r.csv", encoding, name))) == 17


def test_of_two_people_of_one_name_each_is_found_by_number(tmp_path):
    (tmp_path / "r.csv").write_text("name,id,variant\nJohn Roe,78,1\nJohn Roe,79,2\n")
    found = roster(tmp_path / "r.csv")
    assert [variant_of(who("John Roe", number), found) for number in ("79", "")] == [2, None]
