"""Loops against naive definitions, on random tracks and random machines."""

import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.texts.loops import Loop, canonical, cycles, find_loop


def naive_loop(track, laps):
    """Item by item, from the words: the end repeats `laps` times; then how early it began to."""
    for period in range(1, len(track) // laps + 1):
        end = track[-period:]
        if track[-laps * period :] == end * laps:
            start = len(track) - period
            while start > 0 and track[start - 1] == track[start - 1 + period]:
                start -= 1
            return Loop(start, period)
    return None


@pytest.mark.parametrize("laps", [2, 3, 4])
def test_loops_of_random_tracks_are_those_of_the_naive_definition(laps):
    rng = np.random.default_rng(laps)
    found = set()
    for _ in range(3000):
        letters = int(rng.integers(1, 4))
        way_in, lap = (rng.integers(0, letters, rng.integers(0, 8)).tolist() for _ in range(2))
        track = (way_in + (lap or [0]) * 9)[: rng.integers(1, 40)]
        loop = find_loop(track, laps)
        assert loop == naive_loop(track, laps), track
        found.add(loop)
    assert len(found) > 40 and None in found


@pytest.mark.parametrize(
    ("text", "loop"),
    [
        ("xyabcabcabc", (2, 3)),
        ("xyabcabcabcab", (2, 3)),  # the last lap is not over
        ("xcabcabcabc", (1, 3)),  # it is entered at its last item
        ("abcabcab", None),  # two laps and two thirds
        ("abcabcabc", (0, 3)),
        ("abcabcabcx", None),
        ("aab" * 3, (0, 3)),
        ("xbaaabaaabaaa", (10, 1)),  # as the docstring warns
        ("aaa", (0, 1)),
        ("aa", None),
        ("a", None),
    ],
)
def test_loops_by_hand(text, loop):
    assert find_loop([ord(letter) for letter in text]) == loop


def test_more_laps_exclude_a_lap_that_ends_in_equal_pieces():
    assert find_loop([1, 0, 0, 0] * 4, laps=3) == (13, 1)
    assert find_loop([1, 0, 0, 0] * 4, laps=4) == (0, 4)


@pytest.mark.parametrize("make", [np.int8, np.int64, jnp.int32])
def test_numbers_of_every_integer_type(make):
    assert find_loop(make([0, -64, 64, -64, 64, -64, 64])) == (1, 2)  # 128 apart: 0 in 8 bits


def limit_cycle(length, rate=0.5, period=5, size=3):
    """States that approach a cycle: x_t = c_{t mod p} + rate^t, so 1 away from it at first."""
    lap = np.random.default_rng(0).normal(size=(period, size))
    t = np.arange(length)
    return lap[t % period] + rate ** t[:, None]


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4])
def test_states_that_approach_a_cycle_are_in_it_within_the_tolerance(tolerance):
    track = limit_cycle(60)
    near = np.flatnonzero(0.5 ** np.arange(60) <= tolerance)[0]
    assert find_loop(track, tolerance=tolerance) == (near, 5)
    assert find_loop(jnp.asarray(track, jnp.float32), tolerance=tolerance) == (near, 5)
    assert find_loop(track) is None  # in 64 bits it is still on its way


def test_states_that_repeat_exactly_need_no_tolerance():
    track = np.concatenate([np.ones((4, 2)), np.tile([[0.1, 0.2], [0.3, 0.4]], (3, 1))])
    assert find_loop(track) == (4, 2)
    for place in (-1, -4):
        other = track.copy()
        other[place, 1] += 1e-12  # one number of one state
        assert find_loop(other) is None


