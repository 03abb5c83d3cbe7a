"""Who handed in what: names as learning systems, browsers and people write them."""

import json
import unicodedata
from pathlib import Path

import pytest
from toy_homework import GOOD, notebook

from grading.grade import grade
from grading.handed_in import handed_in, survey
from grading.learning_systems import LAYOUTS, owners, plain
from grading.tables import canvas, with_hand

MOODLE = "John Roe_78_assignsubmission_file_"
ATTEMPT = "HW2_jroe_attempt_2026-11-27-11-59-00"
NUMBERS = "12345-67890"
BRIGHTSPACE = f"{NUMBERS} - Roe, John - "
ILIAS = "Roe_John_jroe_12345"


def put(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(notebook(GOOD)))
    return folder


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.example)
def test_each_layout_reads_its_example(layout):
    folder = [layout.example] if layout.where == "folder" else []
    (owner,) = owners([(*folder, layout.example)])
    assert owner and owner.system == layout.system


@pytest.mark.parametrize(
    ("name", "system", "who", "identifier"),
    [
        (f"{MOODLE}/hw2.ipynb", "moodle", "John Roe", "78"),
        (f"CS-101/{MOODLE[:-1]}/hw2.ipynb", "moodle", "John Roe", "78"),
        (f"{MOODLE}hw2.ipynb", "moodle", "John Roe", "78"),
        (f"{MOODLE}/roeann_77_1001_hw2.ipynb", "moodle", "John Roe", "78"),  # a student's choice
        ("Participant_80_assignsubmission_file_/x.ipynb", "moodle", "Participant", "80"),
        ("Team A_12_assignsubmission_file/x.ipynb", "moodle", "Team A", "12"),
        ("Default group_assignsubmission_file/x.ipynb", "moodle", "Default group", ""),
        ("Roe_81_assignsubmission_onlinetext/onlinetext.html", "moodle", "Roe", "81"),
        ("roejohn_78_9001_hw2.ipynb", "canvas", "roejohn", "78"),
        ("roejohn_LATE_78_9001_hw2-1.ipynb", "canvas", "roejohn", "78"),
        ("roejohn_late_78_9001_hw2 (1).ipynb", "canvas", "roejohn", "78"),
        ("submissions/roejohn_78_9001_x_2026_11_27.ipynb", "canvas", "roejohn", "78"),
        ("roejohn_78_link.html", "canvas", "roejohn", "78"),
        ("roejohn_LATE_78_text.html", "canvas", "roejohn", "78"),
        ("project_team_5_9001_hw2.ipynb", "canvas", "project_team", "5"),
        ("78_9001_hw2.ipynb", "canvas", "78", "78"),
        ("LATE_78_9001_hw2.ipynb", "canvas", "78", "78"),
        ("anon_ab12c_9001_hw2.ipynb", "canvas", "anon_ab12c", "anon_ab12c"),
        ("anon_54321_9001_hw2.ipynb", "canvas", "anon_54321", "anon_54321"),
        ("anon_54321_LATE_9001_3_hw2.ipynb", "canvas", "anon_54321", "anon_54321"),
        ("group_9_LATE_78_9001_hw2.ipynb", "canvas", "group_9", "78"),
        ("roejohn_78_9001_2_memory.ipynb", "canvas", "roejohn", "78"),
        ("chocolate_78_9001_hw2.ipynb", "canvas", "chocolate", "78"),
        ("group_9_78_9001_hw2.ipynb", "canvas", "group_9_78", ""),  # or 9's file "9001_hw2"
        ("my_group_9_78_9001_hw2.ipynb", "canvas", "my_group_9_78", ""),
        ("9_78_9001_hw2.ipynb", "canvas", "9_78", ""),
        ("group_9_78_link.html", "canvas", "group_9_78", ""),
        (f"{ATTEMPT}_hw2.ipynb", "blackboard", "jroe", ""),
        (f"{ATTEMPT}.txt", "blackboard", "jroe", ""),
        (f"gradebook_CS.2026_{ATTEMPT}_my_own_hw.ipynb", "blackboard", "jroe", ""),
        (f"{ATTEMPT}_x_ann_attempt_2027-01-01-00-00-00_y.ipynb", "blackboard", "jroe", ""),
        (f"{BRIGHTSPACE}Nov 27, 2026 1159 PM - hw2.ipynb", "brightspace", "Roe, John", NUMBERS),
        (f"{BRIGHTSPACE}Nov 27, 2026 1159 PM/hw2.ipynb", "brightspace", "Roe, John", NUMBERS),
        ("1-2 - Team 3 - Al Roe - Sep 4, 2026 926 AM/h - x.ipynb", "brightspace", "Al Roe", "1-2"),
        (f"{ILIAS}/hw2.ipynb", "ilias", "John Roe", "12345"),
        (f"Team 7/{ILIAS}/Late submission - hw2.ipynb", "ilias", "John Roe", "12345"),
    ],
)  # fmt: skip
def test_a_person_is_found_in_the_name_that_a_system_gives(name, system, who, identifier):
    (found,) = owners([tuple(name.split("/"))])
    assert found and (found.system, found.who, found.identifier) == (system, who, identifier)


