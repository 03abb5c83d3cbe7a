"""Loops: where a deterministic run begins to repeat itself, and what it repeats."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Loop(NamedTuple):
    """The way into a loop, in items of the track, and the length of a lap."""

    transient: int
    period: int


class Cycles(NamedTuple):
    """All cycles of a finite machine, and for each of its S states which one it ends in, and when.

    `np.bincount(cycle)` are the sizes of the basins.
    """

    cycle: NDArray[np.int64]  # [S], an index into `laps`
    transient: NDArray[np.int64]  # [S], steps until the state is on its cycle; 0 on it
    laps: list[NDArray[np.int64]]  # the states of each cycle in their order, the least one first


def find_loop(track: ArrayLike, laps: int = 3, tolerance: float = 0.0) -> Loop | None:
    """Return the loop in which a greedy run ends, or None where it ends in none.

        period p    = the least with |x_i - y_i| <= tolerance for the last laps * p of all i < T
        transient t = the least with |x_i - y_i| <= tolerance for all i >= t

    where y_i is the item of the last lap x_{T-p} .. x_{T-1} that is a multiple of p behind x_i; of
    states, every number must be as near. So t counts the items before the loop, and the loop may
    begin and end within a lap. None means that no period up to T // laps repeats: a longer run may
    still end in a loop. A lap that has `laps` equal pieces at its own end, as x a a a has, is
    taken for the piece if the run stops right there; more laps exclude that.

    A tolerance must be small against the steps within a lap, or a state that hardly moves counts
    as standing still. A whole state that repeats exactly has to repeat for ever; tokens need not.

    Shapes and units: track int[T], tokens, or float[T, D], states, in whose unit the tolerance is.
    Raises: ValueError (an empty track, NaN or infinite numbers in it, laps < 2, a tolerance that is
    negative, NaN or infinite, or not 0 for tokens), TypeError (laps that are no integer, a track of
    another shape or type, such as a batch of texts).
    Reference: Knuth (1997), The Art of Computer Programming 2, exercise 3.1-6, has Floyd's way to
    find a cycle in little memory; here the track is at hand. Derived in lesson 10.
    """
    if not isinstance(laps, int | np.integer) or isinstance(laps, bool):
        raise TypeError(f"laps must be one whole number, got {laps!r}")
    if laps < 2:
        raise ValueError(f"laps must be >= 2, got {laps}: one lap repeats nothing")
    if not 0 <= tolerance < np.inf:
        raise ValueError(f"tolerance must be >= 0 and finite, got {tolerance}")
    items = _items(track, tolerance)  # [T, D]
    length = len(items)
    near_last = (np.abs(items - items[-1]) <= tolerance).all(axis=1)
    # Only what comes back to the last item can have that period: most are never looked at.
    for period in np.flatnonzero(near_last[::-1][: length // laps + 1])[1:]:
        lap = items[length - period :]
        away = np.abs(items - lap[np.arange(-length, 0) % period]) > tolerance
        outside = np.flatnonzero(away.any(axis=1))
        transient = int(outside[-1]) + 1 if len(outside) else 0
        if length - transient >= laps * period:
            return Loop(transient, int(period))
    return None


def canonical(tokens: ArrayLike) -> tuple[int, ...]:
    """Return the least rotation of a lap, by which loops of different runs are compared.

        min over r of (x_r, ..., x_{p-1}, x_0, ..., x_{r-1}), in the order of a dictionary

    Of several laps, as in a b a b, it is that of one: the result is always primitive.

    Shapes: tokens int[p] -> a tuple of p tokens, or of a divisor of p.
    Raises: ValueError (no token), TypeError (tokens that are no integers, or a batch of laps).
    Reference: Booth (1980), Lexicographically least circular substrings; the result is a Lyndon
    word. Derived in lesson 10.
    """
    lap = tuple(_whole_numbers(tokens, "tokens").tolist())
    rotations = [lap[r:] + lap[:r] for r in range(len(lap))]
    return min(rotations)[: len(set(rotations))]  # as many differ as a primitive lap is long


def cycles(successor: ArrayLike) -> Cycles:
    """Find all cycles of a finite machine s -> successor[s], and every state's way into them.

        transient(s) = 0 on a cycle, else 1 + transient(successor[s]);    cycle(s) likewise

    Each state is walked over once: O(S) time. Cycles come in the order in which the states 0, 1,
    ... lead to them.

    Shapes: successor int[S], each in 0 .. S - 1.
    Raises: ValueError (no state, or a successor outside 0 .. S - 1), TypeError (successors that are
    no integers, or a batch of machines).
    Reference: Flajolet and Odlyzko (1990), Random mapping statistics, for what to expect of a
    machine drawn at random. Derived in lesson 10.
    """
    following = _whole_numbers(successor, "successor")
    size = len(following)
    if not 0 <= following.min() <= following.max() < size:
        raise ValueError(
            f"a successor must be in 0 .. {size - 1}, got {following.min()} to {following.max()}"
        )
    after = following.tolist()  # plain numbers: the walk below is Python's
    unseen, on_the_way = -1, -2
    cycle, transient, laps = [unseen] * size, [0] * size, []
    for state in range(size):
        way = []
        while cycle[state] == unseen:
            cycle[state] = on_the_way
            way.append(state)
            state = after[state]
        if cycle[state] == on_the_way:  # this walk has met itself: a new cycle
            entry = way.index(state)
            way, lap = way[:entry], np.array(way[entry:])
            for member in lap:
                cycle[member] = len(laps)
            laps.append(np.roll(lap, -int(lap.argmin())))
        for state in reversed(way):
            cycle[state] = cycle[after[state]]
            transient[state] = transient[after[state]] + 1
    return Cycles(np.array(cycle), np.array(transient), laps)


def _items(track: ArrayLike, tolerance: float) -> NDArray[Any]:
    """Return a track as [T, D], in 64 bits: in 8, differences would wrap."""
    array = np.asarray(track)
    if array.ndim == 2 and np.issubdtype(array.dtype, np.floating) and array.size:
        if not np.isfinite(array).all():
            raise ValueError("states must be finite, got NaN or infinite numbers")
        return array.astype(np.float64)
    tokens = _whole_numbers(array, "a track, unless of states float[T, D],")
    if tolerance:
        raise ValueError(f"tokens are equal or not: tolerance must be 0, got {tolerance}")
    return tokens[:, None]


def _whole_numbers(numbers: ArrayLike, name: str) -> NDArray[np.int64]:
    array = np.asarray(numbers)
    if not array.size:
        raise ValueError(f"{name} must not be empty")
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} must be int[N], got {array.dtype}{list(array.shape)}")
    return array.astype(np.int64)