def test_a_slow_drift_is_measured_from_the_last_lap():
    """Neighbours are 0.01 apart: only the last of them are within 0.05 of the end."""
    assert find_loop(np.arange(100)[:, None] / 100, tolerance=0.055) == (94, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: find_loop([]), "must not be empty"),
        (lambda: find_loop(np.zeros((0, 3))), "must not be empty"),
        (lambda: find_loop([1, 2], laps=1), "laps must be >= 2, got 1: one lap repeats nothing"),
        (lambda: find_loop(np.ones((9, 2)), tolerance=-1.0), "tolerance must be >= 0"),
        (lambda: find_loop(np.ones((9, 2)), tolerance=np.nan), "tolerance must be >= 0"),
        (lambda: find_loop(np.ones((9, 2)), tolerance=np.inf), "tolerance must be >= 0"),
        (lambda: find_loop([1, 1, 1], tolerance=0.1), "tolerance must be 0, got 0.1"),
        (lambda: find_loop([[0.0], [np.nan]]), "states must be finite"),
        (lambda: find_loop([[np.inf]] * 6), "states must be finite"),
        (lambda: canonical([]), "tokens must not be empty"),
        (lambda: cycles([]), "successor must not be empty"),
        (lambda: cycles([0, 2]), r"a successor must be in 0 .. 1, got 0 to 2"),
        (lambda: cycles([0, -1]), r"a successor must be in 0 .. 1, got -1 to 0"),
    ],
)
def test_bad_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: find_loop([1, 1], laps=2.0), "laps must be one whole number, got 2.0"),
        (lambda: find_loop([1, 1], laps=True), "laps must be one whole number, got True"),
        (lambda: find_loop([1.0, 2.0]), r"got float64\[2\]"),
        (
            lambda: find_loop("abab"),
            r"a track, unless of states float\[T, D\], must be int\[N\], got <U4\[\]",
        ),
        (lambda: find_loop(np.ones((2, 9), int)), r"got int64\[2, 9\]"),  # a batch of texts
        (lambda: find_loop(np.ones((2, 9, 3))), r"got float64\[2, 9, 3\]"),  # and of states
        (lambda: canonical([[1, 2], [2, 1]]), r"tokens must be int\[N\], got int64\[2, 2\]"),
        (lambda: canonical([0.5]), r"tokens must be int\[N\], got float64\[1\]"),
        (lambda: cycles([0.0]), r"successor must be int\[N\], got float64\[1\]"),
        (lambda: cycles([[0]]), r"successor must be int\[N\], got int64\[1, 1\]"),
    ],
)
def test_bad_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_laps_are_equal_if_one_is_a_rotation_of_the_other_and_only_then():
    rng = np.random.default_rng(1)
    for _ in range(500):
        a, b = (rng.integers(0, 2, rng.integers(1, 7)).tolist() for _ in range(2))
        of_a = canonical(a)
        assert all(canonical(a[r:] + a[:r]) == of_a for r in range(len(a)))
        assert canonical(a * 3) == of_a and len(a) % len(of_a) == 0
        # Two endless texts are the same, from some place on, if a long part of one is in the other.
        endless = "".join(map(str, a * 80))
        assert (of_a == canonical(b)) == ("".join(map(str, b * 12)) in endless)


def test_the_least_rotation_by_hand():
    assert canonical([2, 1, 3, 1]) == (1, 2, 1, 3)
    assert canonical(np.array([1, 0, 1, 0], np.uint8)) == (0, 1)
    assert canonical(jnp.array([7])) == (7,)


def naive_walk(successor, state):
    """Return the states of the cycle that a state ends in, and the steps until it is there."""
    way = []
    while state not in way:
        way.append(state)
        state = int(successor[state])
    return set(way[way.index(state) :]), way.index(state)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 10, 60])
def test_cycles_of_random_machines_are_those_of_naive_walks(size):
    rng = np.random.default_rng(size)
    for _ in range(60):
        successor = rng.integers(0, size, size)
        found = cycles(successor)
        for state in range(size):
            members, steps = naive_walk(successor, state)
            assert set(found.laps[found.cycle[state]].tolist()) == members
            assert found.transient[state] == steps
        for lap in found.laps:
            np.testing.assert_array_equal(successor[lap], np.roll(lap, -1))
            assert lap[0] == lap.min() and len(set(lap.tolist())) == len(lap)
        assert len({tuple(lap) for lap in found.laps}) == len(found.laps)
        assert np.bincount(found.cycle).sum() == size


def test_cycles_by_hand():
    cycle, transient, laps = cycles([1, 2, 1, 3, 0])
    assert [lap.tolist() for lap in laps] == [[1, 2], [3]]
    np.testing.assert_array_equal(cycle, [0, 0, 0, 1, 0])
    np.testing.assert_array_equal(transient, [1, 0, 0, 0, 2])


def test_a_machine_of_many_states_takes_no_longer_than_its_states():
    """One long way into a cycle of two: quadratic time would be minutes, recursion would fail."""
    size = 300_000
    found = cycles(np.maximum(np.arange(size) - 1, 1 - np.arange(size)))
    assert [lap.tolist() for lap in found.laps] == [[0, 1]]
    np.testing.assert_array_equal(found.transient, np.maximum(np.arange(size) - 1, 0))