@pytest.mark.parametrize(
    "name", ["hw2_2026_11_27_doe.ipynb", "2026_11_27_doe.ipynb", "jane_doe.ipynb", "index.html"]
)
def test_what_no_system_named_is_left_to_its_own_name(name):
    assert owners([(name,)]) == [None]


def test_where_two_systems_could_have_written_a_name_the_one_that_finds_people_did():
    wrapped = [("Fall_Term_hw2_2026", f"{who}_1001_hw2.ipynb") for who in ("doejane_77", "roe_78")]
    assert [o and o.who for o in owners(wrapped)] == ["doejane", "roe"]
    digits = [f"gradebook_2026_101_hw2_{n}_attempt_2026-11-27-11-59-00.txt" for n in ("doe", "roe")]
    assert [o and o.who for o in owners([(name,) for name in digits])] == ["doe", "roe"]


def test_a_students_choice_of_a_name_is_nobody_elses():
    canvas = ["a_1_1_x_roe_attempt_2026-11-27-11-59-00_y.ipynb", "roe_2_9_hw2.ipynb"]
    assert [o and o.who for o in owners([(name,) for name in canvas])] == ["a", "roe"]
    ilias = [(ILIAS, "ann_7_9_x.ipynb"), ("Ann_A_ann_7", "y.ipynb"), ("Bo_B_bo_8", "z.ipynb")]
    assert [o and o.who for o in owners(ilias)] == ["John Roe", "A Ann", "B Bo"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("roejohn_78_99999_b.ipynb", "roejohn_LATE_78_100000_a.ipynb"),
        ("roejohn_78_1_hw2-9.ipynb", "roejohn_78_2_hw2-10.ipynb"),
        (f"{MOODLE}/hw2.ipynb", f"{MOODLE}/hw2 (1).ipynb"),
        (f"{MOODLE}/hw2-9.ipynb", f"{MOODLE}/hw2-10.ipynb"),
        (f"{MOODLE}/hw2 (9).ipynb", f"{MOODLE}/hw2 (10).ipynb"),
        (f"{ATTEMPT}_b.ipynb", f"{ATTEMPT.replace('11-59', '12-01')}_a.ipynb"),
        (f"{BRIGHTSPACE}May 7, 2026 959 PM/b.ipynb", f"{BRIGHTSPACE}May 27, 2026 126 AM/a.ipynb"),
        (f"{BRIGHTSPACE}Dec 7, 2026 1206 PM/b.ipynb", f"{BRIGHTSPACE}Dec 7, 2026 126 PM/a.ipynb"),
        (f"{ILIAS}/hw2.ipynb", f"{ILIAS}/hw2 (2).ipynb"),
        ("doejane.ipynb", "doejane (1).ipynb"),
        ("doejane-Copy2.ipynb", "doejane-Copy10.ipynb"),
        ("doejane.ipynb", "Copy of doejane.ipynb"),
        ("doejane.ipynb", "doejane - Copy (2).ipynb"),
        ("group_9_78_999_a.ipynb", "group_9_78_1000_a.ipynb"),
        ("doejane.ipynb", "doejane.ipynb (1).json"),
        ("doejane.ipynb.txt", "doejane (1).ipynb.json"),
        ("doe/hw2.ipynb", "doe/hw2 (1).ipynb"),
    ],
)  # fmt: skip
def test_of_several_attempts_the_newest_counts(tmp_path, older, newer):
    put(tmp_path, older, newer, "poe/x_1.ipynb", "moe/x_2.ipynb")
    if "doejane" in older:
        put(tmp_path, "doejane.ipynb")
    found = [one for one in handed_in(tmp_path) if one.path in (tmp_path / older, tmp_path / newer)]
    assert [one.path for one in found] == [tmp_path / newer]
    assert f" notebooks; graded: {Path(newer).name}." in found[0].note


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "roejohn_78_link.html",
            "roejohn_78_link.html cannot be graded: it is a link, not a file.",
        ),
        ("roejohn_78_text.html", "it is text that was typed in, not a file."),
        (
            "Roe_81_assignsubmission_onlinetext/onlinetext.html",
            "it is text that was typed in, not a file.",
        ),
        (f"{ATTEMPT}.txt", "it is text that was typed in, not a file."),
        (f"{MOODLE}/essay.pdf", "it ends in .pdf"),
        (f"{ILIAS}/hw2.zip", "it is no zip, or a broken one"),
        ("roe/hw2.docx", "it ends in .docx"),
    ],
)
def test_what_is_no_notebook_has_a_row_and_a_reason(tmp_path, toy, name, reason):
    put(tmp_path / "in", name, "ann/x.ipynb", "bob/x.ipynb")
    (one,) = [one for one in handed_in(tmp_path / "in") if one.who not in ("ann", "bob")]
    record = grade(one, toy, {}, "", "bubblewrap")
    assert record["got"] == 0 and reason in record["reason"]


