"""A result comes back as it was, its two files change together, and small cases agree or not."""

import json

import numpy as np
import pytest

from rnnlib import results


@pytest.fixture
def path(tmp_path):
    """Where a record is stored, with one large array."""
    path = tmp_path / "01_a.json"
    results.save(path, {"small": {}}, {"n": 1, "weights": np.ones(2_000)})
    return path


@pytest.mark.parametrize("last", [1, 2])
def test_an_interruption_leaves_the_old_result(path, monkeypatch, last):
    written = []
    write = results._write

    def interrupted(path, data):
        written.append(path)
        if len(written) == last:
            raise KeyboardInterrupt
        write(path, data)

    monkeypatch.setattr(results, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        results.save(path, {"small": {}}, {"n": 2, "weights": np.zeros(2_000)})
    assert results.read(path)["result"]["n"] == 1
    monkeypatch.setattr(results, "_write", write)
    results.save(path, {"small": {}}, {"n": 3, "weights": np.arange(2_000)})
    assert results.read(path)["result"]["weights"][-1] == 1_999
    assert len(list(path.parent.iterdir())) == 2, "what an interruption left goes with the next"


def test_arrays_that_are_no_longer_there_leave_no_file(path):
    other = path.with_name("01_ab.json")
    results.save(other, {}, {"weights": np.zeros(2_000)})
    results.save(path, {}, {"n": 2})
    assert len(list(path.parent.iterdir())) == 3
    assert results.read(other)["result"]["weights"].shape == (2_000,)


def test_the_older_file_name_still_loads(path):
    content = results._checked(path)
    path.with_name(content.pop("npz")).rename(path.with_suffix(".npz"))
    results._sign(path, content)
    assert results.read(path)["result"]["weights"].shape == (2_000,)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1: 2.0}, "keys must be text"),
        ({"a/b": 2.0}, "keys must be text"),
        ({"a": object()}, "cannot store a object at 'a'"),
        ({"a": np.full(2_000, 1e6)}, "do not fit float16"),
        ({"a": np.full(2_000, 1e-9)}, "store their logarithms"),
    ],
)
def test_what_cannot_be_stored_is_refused(value, message):
    with pytest.raises(ValueError, match=message):
        results.encode(value, {})


def test_shapes_weights_and_seconds():
    stored = results.outline({"weights": [1.0, 2.0], "seconds": 3.0, "loss": [1.0, np.nan]})

    def found(result):
        return list(results.differences(results.outline(result), stored, 0.02))

    same = {"weights": [5.0, 7.0], "seconds": 8.0, "loss": [1.001, np.nan]}
    assert not found(same)
    assert "shape" in found(same | {"weights": [5.0]})[0]
    assert "loss at [1]" in found(same | {"loss": [1.0, 2.0]})[0]
    assert "shape" in found(same | {"loss": [1.0]})[0]
    assert found(same | {"extra": 1.0})
    assert found(same | {"loss": "text"})


@pytest.mark.parametrize(
    ("value", "same", "different"),
    [
        ([100, 7], [100, 7], [100, 8]),  # whole numbers are counted, not measured
        ([1.0, 100.0], [1.1, 101.9], [1.2, 100.0]),  # the small one is what is left of the large
        ([1e-9, 2e-9], [1.01e-9, 2e-9], [1.2e-9, 2e-9]),
        ([0.0, 0.0], [1e-8, 0.0], [1e-3, 0.0]),
        ("GRU", "GRU", "LSTM"),
        (True, True, False),
        ("a text of more than forty characters, as models write", "x" * 50, None),
        (["two\nlines"], ["two\nother lines"], None),
    ],
)
def test_what_agrees(value, same, different):
    stored = json.loads(json.dumps(results.outline({"a": value})))
    assert not list(results.differences(results.outline({"a": same}), stored, 0.02))
    assert list(results.differences(results.outline({"a": different}), stored, 0.02))


def test_records_made_before_texts_were_kept_agree():
    fresh = results.outline({"a": "GRU", "b": None})
    assert not list(results.differences(fresh, {"a": "str", "b": "NoneType"}, 0.02))
