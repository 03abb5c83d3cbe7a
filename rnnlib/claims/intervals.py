"""How sure a mean over seeds is: 95 % intervals, also of the difference of two models."""

import functools
import math

import numpy as np
from numpy.typing import ArrayLike


def interval(values: ArrayLike, tail: float = 0.025) -> tuple[float, float, float]:
    """Return the mean of values (one per seed) and its 95 % interval; one plain number is exact.

    mean ± t · s / √n, with t the quantile of Student's distribution for n − 1 that leaves `tail`
    on either side.

    Raises: ValueError (fewer than 3 seeds).
    Reference: Student, The probable error of a mean, Biometrika 1908.
    """
    return difference(values, 0.0, tail)


def difference(
    values: ArrayLike, rival: ArrayLike, tail: float = 0.025
) -> tuple[float, float, float]:
    """Return the mean of values − rival and its 95 % interval, or one that leaves other tails.

    As many of both: seed by seed (a paired difference). Otherwise the variances of the two means
    add up, with the smaller sample's degrees of freedom, which errs on the wide side. A plain
    number, of either, is exact.

    Raises: ValueError (fewer than 3 seeds).
    """
    values, rival = sample(values, "values"), sample(rival, "rival")
    if values.ndim and values.size == rival.size:
        values, rival = values - rival, np.zeros(())
    samples = [v for v in (values, rival) if v.ndim]
    mean = float(values.mean() - rival.mean())
    if not samples:
        return mean, mean, mean
    error = np.sqrt(sum(v.var(ddof=1) / v.size for v in samples))
    half = float(t_quantile(min(v.size for v in samples) - 1, tail) * error)
    return mean, mean - half, mean + half


def sample(values: ArrayLike, what: str) -> np.ndarray:
    """Return values as an array: [S] for one value per seed, [] for one exact number.

    An array of one value is one seed, not an exact number; and two seeds say so little (t = 12.7)
    that their interval would be no measurement.

    Raises: ValueError (another shape, or fewer than 3 seeds).
    """
    array = np.asarray(values, dtype=float)
    if array.ndim > 1 or (array.ndim and array.size < 3):
        raise ValueError(
            f"{what}: give one value per seed, or one number, got {array.shape}; an interval over "
            "seeds needs at least 3, and an exact value is given as a plain number"
        )
    return array


@functools.cache
def t_quantile(freedom: int, tail: float = 0.025) -> float:
    """Return what Student's t exceeds with probability `tail`, for whole degrees of freedom.

    P(|t| < √freedom · tan θ) is a finite sum of powers of cos θ; its inverse is found by halving.

    Raises: ValueError (freedom under 1).
    Reference: Abramowitz & Stegun 1964, 26.7.3 and 26.7.4.
    """
    if freedom < 1:
        raise ValueError(f"a t quantile needs at least 1 degree of freedom, got {freedom}")
    odd = freedom % 2
    powers = np.arange(odd, freedom - 2, 2)
    low, high = 0.0, math.pi / 2
    for _ in range(50):
        angle = (low + high) / 2
        terms = np.cumprod((powers + 1) / (powers + 2) * math.cos(angle) ** 2)
        total = (1 + terms.sum()) * (math.cos(angle) if odd else 1) if freedom > 1 else 0
        within = math.sin(angle) * total
        within = (angle + within) * 2 / math.pi if odd else within
        low, high = (angle, high) if within < 1 - 2 * tail else (low, angle)
    return math.sqrt(freedom) * math.tan(low)