@pytest.fixture
def toy(tmp_path) -> Path:
    (tmp_path / "hw9_toy").mkdir()
    (tmp_path / "hw9_toy" / "checks.py").write_text("")
    return tmp_path / "hw9_toy"


def test_what_was_handed_in_beside_a_notebook_is_noted(tmp_path):
    put(tmp_path, f"{MOODLE}/hw2.ipynb", f"{MOODLE}/essay.pdf", f"{ATTEMPT}_hw2.ipynb")
    put(tmp_path, f"{ATTEMPT}.txt", "Team 7/Doe_Jane_jdoe_123/hw2.ipynb", "notes.txt", "~$x.docx")
    found, strangers = survey(tmp_path)
    notes = {one.who: one.note for one in found}
    assert notes == {"John Roe": "Also handed in: essay.pdf.", "jroe": "", "Jane Doe": "Team 7."}
    assert strangers == ["notes.txt"]


@pytest.mark.parametrize(
    ("names", "known", "found"),
    [
        ("doe/hw2.ipynb roe/hw2.ipynb", "", "doe roe"),
        ("doe/hw2.ipynb", "", "doe"),
        ("submitted/doe/hw2/hw2.ipynb submitted/roe/hw2/hw2.ipynb", "", "doe roe"),
        ("in/doe/a.ipynb in/roe/b.ipynb in/roe/sub/b.ipynb in/moe/x.ipynb", "", "doe moe roe"),
        ("a/doe.ipynb a/roe.ipynb b/poe.ipynb b/moe.ipynb", "", "doe moe poe roe"),
        ("doe.ipynb roe.ipynb", "", "doe roe"),
        ("Team(1).ipynb Team(2).ipynb", "", "Team_1_ Team_2_"),
        ("1/doe/hw2.ipynb 2/roe/hw2.ipynb", "doe roe", "doe roe"),
        ("1/doe.ipynb 2/roe.ipynb", "doe roe", "doe roe"),
    ],
)  # fmt: skip
def test_folders_are_people_where_most_hold_one_notebook(tmp_path, names, known, found):
    put(tmp_path, *names.split())
    assert [one.name for one in handed_in(tmp_path, known.split())] == found.split()


