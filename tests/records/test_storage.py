"""A result comes back as it was, its two files changed together or not at all."""

import numpy as np
import pytest

from rnnlib.records import storage


@pytest.fixture
def path(tmp_path):
    """Where a record is stored, with one large array."""
    path = tmp_path / "01_a.json"
    storage.save(path, {"small": {}}, {"n": 1, "weights": np.ones(2_000)})
    return path


@pytest.mark.parametrize("last", [1, 2])
def test_an_interruption_leaves_the_old_result(path, monkeypatch, last):
    written = []
    write = storage._write

    def interrupted(path, data):
        written.append(path)
        if len(written) == last:
            raise KeyboardInterrupt
        write(path, data)

    monkeypatch.setattr(storage, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        storage.save(path, {"small": {}}, {"n": 2, "weights": np.zeros(2_000)})
    assert storage.read(path)["result"]["n"] == 1
    monkeypatch.setattr(storage, "_write", write)
    storage.save(path, {"small": {}}, {"n": 3, "weights": np.arange(2_000)})
    assert storage.read(path)["result"]["weights"][-1] == 1_999
    assert len(list(path.parent.iterdir())) == 2, "what an interruption left goes with the next"


def test_a_file_that_does_not_fit_leaves_nothing_of_itself(path, small_files):
    with pytest.raises(OSError, match="File too large"):
        storage.save(path, {}, {"weights": np.random.default_rng(0).random(100_000)})
    assert len(list(path.parent.iterdir())) == 2
    assert storage.read(path)["result"]["n"] == 1


def test_a_record_with_brackets_in_its_name_removes_its_own_old_arrays(tmp_path):
    path, other = tmp_path / "01_[ab].json", tmp_path / "01_a.json"
    for last in (1, 2, 3):
        for place in (path, other):
            storage.save(place, {}, {"weights": np.arange(2_000) + last})
    assert len(list(tmp_path.iterdir())) == 4
    assert storage.read(other)["result"]["weights"][0] == 3


def test_arrays_that_are_no_longer_there_leave_no_file(path):
    other = path.with_name("01_ab.json")
    storage.save(other, {}, {"weights": np.zeros(2_000)})
    storage.save(path, {}, {"n": 2})
    assert len(list(path.parent.iterdir())) == 3
    assert storage.read(other)["result"]["weights"].shape == (2_000,)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1: 2.0}, "keys must be text"),
        ({"a/b": 2.0}, "keys must be text"),
        ({"a": object()}, "cannot store a object at 'a'"),
    ],
)
def test_what_cannot_be_stored_is_refused(value, message):
    with pytest.raises(ValueError, match=message):
        storage.encode(value, {})


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1 / 3, "float16"),
        (1e6, "float32"),
        (1e-9, "float32"),
        (1e60, "float64"),
        (np.inf, "float16"),
    ],
)
def test_floats_are_as_wide_as_they_must_be(value, kind):
    arrays = {}
    stored = storage.encode({"a": np.full(2_000, value)}, arrays)
    assert arrays["a"].dtype == kind
    found = storage.decode(stored, arrays)["a"]
    np.testing.assert_allclose(found, value, rtol=1e-3)
    assert found.dtype == np.promote_types(kind, "float32")
