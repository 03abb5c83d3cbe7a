"""A record is loaded only if it is whole, made by this code, and its small case agrees."""

import json
import pickle
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from trial_record import ELSEWHERE, NAME, SIZES, other, run

from rnnlib.records import record
from rnnlib.records.record import RecordError, StaleRecord, load, recorded


def test_a_record_comes_back_as_it_was_made(made, capsys):
    found = recorded(NAME, run, **SIZES)
    np.testing.assert_allclose(found["loss"]["curve"], np.exp(-np.arange(50) / 10), rtol=1e-5)
    assert found["weights"]["embed"].shape == (40, 50)
    assert found["weights"]["embed"].dtype == np.float32
    assert found["tokens"].tolist() == list(range(2_000))
    assert found["samples"] == ["thou art 50", "nay"]
    assert found["rows"][1] == {"n": 2, "loss": 0.333333}
    assert found.small is not None
    assert found.small["samples"][0] == "thou art 5"
    assert set(found) == set(run(1, 1.0))
    assert found.provenance["settings"] == {"steps": 50, "scale": 1.0}
    printed = capsys.readouterr().out
    assert "recorded 20" in printed
    assert "agrees" in printed
    assert all(len(line) < 110 for line in printed.splitlines())


def test_numbers_stay_on_one_line(made):
    lines = (made / f"{NAME}.json").read_text().splitlines()
    assert len(lines) < 100
    npz = json.loads((made / f"{NAME}.json").read_text())["npz"]
    assert sorted(p.name for p in made.iterdir()) == sorted([f"{NAME}.json", npz])


def test_loading_alone_runs_nothing(made):
    found = load(NAME)
    assert found.small is None
    assert found["loss"]["best"] == pytest.approx(np.exp(-4.9), rel=1e-5)
    with pytest.raises(KeyError, match="has no 'accuracy'; it has loss"):
        found["accuracy"]


def test_live_loads_nothing(folder, capsys):
    found = recorded(NAME, run, **SIZES, live=True)
    assert found["weights"]["embed"].shape == (40, 50)
    assert "here and now" in capsys.readouterr().out
    assert not list(folder.iterdir())


def test_recording_comes_before_live(folder, monkeypatch):
    """A lesson in which live=True was left behind is recorded all the same."""
    monkeypatch.setenv("RNNLIB_RECORD", "1")
    recorded(NAME, run, **SIZES, live=True)
    assert (folder / f"{NAME}.json").exists()


def test_a_missing_record_names_the_command(folder):
    with pytest.raises(RecordError, match=r"no record 01_trial.*make record LESSON=01"):
        recorded(NAME, run, **SIZES)


def test_other_code_is_stale(made):
    with pytest.raises(StaleRecord, match=r"the code of `run`(.|\n)*make record"):
        recorded(NAME, other, **SIZES)


def test_other_settings_are_stale(made):
    with pytest.raises(StaleRecord, match="full: steps was 50, is 60"):
        recorded(NAME, run, full={"steps": 60, "scale": 1.0}, small=SIZES["small"])
    with pytest.raises(StaleRecord, match="small: seeds was None, is 3"):
        recorded(NAME, run, full=SIZES["full"], small=SIZES["small"] | {"seeds": 3})


def test_a_small_case_that_differs_is_refused(made):
    ELSEWHERE.noise = 0.01
    recorded(NAME, run, **SIZES)
    ELSEWHERE.noise = 0.03
    with pytest.raises(RecordError, match=r"loss/curve at \[0\]: 1.03, stored 1"):
        recorded(NAME, run, **SIZES)
    recorded(NAME, run, **SIZES, rtol=0.1)


def growing(steps):
    """Gives in the end what cannot be stored."""
    return {"loss": 1.0} if steps == 5 else {"loss": {2, 1}}


