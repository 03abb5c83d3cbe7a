"""Restamping: the present code, or another small case, becomes the record's."""

import json

import pytest
from trial_record import ELSEWHERE, NAME, SIZES, other, run

from rnnlib.records.record import RecordError, StaleRecord, recorded

SMALLER = {"full": SIZES["full"], "small": {"steps": 6, "scale": 1.0}}


@pytest.fixture
def restamping(made, monkeypatch):
    monkeypatch.setenv("RNNLIB_RECORD", "restamp")
    return made / f"{NAME}.json"


def content(path):
    return json.loads(path.read_text())


def test_the_code_and_the_stamp_change_and_nothing_else(restamping, monkeypatch, capsys):
    before = content(restamping)
    recorded(NAME, other, **SIZES, live=True)
    after = content(restamping)
    assert {k for k in before if before[k] != after[k]} == {"made_by", "provenance", "sha256"}
    assert after["made_by"] | {"code": before["made_by"]["code"]} == before["made_by"]
    (stamp,) = after["provenance"].pop("restamped")
    assert after["provenance"] == before["provenance"]
    assert set(stamp) == {"date", "commit"}
    monkeypatch.delenv("RNNLIB_RECORD")
    capsys.readouterr()
    assert recorded(NAME, other, **SIZES)["weights"]["embed"].shape == (40, 50)
    said = f"; restamped {stamp['date']} (commit {stamp['commit']})"
    assert capsys.readouterr().out.splitlines()[0].endswith(said)
    with pytest.raises(StaleRecord, match="the code of `run`"):
        recorded(NAME, run, **SIZES)


def test_another_small_case_is_taken(restamping, monkeypatch):
    before = content(restamping)
    recorded(NAME, run, **SMALLER)
    after = content(restamping)
    kept = {"result", "npz", "npz_sha256"}
    assert {k for k in before if before[k] == after[k]} == kept
    recorded(NAME, other, **SMALLER)
    assert len(content(restamping)["provenance"]["restamped"]) == 2
    monkeypatch.delenv("RNNLIB_RECORD")
    assert recorded(NAME, other, **SMALLER).small["samples"][0] == "thou art 6"


def test_what_has_not_changed_is_not_stamped(restamping):
    before = restamping.read_bytes()
    recorded(NAME, run, **SIZES)
    assert restamping.read_bytes() == before


def lacking(steps, scale):
    """Of few steps the result lacks a name."""
    found = run(steps, scale)
    return found if steps >= 5 else {k: found[k] for k in found if k != "rows"}


def test_what_cannot_be_compared_is_refused(restamping):
    before = restamping.read_bytes()
    with pytest.raises(StaleRecord, match="full: steps was 50, is 60"):
        recorded(NAME, run, full={"steps": 60, "scale": 1.0}, small=SIZES["small"])
    with pytest.raises(StaleRecord, match="the code and `small` have both changed"):
        recorded(NAME, other, **SMALLER)
    ELSEWHERE.noise = 0.03
    for sizes in (SIZES, SMALLER):
        with pytest.raises(RecordError, match="small case, run here, differs"):
            recorded(NAME, run, **sizes)
    assert restamping.read_bytes() == before


def test_a_small_case_that_does_not_visit_every_name_is_not_taken(restamping):
    recorded(NAME, lacking, **SIZES)
    before = restamping.read_bytes()
    with pytest.raises(RecordError, match=r"does not visit rows\. .*nothing has been stored"):
        recorded(NAME, lacking, full=SIZES["full"], small={"steps": 4, "scale": 1.0})
    assert restamping.read_bytes() == before
