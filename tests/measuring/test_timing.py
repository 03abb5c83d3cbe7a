"""Timing against programs whose time is known: a clock of our own, power laws, planned arrays."""

import itertools
from collections import Counter

import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.claims.intervals import t_quantile
from rnnlib.measuring import roofline, timing
from rnnlib.measuring.timing import Times


class Clock:
    """A clock that only programs move: `program("a", 2.0)` makes one that takes 2 s a call."""

    def __init__(self):
        self.now, self.called = 0.0, []

    def perf_counter(self):
        return self.now

    def program(self, name, *seconds):
        takes = itertools.cycle(seconds)

        def call():
            self.called.append(name)
            self.now += next(takes)

        return call


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing, "time", clock)
    return clock


def test_each_program_gets_its_own_time_and_compiling_does_not_count(clock):
    programs = {"a": clock.program("a", 2.0), "b": clock.program("b", 100.0, *[3.0, 5.0] * 5)}
    times = timing.compare(programs, repeats=8, warmup=2)
    np.testing.assert_allclose(times["a"].seconds, np.full(8, 2.0))
    np.testing.assert_allclose(times["b"].seconds, [3.0, 5.0] * 4)
    assert times["b"].median == 4.0


def test_programs_take_turns_in_balanced_order(clock):
    programs = {name: clock.program(name, 1.0) for name in "abcd"}
    timing.compare(programs, repeats=40, warmup=3)
    assert clock.called[:16] == [*"aaabbbcccddd", *"abcd"]  # warming up, then counting calls
    rounds = ["".join(clock.called[i : i + 4]) for i in range(16, len(clock.called), 4)]
    assert len(rounds) == 40
    assert all(sorted(order) == list("abcd") for order in rounds)
    assert [order[::-1] for order in rounds[::2]] == rounds[1::2]
    neighbours = Counter(pair for order in rounds for pair in itertools.pairwise(order))
    assert len(neighbours) == 12  # everyone has followed everyone
    for one, other in itertools.combinations("abcd", 2):
        assert sum(order.index(one) < order.index(other) for order in rounds) == 20


@pytest.mark.parametrize(("takes", "calls"), [(1.0, 1), (0.5, 2), (0.25, 4), (0.2, 8), (3.0, 1)])
def test_short_programs_are_called_until_a_repeat_is_long_enough(clock, takes, calls):
    program = clock.program("a", takes)
    times = timing.compare({"a": program}, repeats=5, warmup=1, at_least=1.0)
    np.testing.assert_allclose(times["a"].seconds, takes)
    tried = sum(2**k for k in range(calls.bit_length()))
    assert len(clock.called) == 1 + tried + 5 * calls


def test_a_drift_of_the_machine_cancels_in_the_ratio(clock):
    drift = np.linspace(1, 2, 50)
    programs = {"a": clock.program("a", *drift), "b": clock.program("b", *3 * drift)}
    times = timing.compare(programs)
    low, high = times["a"].interval()
    assert high > 1.1 * low
    assert timing.ratio(times["b"], times["a"]) == pytest.approx((3, 3, 3))


def test_results_are_waited_for(clock):
    class Pending:
        def block_until_ready(self):
            clock.now += 7.0

    assert timing.compare({"a": Pending}, repeats=3)["a"].median == 7.0
    others = {"numpy": lambda: np.ones(3), "nothing": lambda: None, "jax": lambda: jnp.ones(3)}
    assert timing.compare(others, repeats=2, at_least=0).keys() == others.keys()


def lognormal(rng, *shape):
    return np.exp(0.3 * rng.normal(size=shape))  # its median is 1


def test_intervals_hold_the_truth_as_often_as_they_say():
    pairs = [(Times(2 * a), Times(b)) for a, b in lognormal(np.random.default_rng(1), 200, 2, 20)]
    medians = [times.interval() for _, times in pairs]
    assert 0.92 <= np.mean([low <= 1 <= high for low, high in medians]) <= 0.98
    ratios = [timing.ratio(*pair) for pair in pairs]
    assert 0.92 <= np.mean([low <= 2 <= high for _, low, high in ratios]) <= 0.99
    assert all(low < ratio < high for ratio, low, high in ratios)


@pytest.mark.parametrize("power", [0.0, 1.0, 2.5])
def test_the_exponent_of_an_exact_power_law(power):
    sizes = [64, 128, 512, 1000]
    seconds = np.outer(3e-6 * np.array(sizes) ** power, [0.9, 1.0, 1.1])
    assert timing.exponent(sizes, seconds) == pytest.approx((power, power, power), abs=1e-9)
    times = [Times(row) for row in seconds]
    assert timing.exponent(sizes, times) == timing.exponent(sizes, seconds)


@pytest.mark.parametrize("count", [3, 4, 7, 20])
def test_the_exponent_is_that_of_a_fitted_line(count):
    rng = np.random.default_rng(count)
    sizes = 2.0 ** np.arange(count)
    medians = sizes**1.5 * lognormal(rng, count)
    x, y = np.log(sizes), np.log(medians)
    (slope, _), (residual, *_), *_ = np.polyfit(x, y, 1, full=True)
    half = t_quantile(count - 2) * np.sqrt(residual / (count - 2) / (count * x.var()))
    found, low, high = timing.exponent(sizes, medians[:, None])
    assert found == pytest.approx(slope)
    assert (low - found, high - found) == pytest.approx((-half, half))


def test_misfit_widens_the_exponent_though_no_repeat_is_noisy():
    sizes = np.array([10.0, 100.0, 1000.0, 10000.0])
    seconds = np.tile((50 + sizes)[:, None], 9)  # linear, but for what each call costs
    slope, low, high = timing.exponent(sizes, seconds)
    assert slope < 0.8
    assert low < slope - 0.3
    assert high > 1


SIX = Times(np.ones(6))
PROGRAMS = {"a": lambda: None}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: timing.compare({}), "at least 1 program, got none"),
        (lambda: timing.compare(PROGRAMS, warmup=0), "warmup must be a whole number >= 1, got 0"),
        (lambda: timing.compare(PROGRAMS, repeats=2.5), "repeats must be .*, got 2.5"),
        (lambda: timing.compare(PROGRAMS, at_least=float("nan")), "seconds >= 0, got nan"),
        (lambda: Times(np.ones(5)).interval(), "needs >= 6 repeats, got 5"),
        (lambda: timing.ratio(SIX, Times(np.ones(7))), "one comparison, got 6 and 7"),
        (lambda: timing.exponent([1, 2, 3], [SIX, SIX]), ">= 3 sizes, got 2 for"),
        (lambda: timing.exponent([1, 2, 2], [SIX] * 3), ">= 3 sizes, got 3 for"),
        (lambda: timing.exponent([0, 1, 2], [SIX] * 3), "must be finite and > 0, got"),
        (lambda: timing.exponent([1, 2, 3], np.zeros((3, 6))), "must be finite and > 0, got"),
        (lambda: timing.exponent([1, 2, np.inf], [SIX] * 3), "must be finite and > 0, got"),
        (lambda: roofline.matmul_roof((0,)), "size must be a whole number >= 1, got 0"),
        (lambda: roofline.memory_roof(0), "size must be a whole number >= .*, got 0"),
    ],
)
def test_what_cannot_be_timed_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
