"""Zips: the download itself, and what students pack; whatever they hold, they do no harm."""

import io
import json
import stat
import unicodedata
import zipfile

import pytest
from toy_homework import GOOD, notebook

from grading import archives
from grading.handed_in import beside, handed_in, survey
from grading.ipynb import code_cells

GOOD_ONE = json.dumps(notebook(GOOD)).encode()


def packed(files: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return raw.getvalue()


def flagged(raw: bytes) -> bytes:
    """Say of a zip's only file that it is encrypted."""
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = raw.index(mark) + place
        raw = raw[:at] + bytes([raw[at] | 1]) + raw[at + 1 :]
    return raw


def spoilt(raw: bytes) -> bytes:
    """Change a zip's first file, not its list."""
    return raw[:60] + bytes(byte ^ 255 for byte in raw[60:90]) + raw[90:]


def test_the_download_itself_is_read_and_the_results_lie_beside_it(tmp_path):
    names = ["CS/John Roe_78_assignsubmission_file_/hw2.ipynb", "CS/poeann_79_9001_hw2.ipynb"]
    names += ["CS/HW_jdoe_attempt_2026-11-27-11-59-00_hw2.ipynb"]
    hidden = {"__MACOSX/CS/._x.ipynb": b"", "CS/.DS_Store": b"", "CS/readme.txt": b""}
    path = tmp_path / "handed in.zip"
    path.write_bytes(packed(dict.fromkeys(names, GOOD_ONE) | hidden))
    found, strangers = survey(path)
    assert [one.who for one in found] == ["John Roe", "jdoe", "poeann"]
    assert strangers == ["CS/readme.txt"] and all(code_cells(one.path) == GOOD for one in found)
    assert beside(path) == tmp_path / "handed in-graded"
    assert [one.path for one in survey(path)[0]] == [one.path for one in found]  # and once more
    assert {path.name for path in tmp_path.iterdir()} == {"handed in.zip", "handed in-graded"}


def test_a_download_that_is_no_zip_is_refused_by_name(tmp_path):
    (tmp_path / "in.zip").write_bytes(b"PK no zip")
    with pytest.raises(ValueError, match=r"in\.zip: it is no zip, or a broken one"):
        handed_in(tmp_path / "in.zip")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"hw2.ipynb": GOOD_ONE}, ""),
        ({"a.csv": b"1", "mine/.ipynb_checkpoints/a.ipynb": b"", "b.ipynb": GOOD_ONE}, ""),
        ({"/etc/hw2.ipynb": GOOD_ONE}, ""),
        ({"../../../hw2.ipynb": GOOD_ONE}, ""),
        ({"..\\..\\C:\\hw2.ipynb": GOOD_ONE}, ""),
        ({"x" * 300 + ".ipynb": GOOD_ONE}, ""),
        ({}, "the zip holds no notebook"),
        ({"hw2.py": b"1"}, "the zip holds no notebook"),
        ({"inner.zip": packed({"hw2.ipynb": GOOD_ONE})}, "the zip holds no notebook"),
        (b"", "it is no zip, or a broken one"),
        (packed({"hw2.ipynb": GOOD_ONE})[:-30], "it is no zip, or a broken one"),
        (spoilt(packed({"hw2.ipynb": GOOD_ONE})), "it is in a zip that is broken"),
        (flagged(packed({"hw2.ipynb": GOOD_ONE})), "it is in a zip that needs a password"),
        ({f"{i}.ipynb": b"" for i in range(51)}, "it holds more than 50 files"),
    ],
)  # fmt: skip
def test_what_a_student_packed_is_read_or_has_a_reason(tmp_path, content, fault):
    raw = content if isinstance(content, bytes) else packed(content)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "roejohn_78_9001_hw2.zip").write_bytes(raw)
    (one,) = handed_in(tmp_path / "in")
    assert (one.who, one.identifier, one.fault) == ("roejohn", "78", fault)
    assert fault or code_cells(one.path) == GOOD
    outside = [path for path in tmp_path.rglob("*.ipynb") if "unpacked" not in path.parts]
    assert not outside and not (tmp_path.parent / "hw2.ipynb").exists()


def test_a_zip_that_grows_without_end_stays_packed(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST", 2**20)
    bomb = packed({"hw2.ipynb": bytes(2**21)})
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "roe.zip").write_bytes(bomb)
    (one,) = handed_in(tmp_path / "in")
    assert one.fault == "unpacked it is larger than 1 MiB" and not one.path.read_bytes()
    (tmp_path / "all.zip").write_bytes(
        packed({"roe_78_9001_a.ipynb": bytes(2**21), "roe.zip": bomb})
    )
    assert {one.fault for one in handed_in(tmp_path / "all.zip")} == {one.fault}
    monkeypatch.setattr(archives, "LARGEST", 2**22)
    with pytest.raises(ValueError, match="unpacked it would need 2 MiB"):
        archives.unpack(tmp_path / "in" / "roe.zip", tmp_path / "out", size=2**20)


def test_a_link_in_a_zip_leads_nowhere(tmp_path):
    link = zipfile.ZipInfo("roe_78_9001_hw2.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    (one,) = handed_in(tmp_path / "in.zip")
    assert not one.path.is_symlink() and one.path.read_text() == "/etc/passwd"


def test_names_in_utf_8_are_read_whether_a_zip_says_so_or_not(tmp_path):
    name = "José_81_assignsubmission_file_/x.ipynb"
    raw = packed({unicodedata.normalize("NFD", name): GOOD_ONE})
    for flag in (b"\x00\x08", b"\x00\x00"):  # bit 11 of the flags
        for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            at = raw.index(mark) + place
            raw = raw[:at] + flag + raw[at + 2 :]
        (tmp_path / "in.zip").write_bytes(raw)
        assert [one.name for one in handed_in(tmp_path / "in.zip")] == ["José_81"]


def test_two_files_of_one_name_are_both_kept_and_the_last_counts(tmp_path):
    names = [f"Roe_7_assignsubmission_file_/{name}.ipynb" for name in "xy"]
    raw = packed(dict(zip(names, (b"{}", GOOD_ONE), strict=True)))
    (tmp_path / "in.zip").write_bytes(raw.replace(b"y.ipynb", b"x.ipynb"))
    (one,) = handed_in(tmp_path / "in.zip")
    assert code_cells(one.path) == GOOD and "2 notebooks" in one.note


def test_of_a_zip_and_a_notebook_the_newer_counts(tmp_path):
    folder, place = tmp_path / ".hidden" / "in", tmp_path / ".hidden" / "unpacked"
    folder.mkdir(parents=True)
    (folder / "roe_78_9_hw2.ipynb").write_bytes(GOOD_ONE)
    (folder / "roe_78_10_hw2.zip").write_bytes(packed({"in.ipynb": GOOD_ONE}))
    (one,) = handed_in(folder, place=place)
    assert one.path.name == "in.ipynb"
    (folder / "roe_78_10_hw2.zip").write_bytes(b"broken")
    (one,) = handed_in(folder, place=place)
    assert one.path.name == "roe_78_9_hw2.ipynb"
    assert one.note == "Also handed in: roe_78_10_hw2.zip (it is no zip, or a broken one)."


def test_hand_ins_are_not_emptied_with_what_was_unpacked(tmp_path):
    (tmp_path / "unpacked").mkdir()
    (tmp_path / "unpacked" / "roe.ipynb").write_bytes(GOOD_ONE)
    with pytest.raises(ValueError, match="nothing handed in may lie there"):
        handed_in(tmp_path / "unpacked", place=tmp_path / "unpacked")
    assert (tmp_path / "unpacked" / "roe.ipynb").exists()