def test_a_file_that_is_no_notebook_is_its_folders_or_the_rosters():
    paths = [("doe", "x.ipynb"), ("roe", "y.pdf"), ("moe.pdf",), ("z.pdf",)]
    found = plain(paths, {paths[0]}, {"moe"})
    assert [one and one.who for one in found] == ["doe", "roe", "moe", None]


def test_names_in_any_alphabet_and_form_are_told_apart(tmp_path):
    decomposed = unicodedata.normalize("NFD", "José")
    put(tmp_path, f"{decomposed}_81_assignsubmission_file_/x.ipynb", "हिन्दी.ipynb", "हन्दा.ipynb")
    put(tmp_path, "x" * 240 + "1.ipynb", "x" * 240 + "2.ipynb")
    names = {one.name for one in handed_in(tmp_path)}
    assert {"José_81", "हिन्दी", "हन्दा"} < names and len(names) == 5
    assert max(len(f"{name}.html.part".encode()) for name in names) < 255


@pytest.mark.parametrize(
    "pair",
    [
        ("0012.ipynb", "12.ipynb"),
        ("00.ipynb", "0.ipynb"),
        ("McKay.ipynb", "Mckay.ipynb"),
        ("Weiß.ipynb", "Weiss.ipynb"),
        ("ΣΟΦΟΣ.ipynb", "σοφος.ipynb"),
        ("DOE/x.ipynb", "doe/x.ipynb"),
        ("Team A_assignsubmission_file_x.ipynb", "team a_assignsubmission_file_x.ipynb"),
    ],
)
def test_who_differs_in_capitals_or_zeros_only_has_a_row_and_points_of_her_own(tmp_path, pair):
    put(tmp_path / "in", *pair)
    found = handed_in(tmp_path / "in")
    assert sorted(one.path for one in found) == sorted(tmp_path / "in" / name for name in pair)
    assert all("Another's name is nearly the same" in one.note for one in found)
    records = [{"name": one.name, "got": 3, "by_hand": 5} for one in found]
    with_hand(records, tmp_path / "by-hand.csv")
    names = (tmp_path / "by-hand.csv").read_text("utf-8-sig").splitlines()[1:]
    filled = [f"{line[:-2]},{points}," for points, line in enumerate(names, 1)]
    (tmp_path / "by-hand.csv").write_text("\n".join(["name,points,comment", *filled]))
    assert [one["total"] for one in with_hand(records, tmp_path / "by-hand.csv")] == [4, 5]


def test_an_id_that_is_unclear_is_said_and_earns_nobody_points(tmp_path):
    put(tmp_path, "group_9_78_9001_hw2.ipynb", "anon_54321_9002_hw2.ipynb", "roe_79_9003_x.ipynb")
    found = handed_in(tmp_path)
    notes = [("which number is Canvas's user ID" in one.note, one.who) for one in found]
    assert notes == [(False, "anon_54321"), (True, "group_9_78"), (False, "roe")]
    records = [{"who": o.who, "identifier": o.identifier, "of": 9, "total": 4} for o in found]
    assert [row[1] for row in canvas(records, "hw2")[2:]] == ["79"]


def test_two_people_whose_names_would_be_one_are_refused(tmp_path):
    put(tmp_path, "Ann.ipynb", "sub/ann.ipynb", "sub/bob.ipynb")
    with pytest.raises(ValueError, match="files of one name, whose are they") as caught:
        handed_in(tmp_path)
    assert str(tmp_path / "Ann.ipynb") in str(caught.value) and "bob" not in str(caught.value)
