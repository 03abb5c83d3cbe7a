"""A final project's machine share: what earns its points, and what does not."""

import copy
import json

import pytest
from test_compute_row import EFFORT, MODEL

import compute_row as rows
import grade_row
from grading.sandbox import NoSandbox, probe

SEARCH = {"rates": [0.001, 0.004, 0.016], "scores": [[2.0], [1.0], [2.0]], "solved": None}


def cell(**networks):
    return {"search": SEARCH, "networks": networks}


def a_row(**of_columns):
    """A row as `make row` would write it, with networks of one's own."""
    cells = {f"{column}, 600 steps": cell(**{column: told}) for column, told in of_columns.items()}
    times = {"a training step": [0.01] * 6, "a token": [1e-6] * 6}
    budget = {"parameters": 9, "operations a token": 90.0, "bytes after 64 tokens": 8}
    made_by = {
        "sha256": "0" * 64,
        "rnnlib": "0.1.0",
        "effort": json.loads(json.dumps(vars(grade_row.EFFORT))),
    }
    return {
        "format": 1, "model": "model.py:Mine", "made_by": made_by, "device": "a machine",
        "budget": budget, "seconds": times, "cells": cells,
    }  # fmt: skip


TOLD = {"binding": [0.98, 0.99, 1.0, 0.97, 0.99], "tracking": [0.5, 0.51, 0.49, 0.5, 0.5]}
STORED = {"Mine": a_row(**TOLD), "Before": a_row(**TOLD | {"binding": [0.16] * 5})}
REPORT = {
    "faults": {},
    "budgets": dict.fromkeys(("Mine", "Before"), STORED["Mine"]["budget"]),
    "sha256 Mine": "0" * 64,
    "sha256 Before": "0" * 64,
    "cells": {
        "binding": {"binding": [0.98, 1.0, 0.97]},
        "tracking": {"tracking": [0.5, 0.5, 0.49]},
    },
}


def changed(tree, path, value):
    """A copy with one thing changed."""
    tree = copy.deepcopy(tree)
    inner = tree
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return tree


def test_a_sound_project_earns_all():
    assert grade_row._enters(REPORT)[0] == 2
    assert grade_row._budgets(REPORT, STORED)[0] == 2
    assert grade_row._bracketed(STORED)[0] == 2
    assert [grade_row._alike(REPORT, STORED["Mine"], name)[0] for name in TOLD] == [2, 2]


def test_a_model_that_may_not_enter_loses_its_points_and_its_cells():
    report = REPORT | {"faults": {"Mine": "ValueError: sees the token"}, "cells": {}}
    assert grade_row._enters(report)[0] == 0
    assert grade_row._alike(report, STORED["Mine"], "binding")[0] == 0


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("Mine", "budget", "parameters"), 8),
        (("Before", "budget", "bytes after 64 tokens"), 16),
        (("Mine", "made_by", "sha256"), "1" * 64),
        (("Mine", "made_by", "effort", "pretraining"), 6000),
    ],
)
def test_a_budget_that_is_not_the_models_is_seen(path, value):
    assert grade_row._budgets(REPORT, changed(STORED, path, value))[0] == 0


def test_a_rate_at_the_edge_is_seen():
    path = ("Before", "cells", "binding, 600 steps", "search", "scores")
    earned, why = grade_row._bracketed(changed(STORED, path, [[0.5], [1.0], [2.0]]))
    assert earned == 0 and "Before, binding" in why


@pytest.mark.parametrize(
    "told",
    [[1.0] * 5, [0.9, 0.91, 0.92, 0.9, 0.91]],
    ids=["typed", "tuned to its seeds"],
)
def test_a_cell_that_hidden_seeds_do_not_give_is_seen(told):
    row = a_row(tracking=told)
    assert grade_row._alike(REPORT, row, "tracking")[0] == 0


@pytest.mark.parametrize(
    ("claim", "earned"),
    [
        ({"column": "binding", "rival": "Before", "side": "above"}, 2),
        ({"column": "binding", "rival": "LSTM", "side": "above"}, 2),
        ({"column": "binding", "rival": "Before", "side": "below"}, 0),
        ({"column": "tracking", "rival": "Before", "side": "above"}, 0),
        ({"column": "tracking", "rival": "LSTM", "side": "below"}, 2),
        ({"column": "speed", "rival": "LSTM", "side": "above"}, 0),
        ({"column": "binding", "rival": "Mamba", "side": "above"}, 0),
        ({"column": "binding", "rival": "LSTM", "side": "left"}, 0),
        ({}, 0),
    ],
)
def test_a_claim_is_carried_by_the_networks_or_not(claim, earned):
    assert grade_row._claim(claim, STORED)[0] == earned


@pytest.mark.parametrize("text", [None, "[", "{}", "[{}]"])
def test_claims_that_cannot_be_read_earn_nothing(tmp_path, text):
    if text is not None:
        (tmp_path / "claims.json").write_text(text)
    assert grade_row._claims(tmp_path, STORED)["claims"][0] == 0


def test_rows_that_are_missing_are_said_to_be(tmp_path):
    (points,) = grade_row.grade(tmp_path, "a secret").values()
    assert points[0] == 0 and "Before.json" in points[1]


@pytest.mark.slow
def test_a_project_is_graded_in_the_sandbox(tmp_path, monkeypatch, capsys):
    try:
        probe("bubblewrap")
    except NoSandbox as error:
        pytest.skip(str(error))
    monkeypatch.setattr(rows, "STEPS", (4,))
    folder = tmp_path / "doejane"
    folder.mkdir()
    model = MODEL.format(width=6) + "\n\nclass Before(Mine):\n    pass\n"
    (folder / "model.py").write_text(model)
    for name in ("Mine", "Before"):
        rows.compute(f"{folder}/model.py:{name}", folder / "rows", EFFORT, ["binding", "tracking"])
    claims = [{"column": "binding", "rival": "LSTM", "side": "below"}] * 2
    (folder / "claims.json").write_text(json.dumps(claims))
    points = grade_row.grade(folder, "a secret", EFFORT)
    assert {q: earned for q, (earned, _) in points.items() if q not in ("claim 1", "claim 2")} == {
        "enters": 2, "budgets": 2, "bracketed": 2, "cell binding": 2, "cell tracking": 2,
    }, points  # fmt: skip
    (folder / "model.py").write_text("import socket\nraise SystemExit(3)\n")
    assert grade_row.grade(folder, "a secret", EFFORT)["enters"][0] == 0
