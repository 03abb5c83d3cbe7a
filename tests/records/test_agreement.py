"""When two results agree."""

import json

import numpy as np
import pytest

from rnnlib.records import storage
from rnnlib.records.agreement import differences, outline, unvisited


def test_shapes_weights_and_seconds():
    stored = outline({"weights": [1.0, 2.0], "seconds": 3.0, "loss": [1.0, np.nan]})

    def found(result):
        return list(differences(outline(result), stored, 0.02))

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
    stored = json.loads(json.dumps(outline({"a": value})))
    assert not list(differences(outline({"a": same}), stored, 0.02))
    assert list(differences(outline({"a": different}), stored, 0.02))


FULL = {
    "9,000 steps": {"GRU": {"rate": 0.1}, "LSTM": {"rate": 0.1, "curve": np.zeros(2_000)}},
    "rows": [{"n": 1}, {"n": 2, "best": "GRU"}],
}


@pytest.mark.parametrize(
    ("small", "missing"),
    [
        (FULL, []),
        (outline(FULL), []),
        (FULL | {"6 steps": FULL["9,000 steps"]}, []),
        (FULL | {"rows": [{"best": "", "n": 0}]}, []),
        ({"6 steps": FULL["9,000 steps"]}, ["rows"]),
        (FULL | {"9,000 steps": {"GRU": {"rate": 1.0}}}, ["# steps/LSTM"]),
        (
            FULL | {"9,000 steps": {"GRU": {}, "LSTM": {"rate": 1.0, "curve": 0}}},
            ["# steps/GRU/rate"],
        ),
        (FULL | {"rows": [{"n": 1}]}, ["rows/best"]),
        ({}, ["# steps", "rows"]),
    ],
)
def test_a_small_case_visits_every_case_by_name(small, missing):
    """Numbers in a name are sizes, and elements of a list have no name."""
    assert unvisited(FULL, small) == missing
    assert unvisited(storage.encode(FULL, {}), small) == missing
