"""The shipped texts are whole, and as their provenance says."""

from importlib.resources import files

import pytest

from rnnlib.texts import corpora


def test_the_texts_have_the_sizes_that_their_provenance_states():
    assert len(corpora.load("shakespeare")) == 1_188_809
    assert corpora.load("sonnets").count("\n\n") == 153
    assert corpora.load("austen").startswith("EMMA")


def test_an_unknown_text_is_named_in_the_error():
    with pytest.raises(ValueError, match=r"must be one of .*sonnets.*, got 'hamlet'"):
        corpora.load("hamlet")


def test_a_corrupted_text_is_not_returned(monkeypatch):
    monkeypatch.setitem(corpora.SHA256, "sonnets.txt", "0" * 64)
    with pytest.raises(ValueError, match=r"sonnets.txt is corrupted"):
        corpora.load("sonnets")


@pytest.mark.parametrize("harm", [lambda raw: raw[: len(raw) // 2],
                                  lambda raw: raw[:40] + bytes(40) + raw[80:],
                                  lambda raw: raw[:40],
                                  lambda raw: b""])  # fmt: skip
def test_a_damaged_or_truncated_file_is_called_corrupted(harm, tmp_path, monkeypatch):
    whole = files("rnnlib").joinpath("data", "sonnets.txt.xz").read_bytes()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sonnets.txt.xz").write_bytes(harm(whole))
    monkeypatch.setattr(corpora, "files", lambda package: tmp_path)
    with pytest.raises(ValueError, match=r"sonnets.txt is corrupted .*: reinstall rnnlib"):
        corpora.load("sonnets")


def test_pronunciations_keep_every_variant():
    spoken = corpora.pronunciations()
    assert spoken["love"] == [("L", "AH1", "V")]
    assert spoken["a"] == [("AH0",), ("EY1",)]
