"""Intervals against tables, against textbook numbers, and against their own promise."""

import itertools

import numpy as np
import pytest
from scipy import stats

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


@pytest.mark.parametrize(("done", "n"), [(0, 5), (4, 5), (5, 5), (3, 8), (8, 8)])
def test_a_counts_interval_is_the_exact_one(done, n):
    values = np.arange(n) < done
    share, low, high = intervals.count_interval(values)
    exact = stats.binomtest(done, n).proportion_ci(0.95, "exact")
    assert (share, low, high) == pytest.approx((done / n, exact.low, exact.high), abs=1e-6)


def test_a_counts_interval_holds_the_truth_in_at_least_95_of_100():
    """By enumeration: of 8 networks, over all shares, and on average no wider than it must be."""
    ends = [intervals.count_interval(np.arange(8) < k)[1:] for k in range(9)]
    holds = np.array([
        sum(stats.binom.pmf(k, 8, p) for k, (low, high) in enumerate(ends) if low <= p <= high)
        for p in np.linspace(0.01, 0.99, 99)
    ])  # fmt: skip
    assert holds.min() >= 0.95
    assert 0.93 <= holds.mean() <= 0.99


def test_two_counts_of_equal_shares_are_told_apart_in_at_most_25_of_1000():
    for n, m in itertools.product((3, 5, 8), repeat=2):
        apart = np.array([
            [intervals.count_difference(np.arange(n) < k, np.arange(m) < j)[1] > 0
             for j in range(m + 1)] for k in range(n + 1)
        ])  # fmt: skip
        for p in np.linspace(0.05, 0.95, 19):
            chances = [stats.binom.pmf(range(size + 1), size, p) for size in (n, m)]
            assert chances[0] @ apart @ chances[1] <= 0.025


def test_counts_are_told_apart_where_the_exact_test_tells_them():
    for k, j in itertools.product(range(9), repeat=2):
        gap, low, high = intervals.count_difference(np.arange(8) < k, np.arange(8) < j)
        p = stats.hypergeom.sf(k - 1, 16, k + j, 8)  # one-sided, Fisher's
        assert (low > 0) == (p <= 0.025), (k, j)
        assert -1 <= low <= gap <= high <= 1


SHARES = {
    "networks alone": lambda rng: rng.beta(12, 4, 5),
    "items of networks": lambda rng: (rng.random((8, 100)) < rng.beta(12, 4, (8, 1))).astype(float),
}


@pytest.mark.parametrize("kind", SHARES)
def test_a_shares_interval_holds_the_truth_as_often_as_it_says(kind, monkeypatch):
    monkeypatch.setattr(intervals, "DRAWS", 1000)
    rng = np.random.default_rng(0)
    found = [intervals.share_interval(SHARES[kind](rng)) for _ in range(400)]
    assert 0.93 <= np.mean([low <= 0.75 <= high for _, low, high in found]) <= 0.99


def test_items_add_what_they_scatter_to_a_shares_interval():
    """Networks that differ in nothing, on items that do: [S] alone would say that it is exact."""
    items = np.tile(np.arange(40) % 2, (4, 1)).astype(float)
    share, low, high = intervals.share_interval(items)
    assert share == 0.5
    assert low < 0.4 < 0.6 < high
    assert intervals.share_interval(items.mean(axis=1)) == pytest.approx((0.5, 0.5, 0.5))


@pytest.mark.parametrize("items", [[1, 1, 0.98, 1], [0, 0.011, 0, 0], [0, 1, 0, 1], [1, 1, 1]])
def test_no_share_leaves_0_to_1(items):
    share, low, high = intervals.share_interval(np.array(items, float))
    assert 0 <= low <= share <= high <= 1
    against = intervals.share_difference(np.array(items, float), np.array([0.0, 0.01, 0.3, 1]))
    assert -1 <= against[1] <= against[0] <= against[2] <= 1


def test_shares_of_the_same_networks_are_compared_in_pairs():
    networks = np.array([0.1, 0.5, 0.9, 0.3, 0.7])
    paired = intervals.share_difference(networks + 0.05, networks)
    assert paired == pytest.approx((0.05, 0.05, 0.05), abs=1e-6)
    other = intervals.share_difference(networks + 0.05, np.append(networks, 0.5))
    assert other[1] < 0 < other[2]


def test_a_share_is_the_same_each_time():
    items = np.random.default_rng(1).random((5, 7))
    assert intervals.share_interval(items) == intervals.share_interval(items)
