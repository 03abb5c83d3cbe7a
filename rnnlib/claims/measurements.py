"""Kinds of measurement, each with the interval that fits it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnnlib.claims import intervals
from rnnlib.claims.evidence import Estimate

INTERVALS = {  # of one measurement, and of the difference of two
    "mean": (intervals.interval, intervals.difference),
    "count": (intervals.count_interval, intervals.count_difference),
    "share": (intervals.share_interval, intervals.share_difference),
}


@dataclass(frozen=True, eq=False)
class Measurement:
    """What was measured: items[S], items[S, N] of shares, or one exact number, items[]."""

    kind: str
    items: np.ndarray
    note: str = ""

    @property
    def values(self) -> np.ndarray:
        """The value of each network, [S], or the exact number, []."""
        return self.items.mean(axis=1) if self.items.ndim == 2 else self.items

    def estimate(self, tail: float = 0.025) -> Estimate:
        """Return the mean over the networks and its interval."""
        return Estimate(*INTERVALS[self.kind][0](self.items, tail))

    def gap(self, rival: "Measurement", tail: float = 0.025) -> Estimate:
        """Return how far this lies from a rival of its kind, or from an exact number.

        Raises: ValueError (a rival of another kind).
        """
        if not rival.items.ndim:
            ours, level = self.estimate(tail), float(rival.items)
            return Estimate(ours.mean - level, ours.low - level, ours.high - level)
        if rival.kind != self.kind and self.items.ndim:
            needed = f"a {self.kind} is held against a {self.kind} or an exact number"
            raise ValueError(f"{needed}, got a {rival.kind}")
        return Estimate(*INTERVALS[rival.kind][1](self.items, rival.items, tail))


def count(of_networks: ArrayLike) -> Measurement:
    """Return which networks did it, of_networks[S], as a measurement: "4 of 5 networks".

    Raises: ValueError (not 0 and 1, or False and True; fewer than 3 networks).
    """
    values = intervals.sample(of_networks, "a count")
    if not values.ndim or not np.isin(values, (0, 1)).all():
        raise ValueError(f"a count needs True or False of each network, got {values.tolist()}")
    return Measurement("count", values)


def share(items: ArrayLike) -> Measurement:
    """Return shares as a measurement: items[S] of each network, or items[S, N] of its items.

    The interval of shares close to 0 or 1 that hang on a rare network is somewhat too narrow.

    Raises: ValueError (outside [0, 1], not finite, fewer than 3 networks).
    """
    array = np.asarray(items, dtype=float)
    if array.ndim not in (1, 2) or len(array) < 3 or not array.size:
        raise ValueError(f"a share needs items[S] or items[S, N], S >= 3, got {array.shape}")
    if not ((array >= 0) & (array <= 1)).all():
        raise ValueError(f"shares lie in [0, 1], got {array.min()} to {array.max()}")
    return Measurement("share", array)


def arrivals(times: ArrayLike, limit: float) -> Measurement:
    """Return how many networks arrived within a limit, times[S]; inf is "not within it".

    The median is told only where more than half arrived: else nobody knows it.

    Raises: ValueError (a time is no number, the limit not finite; fewer than 3 networks).
    """
    array = intervals.sample(times, "arrivals")
    if not array.ndim or np.isnan(array).any() or not np.isfinite(limit):
        raise ValueError(f"arrivals need times and a finite limit, got {array.tolist()}, {limit}")
    arrived = array <= limit
    note = f"within {limit:,g} {{}}"  # the unit
    if arrived.mean() > 0.5:
        note += f" (median {np.median(array):,g})"
    return Measurement("count", arrived.astype(float), note)