def test_a_long_run_that_cannot_be_stored_is_kept(folder, monkeypatch):
    monkeypatch.setenv("RNNLIB_RECORD", "1")
    with pytest.raises(RecordError, match=r"cannot store a set at 'loss'.*/\.01_trial\.pickle"):
        recorded(NAME, growing, full={"steps": 50}, small={"steps": 5})
    (kept,) = folder.iterdir()
    assert pickle.loads(kept.read_bytes()) == {"loss": {1, 2}}


def wider(names, cells):
    """The result has a case for each name."""
    return {name: dict.fromkeys(cells, 1.0) for name in names}


def test_a_small_case_without_every_name_is_refused_once_all_is_stored(folder, monkeypatch):
    monkeypatch.setenv("RNNLIB_RECORD", "1")
    full = {"names": ["10 steps", "20 steps"], "cells": ["RNN", "GRU", "LSTM"]}
    recorded(NAME, wider, full=full, small=full | {"names": ["5 steps"]})
    with pytest.raises(RecordError, match=r"does not visit # steps/LSTM. The record is stored"):
        recorded(NAME, wider, full=full, small={"names": ["5 steps"], "cells": ["RNN", "GRU"]})
    assert load(NAME)["20 steps"]["LSTM"] == 1.0
    with pytest.raises(RecordError, match="does not visit a; b; c; d; e and 2 more"):
        recorded(NAME, wider, full=full | {"names": list("abcdefg")}, small=full)


def diverging(steps, scale):
    """Runs at the small size only."""
    if steps == 50:
        raise RuntimeError("diverged")
    return {"loss": 1.0}


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_a_flipped_bit_is_found(made, suffix):
    (path,) = made.glob(f"*{suffix}")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(RecordError, match="damaged"):
        load(NAME)


def test_an_edited_number_is_found(made):
    path = made / f"{NAME}.json"
    path.write_text(path.read_text().replace("0.333333", "0.222222"))
    with pytest.raises(RecordError, match="checksum"):
        load(NAME)


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"sha256": "0"})])
def test_a_file_that_is_no_record_is_refused(folder, content):
    (folder / f"{NAME}.json").write_text(content)
    with pytest.raises(RecordError, match="damaged"):
        load(NAME)


def test_a_lost_array_file_is_found(made):
    next(made.glob("*.npz")).unlink()
    with pytest.raises(RecordError, match="damaged"):
        load(NAME)


def test_a_failing_run_leaves_the_old_record(made, monkeypatch):
    before = {p.name: p.read_bytes() for p in made.iterdir()}

    monkeypatch.setenv("RNNLIB_RECORD", NAME)
    with pytest.raises(RuntimeError, match="diverged"):
        recorded(NAME, diverging, **SIZES)
    assert {p.name: p.read_bytes() for p in made.iterdir()} == before


def test_only_the_named_record_is_made_anew(made, monkeypatch):
    monkeypatch.setenv("RNNLIB_RECORD", "01_other")
    assert recorded(NAME, run, **SIZES)["samples"][1] == "nay"


def test_a_name_tells_its_lesson(folder):
    with pytest.raises(ValueError, match="such as \"01_bits\", got 'trial'"):
        recorded("trial", run, **SIZES)


def test_settings_are_plain(folder):
    with pytest.raises(ValueError, match="settings must be numbers"):
        recorded(NAME, run, full={"steps": object()}, small={})


@pytest.mark.parametrize("tracked", [True, False])
def test_a_repository_around_it_is_not_asked_for_the_commit(tmp_path, monkeypatch, tracked):
    """Unpacked from a zip, or installed, rnnlib may lie in a repository that is another's."""
    place = tmp_path / "unpacked" / "record.py"
    place.parent.mkdir()
    shutil.copy(Path(record.__file__), place)
    monkeypatch.setattr(record, "__file__", str(place))
    by = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."] if tracked else [],
                    [*by, "commit", "-qm", "first", "--allow-empty"]):  # fmt: skip
        if command:
            subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    assert (record._commit() == "unknown") != tracked
