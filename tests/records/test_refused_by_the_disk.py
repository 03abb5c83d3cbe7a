"""A disk that takes no record says so before a long run, and costs none after it."""

import pickle
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from trial_record import NAME

from rnnlib.records import record, storage
from rnnlib.records.record import RecordError, recorded

RUN: list[int] = []  # the sizes that ran


def long(size):
    """Takes long."""
    RUN.append(size)
    return {"loss": 1.0, "weights": np.random.default_rng(0).random(size)}


def hindered(size):
    """While it runs at full size, its folder becomes a file."""
    if size > 10:
        record.FOLDER.rmdir()
        record.FOLDER.write_text("")
    return {"loss": np.arange(size)}


def unstorable(size):
    """While it runs at full size, its folder becomes a file; what it returns is no record."""
    return hindered(size) | {"figure": object() if size > 10 else 1.0}


@pytest.fixture(autouse=True)
def _recording(monkeypatch, tmp_path, folder):
    monkeypatch.setenv("RNNLIB_RECORD", "1")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))
    Path(tempfile.gettempdir()).mkdir()
    monkeypatch.setattr(record, "FOLDER", tmp_path / "recorded")
    RUN.clear()


@pytest.mark.parametrize("place", ["a file/recorded", "a file"])
def test_a_folder_that_cannot_be_written_is_told_before_anything_runs(tmp_path, monkeypatch, place):
    (tmp_path / "a file").write_text("")
    monkeypatch.setattr(record, "FOLDER", tmp_path / place)
    with pytest.raises(RecordError, match=r"01_trial: .*a file.*Nothing has run"):
        recorded(NAME, long, full={"size": 50}, small={"size": 5})
    assert not RUN


def test_a_disk_without_room_is_told_before_anything_runs(small_files):
    with pytest.raises(RecordError, match=r"File too large.*Nothing has run"):
        recorded(NAME, long, full={"size": 50}, small={"size": 5})
    assert not RUN
    assert not list(record.FOLDER.iterdir())


def kept(told: pytest.ExceptionInfo) -> Path:
    """Where an error says that a result is."""
    found = re.search(r"Its result is kept in (\S+\.pickle)$", str(told.value))
    assert found
    return Path(found[1])


@pytest.mark.parametrize("run", [hindered, unstorable])
def test_what_a_folder_refuses_after_the_run_is_kept_elsewhere(run):
    with pytest.raises(RecordError, match=NAME) as told:
        recorded(NAME, run, full={"size": 50}, small={"size": 5})
    assert kept(told).parent == Path(tempfile.gettempdir())
    assert pickle.loads(kept(told).read_bytes())["loss"].tolist() == list(range(50))


def test_a_record_too_large_for_the_disk_is_kept(monkeypatch, small_files):
    """Where only the record is refused, its result is kept beside it, as always."""
    monkeypatch.setattr(storage, "ROOM", 1_000)
    monkeypatch.setattr(storage, "_narrow", lambda array: np.tile(array, 100))
    with pytest.raises(RecordError, match="File too large") as told:
        recorded(NAME, long, full={"size": 5_000}, small={"size": 5})
    assert kept(told).parent == record.FOLDER
    assert len(pickle.loads(kept(told).read_bytes())["weights"]) == 5_000
    assert [*record.FOLDER.iterdir()] == [kept(told)]
