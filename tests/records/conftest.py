"""A folder for records, empty or with one."""

import pytest
from trial_record import ELSEWHERE, NAME, SIZES, run

from rnnlib.records import record
from rnnlib.records.record import recorded


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    monkeypatch.setattr(ELSEWHERE, "noise", 0.0)
    return tmp_path


@pytest.fixture
def made(folder, monkeypatch):
    monkeypatch.setenv("RNNLIB_RECORD", "1")
    recorded(NAME, run, **SIZES)
    monkeypatch.delenv("RNNLIB_RECORD")
    return folder
