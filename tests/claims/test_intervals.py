"""Intervals against tables, against textbook numbers, and against their own promise."""

import numpy as np
import pytest

from rnnlib.claims import intervals

# Abramowitz & Stegun, table 26.10
TABLE = {1: 12.706, 2: 4.303, 4: 2.776, 9: 2.262, 10: 2.228, 15: 2.131, 30: 2.042, 120: 1.980}


@pytest.mark.parametrize("freedom", TABLE)
def test_quantiles_are_those_of_the_table(freedom):
    assert intervals.t_quantile(freedom) == pytest.approx(TABLE[freedom], abs=1e-3)


@pytest.mark.parametrize(("freedom", "t"), [(1, 63.657), (2, 9.925), (5, 4.032), (30, 2.750)])
def test_so_are_those_of_other_tails(freedom, t):
    assert intervals.t_quantile(freedom, tail=0.005) == pytest.approx(t, abs=1e-3)
    strict = intervals.interval([1.0, 2.0, 3.0], tail=0.005)
    assert strict == pytest.approx((2, 2 - 9.925 / 3**0.5, 2 + 9.925 / 3**0.5), abs=1e-3)


def test_quantiles_fall_to_the_normal_one():
    quantiles = [intervals.t_quantile(n) for n in range(1, 200)]
    assert quantiles == sorted(quantiles, reverse=True)
    assert intervals.t_quantile(10**6) == pytest.approx(1.96, abs=1e-3)
    with pytest.raises(ValueError, match="at least 1 degree of freedom, got 0"):
        intervals.t_quantile(0)


def test_an_interval_by_hand():
    # mean 3, s = sqrt(2.5), n = 5: half width 2.776 * sqrt(2.5 / 5)
    assert intervals.interval([1, 2, 3, 4, 5]) == pytest.approx(
        (3, 3 - 1.96293, 3 + 1.96293), abs=1e-3
    )
    assert intervals.interval(0.25) == (0.25, 0.25, 0.25)
    assert intervals.interval([2.0, 2.0, 2.0]) == (2, 2, 2)


@pytest.mark.parametrize("few", [[], [0.25], [1.0, 2.0], np.ones((3, 3))])
def test_an_interval_needs_three_seeds(few):
    shape = rf"got \({', '.join(map(str, np.shape(few)))},?\)"
    with pytest.raises(ValueError, match=rf"values: .* {shape}; .* at least 3"):
        intervals.interval(few)
    with pytest.raises(ValueError, match=rf"rival: .* {shape}; .* at least 3"):
        intervals.difference([1.0, 2.0, 3.0], few)


@pytest.mark.parametrize("one", [2, 2.0, np.float64(2), np.float32(2), np.array(2.0)])
def test_a_plain_number_is_exact(one):
    assert intervals.interval(one) == (2, 2, 2)
    assert intervals.difference(one, np.float64(1.5)) == (0.5, 0.5, 0.5)


def test_paired_differences_forget_what_the_seeds_share():
    seeds = np.array([1.0, 5.0, 9.0])
    mean, low, high = intervals.difference(seeds + np.array([0.1, 0.2, 0.3]), seeds)
    assert mean == pytest.approx(0.2)
    assert high - low == pytest.approx(2 * 4.3027 * 0.1 / np.sqrt(3), rel=1e-4)


def test_samples_of_different_size_add_their_variances():
    one, other = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 0.0, 1.0])
    mean, low, high = intervals.difference(one, other)
    assert mean == pytest.approx(1.5)
    assert high - low == pytest.approx(2 * 4.3027 * np.sqrt(1 / 3 + (1 / 3) / 4), rel=1e-4)
    assert intervals.difference(2.0, other)[2] == pytest.approx(
        1.5 + 3.1824 * np.sqrt((1 / 3) / 4), rel=1e-4
    )


def test_ninety_five_of_a_hundred_intervals_hold_the_truth():
    samples = np.random.default_rng(0).normal(7, 3, (4000, 4))
    held = [low <= 7 <= high for _, low, high in map(intervals.interval, samples)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.01)
