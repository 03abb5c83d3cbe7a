"""Kinds of measurement take what they can be, and nothing else."""

import numpy as np
import pytest

from rnnlib.claims.measurements import arrivals, count, share


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: count([1, 0.5, 1]), "True or False of each network"),
        (lambda: count(3), "True or False of each network"),
        (lambda: count([1, 1]), "at least 3"),
        (lambda: share([0.5, 1.2, 0.1]), r"shares lie in \[0, 1\], got 0.1 to 1.2"),
        (lambda: share([0.5, np.nan, 0.1]), "shares lie in"),
        (lambda: share([0.5, 0.4]), r"S >= 3, got \(2,\)"),
        (lambda: share(0.5), r"got \(\)"),
        (lambda: share(np.ones((3, 4, 2))), r"got \(3, 4, 2\)"),
        (lambda: arrivals([1, np.nan, 2], 128), "a finite limit"),
        (lambda: arrivals([1, 3, 2], np.inf), "a finite limit"),
        (lambda: arrivals(3, 128), "a finite limit"),
    ],
)
def test_what_is_no_such_measurement_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_who_has_not_arrived_within_the_limit_is_counted_as_such():
    found = arrivals([1, 128, 129, np.inf], 128)
    assert found.values.tolist() == [1, 1, 0, 0]
    assert found.note == "within 128 {}"
    assert arrivals([1, 3, 129], 128).note == "within 128 {} (median 3)"


def test_a_share_of_items_has_a_value_for_each_network():
    found = share([[0, 1], [1, 1], [0, 0]])
    assert found.values.tolist() == [0.5, 1, 0]
    assert found.estimate().mean == 0.5


def test_an_exact_rival_shifts_the_interval():
    found = share([0.5, 0.6, 0.7, 0.6])
    ours, gap = found.estimate(), found.gap(count([1, 1, 1]).__class__("mean", np.array(0.25)))
    assert (gap.low, gap.high) == pytest.approx((ours.low - 0.25, ours.high - 0.25))
