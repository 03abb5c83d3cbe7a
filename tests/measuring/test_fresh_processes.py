"""A race takes its programs to fresh processes, and no longer than it may."""

import json
import pickle
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from judged import judged

from rnnlib.claims.claim import ClaimError, claim
from rnnlib.claims.weighing import LOOKS, Timed
from rnnlib.measuring import fresh_processes
from rnnlib.measuring.fresh_processes import Race


def steps(count):
    start = jnp.ones((64, 64)) / 64
    return lambda w: jax.lax.scan(lambda h, _: (jnp.tanh(h @ w["w"]), None), start, length=count)[0]


WEIGHTS = {"w": jnp.eye(64)}
PROGRAMS = {"short": (steps(100), WEIGHTS), "long": (steps(3000), WEIGHTS)}
MEDIANS = {"short": 1.0, "long": 30.0}
CLAIM = {"statement": "S2", "sentence": "Training takes longer.", "name": "06_it"}


def test_a_program_of_closures_is_handed_over_whole(capsys):
    handed = pickle.loads(Race(PROGRAMS)._handed)
    for name, (function, weights) in PROGRAMS.items():
        exported, leaves = handed[name]
        (result,) = jax.jit(exported.call)(*leaves)
        np.testing.assert_allclose(result, function(weights), rtol=1e-5)
    fresh_processes._main(handed, repeats=2)
    medians = json.loads(capsys.readouterr().out)
    assert medians.keys() == PROGRAMS.keys() and min(medians.values()) > 0


@pytest.mark.slow
def test_a_claim_about_time_runs_fresh_processes_and_turned_round_is_red(capsys):
    started = Race(PROGRAMS, repeats=6, at_most=300)
    assert not len(started.ratio("long", "short").values)
    claim(**CLAIM, measured=started.ratio("long", "short"), above=("equal", 1.0))
    assert re.search(r"\d+ fresh processes of 6 repeats on \w+", capsys.readouterr().out)
    assert len(started.medians) in LOOKS
    with pytest.raises(ClaimError, match="on the wrong side"):
        claim(**CLAIM, measured=started.ratio("long", "short"), below=("equal", 1.0))


@pytest.mark.slow
@pytest.mark.parametrize("wide", [True, False])
def test_double_precision_goes_along(enable_x64, monkeypatch, wide):
    """However it was turned on or off: by the environment, or for some lines of the notebook."""
    monkeypatch.setenv("JAX_ENABLE_X64", str(not wide))
    with enable_x64(wide):
        started = Race({"sum": (lambda x: x.sum(), np.ones(3))}, repeats=6, at_most=300)
    assert started.more()


def test_when_the_time_is_over_the_process_is_stopped_and_nothing_is_decided():
    started = Race(PROGRAMS, at_most=0.05)
    found = judged(**CLAIM, measured=started.ratio("long", "short"), below=("equal", 1.0))
    assert (found.outcome, found.n) == ("undecided", 0)
    assert started.seconds_left <= 0
    assert not started.more()


def test_a_process_runs_up_to_the_next_look_and_a_claim_may_find_it_there(monkeypatch):
    started = Race(PROGRAMS)
    monkeypatch.setattr(Race, "_run", lambda self, _: self.medians.append(MEDIANS))
    ratio = started.ratio("long", "short")
    assert isinstance(ratio, Timed)
    assert [(started.more(), len(ratio.values)) for _ in range(4)] == [
        (True, 3),
        (True, 6),
        (True, 12),
        (False, 12),
    ]


def test_a_process_that_fails_says_why():
    started = Race(PROGRAMS, at_most=300)
    started._handed = b""
    with pytest.raises(RuntimeError, match=r"(?s)timed the programs failed.*EOFError"):
        started.more()


def test_what_cannot_race_is_refused():
    with pytest.raises(ValueError, match="programs must be a whole number >= 1, got 0"):
        Race({})
    with pytest.raises(ValueError, match="repeats must be a whole number >= 1, got 0"):
        Race(PROGRAMS, repeats=0)
    with pytest.raises(ValueError, match=r"no program 'GRU' in this race; there are \['short'"):
        Race(PROGRAMS).ratio("GRU", "short")
