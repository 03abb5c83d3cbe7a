"""A claim holds only with its numbers."""

import inspect
import json
from typing import Any

import numpy as np
import pytest

from rnnlib.claims.box import numbers
from rnnlib.claims.claim import ClaimError, claim, judge, overall

LOSSES = np.array([1.93, 1.94, 1.925, 1.931, 1.928])
GOOD: Any = {"statement": "G1", "sentence": "It is so.", "measured": LOSSES, "name": "01_it"}


# Mutants: for each kind of claim, a measurement that carries it, and wrong ones that must not.
MUTANTS: Any = {
    "below a bound": (
        {"below": ("bound", 2.0)},
        [LOSSES + 0.1, np.add(LOSSES, [0, 0, 0, 0, 0.4]), LOSSES * 0 + 2.0],
    ),
    "above a bound": (
        {"above": ("chance", 1.9)},
        [LOSSES - 0.1, np.subtract(LOSSES, [0, 0, 0, 0, 0.1]), -LOSSES, LOSSES * 0 + 1.9],
    ),
    "below a rival, seed by seed": (
        {"below": ("rival", np.add(LOSSES, [0.02, 0.01, 0.02, 0.01, 0.02]))},
        [
            np.add(LOSSES, [0.02, 0.02, 0.02, 0, 0]),
            LOSSES + 0.02,
            np.add(LOSSES, [0, 0, 0, 0, 0.1]),
        ],
    ),
    "above a rival with other seeds": (
        {"above": ("rival", [1.7, 1.75, 1.72])},
        [LOSSES - 0.2, LOSSES - 0.25, np.add(LOSSES, [0, 0.2, -0.2, 0.3, -0.3])],
    ),
    "in a band": (
        {"below": ("ceiling", 2.0), "above": ("floor", 1.9)},
        [LOSSES + 0.1, LOSSES - 0.1, np.add(LOSSES, [0.05, -0.05, 0.05, -0.05, 0])],
    ),
    "an exact number": ({"above": ("chance", 1.5), "measured": 1.6}, [1.5, 1.4]),
}


@pytest.mark.parametrize("kind", MUTANTS)
def test_a_wrong_measurement_is_rejected(kind):
    rival, wrong = MUTANTS[kind]
    found = judge(**GOOD | rival)
    assert found["low"] <= found["mean"] <= found["high"]
    for measured in wrong:
        with pytest.raises(ClaimError, match=r"(?s)not above zero.*It is so.*Measured: .*01_it"):
            judge(**GOOD | rival | {"measured": measured})


@pytest.mark.parametrize("bad", [np.nan, np.inf, [1.9, np.nan, 1.9]])
def test_what_is_not_finite_carries_nothing(bad):
    with pytest.raises(ClaimError, match="01_it: a measurement is not finite"):
        judge(**GOOD | {"measured": bad, "below": ("bound", 9.0)})
    with pytest.raises(ClaimError, match="01_it, rival: a measurement is not finite"):
        judge(**GOOD | {"below": ("rival", bad)})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"statement": "G9"}, "no statement 'G9'; there are G1, G2"),
        ({"verdict": "proved"}, "one of supported, qualified, contradicted, got 'proved'"),
        ({"name": "it"}, "such as \"01_learns\", got 'it'"),
        ({"below": None}, "could not fail"),
        ({"measured": np.ones((2, 2))}, r"one value per seed, or one number, got \(2, 2\)"),
        ({"measured": []}, "one value per seed"),
        ({"measured": [1.5]}, r"01_it: .* got \(1,\); an interval over seeds needs at least 3"),
        ({"measured": [1.5, 1.6]}, r"01_it: .* got \(2,\); .* exact value is given as a plain"),
        ({"below": ("rival", [2.0])}, r"01_it, rival: .* got \(1,\)"),
        ({"above": ("rival", np.ones(2))}, r"01_it, rival: .* got \(2,\)"),
    ],
)
def test_a_claim_without_form_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        judge(**GOOD | {"below": ("bound", 2.0)} | wrong)


def test_the_numbers_are_kept():
    found = judge(**GOOD | {"below": ("the 5-gram", 2.03), "unit": "bits/char"})
    assert json.loads(json.dumps(found)) == found
    assert found["mean"] == pytest.approx(1.9308)
    assert (found["low"], found["high"]) == pytest.approx((1.92381, 1.93779), abs=1e-5)
    assert found["values"] == LOSSES.tolist()
    assert found["rivals"][0]["difference"] == pytest.approx(-0.0992)
    assert numbers(found) == (
        "Measured: 1.931 bits/char (95 % interval 1.924 to 1.938, 5 seeds). "
        "Below the 5-gram (2.03) by 0.099 (0.092 to 0.106)."
    )


def test_without_a_notebook_a_claim_is_printed(capsys):
    claim(**GOOD | {"below": ("bound", 2.0)})
    assert capsys.readouterr().out.startswith("[G1: supported] It is so.\nMeasured: 1.931 (95 %")


def test_a_fresh_run_leaves_its_claims(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNLIB_CLAIMS", str(tmp_path))
    for name in ("01_one", "01_two"):
        claim(**GOOD | {"below": ("bound", 2.0), "name": name})
    (file,) = tmp_path.iterdir()
    assert [json.loads(line)["name"] for line in file.read_text().splitlines()] == [
        "01_one",
        "01_two",
    ]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["supported"], "supported"),
        (["contradicted", "contradicted"], "contradicted"),
        (["supported", "contradicted"], "qualified"),
        (["supported", "qualified"], "qualified"),
    ],
)
def test_a_statement_sums_up_its_claims(verdicts, expected):
    assert overall(verdicts) == expected


@pytest.mark.parametrize("verdicts", [[], ["true"]])
def test_no_verdict_out_of_nothing(verdicts):
    with pytest.raises(ValueError, match="verdicts must be some of"):
        overall(verdicts)


def test_a_claim_shows_its_readers_what_judge_takes():
    assert inspect.signature(claim) == inspect.signature(judge)
    assert (claim.__doc__ or "").startswith("Show a claim")
