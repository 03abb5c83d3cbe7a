"""Claims about time: measured until decided, red if turned round, undecided on a busy machine."""

import json

import judged as claims
import numpy as np
import pytest

from rnnlib.claims.box import as_text, numbers
from rnnlib.claims.claim import ClaimError, claim
from rnnlib.claims.evidence import Claim
from rnnlib.claims.weighing import LOOKS, decide

EQUAL = ("equal", 1.0)


class Stub:
    """Ratios that are known before, shown up to so many processes."""

    repeats, processor = 12, "Abacus 9"

    def __init__(self, ratios, most=LOOKS[-1], shown=0):
        self.ratios, self.most, self.shown = np.array(ratios, float), most, shown

    @property
    def values(self):
        return self.ratios[: self.shown]

    def more(self):
        before = self.shown
        self.shown = min(next((n for n in LOOKS if n > before), before), self.most)
        return self.shown > before


def judged(timed, **rivals):
    settings = {"name": "06_it", "unit": "times as long"}
    return claims.judged("S2", "Training takes longer.", timed, **settings, **rivals)


CLEAR = [6.0, 6.1, 5.9, *[1.0] * 9]
LATE = [1.9, 1.1, 1.6, 1.7, 1.5, 1.8, *[1.6] * 6]
TORN = [2.0, 0.5] * 6


@pytest.mark.parametrize(("ratios", "processes"), [(CLEAR, 3), (LATE, 6)])
def test_a_claim_that_is_carried_stops_at_the_look_that_decides(ratios, processes):
    found = judged(Stub(ratios), above=EQUAL)
    assert (found.outcome, found.n, found.kind) == ("carried", processes, "time")
    assert Claim.from_json(json.loads(json.dumps(found.to_json()))).name == "06_it"
    assert f"{processes} fresh processes of 12 repeats on Abacus 9). Held against equal (1)." in (
        numbers(found)
    )


@pytest.mark.parametrize("ratios", [CLEAR, LATE])
def test_a_claim_turned_round_is_red(ratios):
    with pytest.raises(ClaimError, match=r"(?s)on the wrong side.*Training takes longer.*06_it"):
        judged(Stub(ratios), below=EQUAL)
    with pytest.raises(ClaimError, match="on the wrong side"):
        judged(Stub(1 / np.array(ratios)), above=EQUAL)


@pytest.mark.parametrize("most", [2, 3, 5, 12])
def test_what_a_busy_machine_leaves_undecided_says_so_and_fails_nothing(most, capsys):
    found = judged(Stub(TORN, most), above=EQUAL)
    assert (found.outcome, found.n) == ("undecided", most)
    assert Claim.from_json(json.loads(json.dumps(found.to_json()))).name == "06_it"
    assert as_text(found).startswith("[S2: undecided in this run]")
    claim("S2", "Training takes longer.", Stub(TORN, most), name="06_it", above=EQUAL)
    assert "undecided in this run" in capsys.readouterr().out


@pytest.mark.parametrize("most", [0, 1, 2])
def test_fewer_than_three_processes_decide_nothing_and_have_no_interval(most):
    found = judged(Stub(CLEAR, most), below=EQUAL)
    assert found.outcome == "undecided"
    runs = "1 fresh process of" if most == 1 else f"{most} fresh processes of"
    assert numbers(found).startswith(f"Measured: too little for an interval, {runs} 12 repeats")
    assert found.rivals == []


def test_a_ratio_and_its_inverse_say_the_same():
    one = judged(Stub(LATE), above=EQUAL)
    other = judged(Stub(1 / np.array(LATE)), below=EQUAL)
    assert one.n == other.n and one.estimate and other.estimate
    turned = [1 / e for e in (other.estimate.mean, other.estimate.high, other.estimate.low)]
    assert [one.estimate.mean, one.estimate.low, one.estimate.high] == pytest.approx(turned)


def test_a_rival_from_the_same_processes_is_compared_process_by_process():
    load = np.array([1.0, 3.0, 9.0])  # what both had to bear
    found = judged(Stub(6 * load, 3), above=("LSTM", Stub(2 * load, 3, shown=3)))
    (rival,) = found.rivals
    assert (rival.gap.mean, rival.gap.low, rival.gap.high) == pytest.approx((3, 3, 3))
    assert "Measured: 18 times as long" in numbers(found)
    assert "Held against LSTM (6): 3 times that (3 to 3)." in numbers(found)


def test_looking_three_times_still_errs_in_at_most_five_of_a_hundred():
    """Of programs that take equally long, with a scatter between processes of 30 %."""
    ratios = np.exp(0.3 * np.random.default_rng(0).normal(size=(1000, LOOKS[-1])))
    rivals = {"above": EQUAL}
    outcomes = [decide(Stub(row), rivals, "06_it")[1] for row in ratios]
    assert 0.01 < np.mean([outcome != "undecided" for outcome in outcomes]) <= 0.05


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_times_that_are_not_finite_carry_nothing(bad):
    with pytest.raises(ClaimError, match="06_it: a measurement is not finite"):
        judged(Stub([bad] * 12), above=EQUAL)
