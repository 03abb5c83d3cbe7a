"""A folder for records, empty or with one."""

import resource

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


@pytest.fixture
def small_files():
    """A machine that has no room for a file over 100 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
