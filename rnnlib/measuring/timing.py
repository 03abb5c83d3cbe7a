"""How long programs take, side by side on a noisy machine."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from rnnlib.claims.intervals import t_quantile

FEWEST = 6  # of 5 repeats even the whole range holds the true median in only 1 - 2 / 2^5 = 94 %


@dataclass(frozen=True, eq=False)
class Times:
    """What one program took, repeat by repeat: seconds[R], each the mean of the repeat's calls."""

    seconds: np.ndarray

    @property
    def median(self) -> float:
        """The median over the repeats, in seconds: one interruption does not move it."""
        return float(np.median(self.seconds))

    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the median, in seconds: the percentile bootstrap.

        Raises: ValueError (fewer than 6 repeats).
        Reference: Efron (1979), "Bootstrap methods: another look at the jackknife".
        """
        return _middle(_resampled_medians(self))


def compare(
    programs: Mapping[str, Callable[[], Any]],
    *,
    repeats: int = 20,
    warmup: int = 2,
    at_least: float = 1e-3,
) -> dict[str, Times]:
    """Time programs by turns, so that whatever slows the machine for a while slows all of them.

    Every program is first called `warmup` times (it compiles), then more often until a repeat of
    it takes `at_least` seconds, so that the clock's own grain does not count. Then all programs
    run once per repeat, in a random order and in the next repeat in its reverse: an even number
    of repeats balances the order. Every call is waited for, and what it costs in Python counts.
    Results that are not JAX's must be complete when they are returned.

    Raises: ValueError (no program, repeats or warmup under 1, at_least negative or not finite).
    """
    if not programs:
        raise ValueError("programs must hold at least 1 program, got none")
    check_at_least(1, repeats=repeats, warmup=warmup)
    if not 0 <= at_least < math.inf:
        raise ValueError(f"at_least must be a finite number of seconds >= 0, got {at_least}")
    for program in programs.values():
        for _ in range(warmup):
            jax.block_until_ready(program())
    calls = {name: _calls_for(program, at_least) for name, program in programs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    names, order, rng = list(programs), np.arange(len(programs)), np.random.default_rng(0)
    for repeat in range(repeats):
        order = order[::-1] if repeat % 2 else rng.permutation(order)
        for name in (names[place] for place in order):
            seconds[name].append(_seconds(programs[name], calls[name]))
    return {name: Times(np.array(values)) for name, values in seconds.items()}


def ratio(times: Times, rival: Times) -> tuple[float, float, float]:
    """Return how many times longer than its rival a program takes, and the 95 % interval.

    median(times) / median(rival). The two come from one `compare`, so the bootstrap draws whole
    repeats: a slow moment of the machine, which both had to bear, cancels.

    Raises: ValueError (fewer than 6 repeats, or not as many of both).
    """
    ours, theirs = len(times.seconds), len(rival.seconds)
    if ours != theirs:
        raise ValueError(f"a ratio pairs the repeats of one comparison, got {ours} and {theirs}")
    low, high = _middle(_resampled_medians(times) / _resampled_medians(rival))
    return times.median / rival.median, low, high


def exponent(
    sizes: Sequence[float] | np.ndarray, times: Sequence[Times] | np.ndarray
) -> tuple[float, float, float]:
    """Return p of the power law seconds ~ size^p over these sizes, and its 95 % interval.

    p is the least-squares slope of y = log(median seconds) on x = log(size). Its interval,
    p ± t · sqrt(sum(residual^2) / (n - 2) / sum((x - mean x)^2)) with t of n - 2 degrees of
    freedom, is made of the points' distances from the line: it holds the noise of the medians and
    the law's misfit, and is wide where the points lie on a curve. It knows no other sizes.

    Shapes: sizes[n], n >= 3; times[n] as `compare` gives them, or seconds[n, R].
    Raises: ValueError (fewer than 3 different sizes, sizes or times that are not positive).
    """
    x = np.asarray(sizes, dtype=float)
    y = np.array([np.median(t.seconds if isinstance(t, Times) else t) for t in times])
    if x.shape != y.shape or len(np.unique(x)) < 3:
        raise ValueError(f"needed times for each of >= 3 sizes, got {len(y)} for sizes {sizes}")
    if not (np.isfinite([x, y]).all() and min(*x, *y) > 0):
        raise ValueError(f"sizes and times must be finite and > 0, got {x} and {y}")
    x, y = np.log(x) - np.log(x).mean(), np.log(y) - np.log(y).mean()
    slope, freedom = x @ y / (x @ x), len(x) - 2
    half = t_quantile(freedom) * np.sqrt(np.square(y - slope * x).sum() / freedom / (x @ x))
    return float(slope), float(slope - half), float(slope + half)


def check_at_least(least: int, **numbers: int) -> None:
    for name, number in numbers.items():
        if not (isinstance(number, int) and number >= least):
            raise ValueError(f"{name} must be a whole number >= {least}, got {number}")


def _seconds(program: Callable[[], Any], calls: int) -> float:
    """Return the mean seconds of so many calls in a row."""
    start = time.perf_counter()
    for _ in range(calls):
        jax.block_until_ready(program())
    return (time.perf_counter() - start) / calls


def _calls_for(program: Callable[[], Any], at_least: float) -> int:
    """Return the first power of two of calls that takes so many seconds."""
    calls = 1
    while calls * _seconds(program, calls) < at_least:
        calls *= 2
    return calls


def _resampled_medians(times: Times) -> np.ndarray:
    """Return medians of resampled repeats; of as many repeats, the same ones are always drawn."""
    repeats = len(times.seconds)
    if repeats < FEWEST:
        raise ValueError(f"an interval needs >= {FEWEST} repeats, got {repeats}")
    drawn = np.random.default_rng(0).integers(repeats, size=(2_000, repeats))
    return np.median(times.seconds[drawn], axis=1)


def _middle(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
