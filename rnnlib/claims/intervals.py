"""How sure a mean, a count or a share is: 95 % intervals, also of the difference of two of them."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

Interval = tuple[float, float, float]  # the estimate, and the two ends
DRAWS = 4_000  # of the bootstrap


def interval(values: ArrayLike, tail: float = 0.025) -> Interval:
    """Return the mean of values (one per seed) and its 95 % interval; one plain number is exact.

    mean ± t · s / √n, with t the quantile of Student's distribution for n − 1 that leaves `tail`
    on either side.

    Raises: ValueError (fewer than 3 seeds).
    Reference: Student, The probable error of a mean, Biometrika 1908.
    """
    return difference(values, 0.0, tail)


def difference(values: ArrayLike, rival: ArrayLike, tail: float = 0.025) -> Interval:
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


def t_quantile(freedom: int, tail: float = 0.025) -> float:
    """Return what Student's t exceeds with probability `tail`.

    Raises: ValueError (freedom under 1).
    """
    if freedom < 1:
        raise ValueError(f"a t quantile needs at least 1 degree of freedom, got {freedom}")
    return float(stats.t.isf(tail, freedom))


def count_interval(done: np.ndarray, tail: float = 0.025) -> Interval:
    """Return the share of done[S], each 0 or 1, that is 1, and its exact interval.

    Its ends are the shares under which so many, or so few, have the probability `tail`.

    Reference: Clopper & Pearson, The use of confidence or fiducial limits, Biometrika 1934.
    """
    n, k = done.size, done.sum()
    low = stats.beta.ppf(tail, k, n - k + 1) if k else 0.0
    high = stats.beta.isf(tail, k + 1, n - k) if k < n else 1.0
    return float(k / n), float(low), float(high)


def count_difference(ours: np.ndarray, theirs: np.ndarray, tail: float = 0.025) -> Interval:
    """Return the difference of two independent counts' shares p − q, and its interval.

    p − q − √((p − p_low)² + (q_high − q)²), and the upper end likewise, from the exact intervals
    of both. Equal shares are told apart no more often than the tails allow.

    Reference: Newcombe, Interval estimation for the difference between independent proportions,
    Statistics in Medicine 1998 (method 10, here with exact limits).
    """
    (p, p_low, p_high), (q, q_low, q_high) = (count_interval(x, tail) for x in (ours, theirs))
    low, high = np.hypot(p - p_low, q_high - q), np.hypot(p_high - p, q - q_low)
    return p - q, float(p - q - low), float(p - q + high)


def share_interval(items: np.ndarray, tail: float = 0.025) -> Interval:
    """Return the mean of shares, items[S] or items[S, N], and its interval, within [0, 1].

    The bootstrap draws networks anew, and items too: the same ones for all networks, which is
    right whether the networks share their items or not, and errs on the wide side. The bootstrap
    of few networks is too narrow; so the log odds of its draws are spread by t √(S / (S − 1)) / z.

    Reference: Owen, The pigeonhole bootstrap, Annals of Applied Statistics 2007.
    """
    return _bounded(float(items.mean()), _resampled(items, 0), len(items), (0, 1), tail)


def share_difference(ours: np.ndarray, theirs: np.ndarray, tail: float = 0.025) -> Interval:
    """Return the difference of two shares and its interval, within [−1, 1], by the same bootstrap.

    Of equal shapes, networks and items are drawn in pairs.
    """
    draws = _resampled(ours, 0) - _resampled(theirs, int(ours.shape != theirs.shape))
    value = float(ours.mean() - theirs.mean())
    return _bounded(value, draws, min(len(ours), len(theirs)), (-1, 1), tail)


def _resampled(items: np.ndarray, seed: int) -> np.ndarray:
    """Return means of resampled networks and items, [DRAWS]."""
    rng = np.random.default_rng(seed)
    table = items.reshape(len(items), -1)
    networks, each = table.shape
    weights = rng.multinomial(networks, np.full(networks, 1 / networks), DRAWS) / networks
    if each == 1:
        return weights @ table[:, 0]
    draws = rng.multinomial(each, np.full(each, 1 / each), DRAWS) / each
    return np.sum((weights @ table) * draws, axis=1)


def _bounded(
    value: float, draws: np.ndarray, networks: int, bounds: tuple[int, int], tail: float
) -> Interval:
    if np.ptp(draws) < 1e-9:  # nothing varies, up to rounding
        return value, value, value
    low, high = bounds

    def log_odds(x: np.ndarray | float) -> np.ndarray:
        return special.logit(np.clip((x - low) / (high - low), 1e-12, 1 - 1e-12))

    widen = t_quantile(networks - 1, tail) * np.sqrt(networks / (networks - 1))
    widen /= stats.norm.isf(tail)
    spread = np.quantile(log_odds(draws) - log_odds(value), [tail, 1 - tail]) * widen
    ends = low + (high - low) * special.expit(log_odds(value) + spread)
    return value, float(min(ends[0], value)), float(max(ends[1], value))
