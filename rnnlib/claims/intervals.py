"""How sure a mean over seeds is: 95 % intervals, also of the difference of two models."""

import numpy as np
from numpy.typing import ArrayLike


def interval(values: ArrayLike) -> tuple[float, float, float]:
    """Returns the mean of values (one per seed) and its 95 % interval; one plain number is exact.

    mean ± t · s / √n, with t the 97.5 % quantile of Student's distribution for n − 1.
    Raises: ValueError (fewer than 3 seeds).
    Reference: Student, The probable error of a mean, Biometrika 1908.
    """
    return difference(values, 0.0)


def difference(values: ArrayLike, rival: ArrayLike) -> tuple[float, float, float]:
    """Returns the mean of values − rival and its 95 % interval.

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
    half = float(t_quantile(min(v.size for v in samples) - 1) * error)
    return mean, mean - half, mean + half


def sample(values: ArrayLike, what: str) -> np.ndarray:
    """Returns values as an array: [S] for one value per seed, [] for one exact number.

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


def t_quantile(freedom: int) -> float:
    """Returns the 97.5 % quantile of Student's t distribution, to 0.001.

    Reference: Abramowitz & Stegun 1964, table 26.10, and expansion 26.7.5 in 1 / freedom.
    """
    if freedom < 1:
        raise ValueError(f"a t quantile needs at least 1 degree of freedom, got {freedom}")
    table = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
    if freedom <= len(table):
        return table[freedom - 1]
    z = 1.959964
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
