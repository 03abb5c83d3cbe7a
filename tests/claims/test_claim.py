"""A claim holds only with its numbers."""

import json
from typing import Any

import numpy as np
import pytest
from judged import judged

from rnnlib.claims.box import CLAIM, numbers
from rnnlib.claims.claim import ClaimError, claim
from rnnlib.claims.conclusion import conclude
from rnnlib.claims.evidence import Claim
from rnnlib.claims.measurements import count, share

LOSSES = np.array([1.93, 1.94, 1.925, 1.931, 1.928])
GOOD: Any = {"statement": "G1", "sentence": "An RNN is so.", "measured": LOSSES, "name": "01_it"}


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
    found = judged(**GOOD | rival)
    assert found.estimate and found.estimate.low <= found.estimate.mean <= found.estimate.high
    for measured in wrong:
        with pytest.raises(
            ClaimError, match=r"(?s)not above zero.*An RNN is so.*Measured: .*01_it"
        ):
            judged(**GOOD | rival | {"measured": measured})


@pytest.mark.parametrize("bad", [np.nan, np.inf, [1.9, np.nan, 1.9]])
def test_what_is_not_finite_carries_nothing(bad):
    with pytest.raises(ClaimError, match="01_it: a measurement is not finite"):
        judged(**GOOD | {"measured": bad, "below": ("bound", 9.0)})
    with pytest.raises(ClaimError, match="01_it, rival: a measurement is not finite"):
        judged(**GOOD | {"below": ("rival", bad)})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"statement": "G9"}, "no statement 'G9'; there are G1, G2"),
        ({"sentence": "An RNN is so"}, "ends with a full stop"),
        ({"measured": count([1, 1, 1]), "below": ("GRU", LOSSES)}, "a count is held .* got a mean"),
        ({"measured": [0.99, 1.0, 0.94]}, r"lie in \[0, 1\], .* 0.8968 to 1.057: .* share"),
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
        judged(**GOOD | {"below": ("bound", 2.0)} | wrong)


def test_the_numbers_are_kept():
    found = judged(**GOOD | {"below": ("the 5-gram", 2.03), "unit": "bits/char"})
    found = Claim.from_json(json.loads(json.dumps(found.to_json())))
    assert found.estimate
    assert found.estimate.mean == pytest.approx(1.9308)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((1.92381, 1.93779), abs=1e-5)
    assert found.values == LOSSES.tolist()
    assert found.rivals[0].gap.mean == pytest.approx(-0.0992)
    assert Claim.from_json(found.to_json()) == found
    assert numbers(found) == (
        "Measured: 1.931 bits/char (95 % interval 1.924 to 1.938, 5 networks). "
        "Below the 5-gram (2.03) by 0.099 (0.092 to 0.106)."
    )


def test_without_a_notebook_a_claim_is_printed(capsys):
    claim(**GOOD | {"below": ("bound", 2.0)})
    assert capsys.readouterr().out.startswith("[G1] An RNN is so.\nMeasured: 1.931 (95 %")


def test_a_fresh_run_leaves_its_claims(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNLIB_CLAIMS", str(tmp_path))
    for name in ("01_one", "01_two"):
        claim(**GOOD | {"below": ("bound", 2.0), "name": name})
    (file,) = tmp_path.iterdir()
    assert [json.loads(line)[CLAIM]["name"] for line in file.read_text().splitlines()] == [
        "01_one",
        "01_two",
    ]


@pytest.mark.parametrize("start", ["It is", "They are", "This is", "But it is", "Nor is it", "Its"])
def test_a_sentence_that_leans_on_another_is_refused(start):
    with pytest.raises(ValueError, match="read alone"):
        judged(**GOOD | {"sentence": f"{start} so.", "below": ("bound", 2.0)})
    with pytest.raises(ValueError, match="read alone"):
        conclude("G1", "holds", f"{start} so.", rests_on="01_it")


@pytest.mark.parametrize(("kind", "wrong"), [(count, [0, 0, 0, 1]), (share, [0.4, 0.5, 0.45])])
def test_other_kinds_are_rejected_too(kind, wrong):
    good, above = kind([1, 1, 1, 1, 1, 1, 1, 1]), ("half", 0.5)
    judged(**GOOD | {"measured": good, "above": above})
    for rival in (above, ("itself", good)):
        with pytest.raises(ClaimError, match="not above zero"):
            judged(**GOOD | {"measured": kind(wrong), "above": rival})
    with pytest.raises(ClaimError, match="not above zero"):
        judged(**GOOD | {"measured": good, "above": ("itself", good)})


@pytest.mark.parametrize(
    ("given", "source"), [({}, "live"), ({"recorded": "01_cells"}, "record 01_cells")]
)
def test_a_claim_says_where_its_numbers_are_from(given, source):
    found = judged(**GOOD | {"below": ("bound", 2.0)} | given)
    assert (found.source, found.of) == (source, "networks")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"statement": "G9"}, "no statement 'G9'"),
        ({"verdict": "supported"}, "one of holds, holds if, falls, .*, got 'supported'"),
        ({"rests_on": ""}, "rests on a claim, unless"),
        ({"verdict": "not tested here"}, "rests on '01_it'"),
    ],
)
def test_a_conclusion_without_form_is_refused(wrong, message):
    good = {"statement": "G1", "verdict": "holds", "sentence": "An RNN is so.", "rests_on": "01_it"}
    with pytest.raises(ValueError, match=message):
        conclude(**good | wrong)


def test_without_a_notebook_a_conclusion_is_printed(capsys):
    conclude("S2", "not tested here", "GPUs are not tested here.", part="GPUs")
    assert capsys.readouterr().out == "[S2, GPUs: not tested here] GPUs are not tested here.\n"
