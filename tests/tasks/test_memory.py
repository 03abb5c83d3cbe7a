"""Memory tasks: plain Python reads every sequence, and the floors are what no memory reaches."""

import doctest
from collections import Counter

import jax
import numpy as np
import pytest

from rnnlib.tasks import memory
from rnnlib.tasks.memory import Adding, Copying, Recall, SelectiveCopying
from rnnlib.tasks.task import batches


def draw(task, size, seed=0):
    """Draw examples as NumPy arrays."""
    return jax.tree.map(np.asarray, jax.jit(batches(task, size))(jax.random.key(seed)))


def examples(task, size=200):
    """Draw examples as lists: (inputs, targets, mask) of each."""
    return zip(*(part.tolist() for part in draw(task, size)), strict=True)


def assert_even(counts, share, draws):
    """Each count is within five standard deviations of its expectation."""
    spread = np.sqrt(draws * share * (1 - share))
    assert np.abs(np.asarray(counts) - draws * share).max() < 5 * spread


def test_the_examples_in_the_docstrings():
    found = doctest.testmod(memory)
    assert found.attempted >= 7
    assert found.failed == 0


@pytest.mark.slow
@pytest.mark.parametrize("delay", [1, 6])
def test_recall_asks_for_the_first_token(delay):
    for inputs, targets, mask in examples(Recall(delay, symbols=5, noise=3)):
        first, *noise, query = inputs
        assert first in range(5) and len(noise) == delay and set(noise) <= {5, 6, 7}
        assert query == 8 == Recall(delay, symbols=5, noise=3).vocabulary_size - 1
        assert targets == [0] * (delay + 1) + [first]
        assert mask == [False] * (delay + 1) + [True]


@pytest.mark.slow
@pytest.mark.parametrize("length", [2, 7, 8])
def test_adding_asks_for_the_sum_of_the_marked_numbers(length):
    for inputs, targets, mask in examples(Adding(length)):
        marked = [i for i, (_, mark) in enumerate(inputs) if mark == 1]
        assert len(inputs) == length and {mark for _, mark in inputs} <= {0, 1}
        assert all(0 <= number < 1 for number, _ in inputs)
        early, late = marked
        assert early < length // 2 <= late
        assert targets[-1] == pytest.approx(inputs[early][0] + inputs[late][0], abs=1e-6)
        assert targets[:-1] == [0] * (length - 1)
        assert mask == [False] * (length - 1) + [True]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Copying, SelectiveCopying])
@pytest.mark.parametrize(("delay", "items"), [(1, 3), (4, 3), (5, 1)])
def test_copying_asks_for_the_symbols_in_order(kind, delay, items):
    task, blank, go = kind(delay, items, symbols=5), 5, 6
    assert task.vocabulary_size == 7
    for inputs, targets, mask in examples(task):
        shown, after = inputs[: items + delay - 1], inputs[items + delay - 1 :]
        symbols = [token for token in shown if token != blank]
        assert len(symbols) == items and max(symbols) < 5
        assert after == [go] + [blank] * items
        assert targets == [blank] * (items + delay) + symbols
        assert mask == [True] * (delay + 2 * items)
        if kind is Copying:
            assert shown == symbols + [blank] * (delay - 1)


@pytest.mark.slow
def test_what_is_drawn_is_uniform():
    inputs = draw(Recall(2, symbols=5, noise=4), 10_000).inputs
    assert_even(np.bincount(inputs[:, 0]), 1 / 5, 10_000)
    pairs = Counter(map(tuple, inputs[:, 1:3].tolist()))
    assert len(pairs) == 16
    assert_even(list(pairs.values()), 1 / 16, 10_000)

    numbers, marks = np.moveaxis(draw(Adding(7), 10_000).inputs, 2, 0)
    assert_even(np.histogram(numbers, bins=10, range=(0, 1))[0], 1 / 10, numbers.size)
    pairs = Counter(tuple(np.flatnonzero(row)) for row in marks)
    assert len(pairs) == 3 * 4
    assert_even(list(pairs.values()), 1 / 12, 10_000)

    shown = draw(SelectiveCopying(3, items=2, symbols=3), 10_000).inputs[:, :4]
    places = Counter(tuple(np.flatnonzero(row < 3)) for row in shown)
    assert len(places) == 6  # two of four
    assert_even(list(places.values()), 1 / 6, 10_000)
    symbols = Counter(tuple(row[row < 3]) for row in shown)
    assert len(symbols) == 9
    assert_even(list(symbols.values()), 1 / 9, 10_000)


def entropy(counts):
    """Entropy of a frequency table, in nats."""
    shares = np.array(list(counts.values())) / sum(counts.values())
    return -(shares * np.log(shares)).sum()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Copying, SelectiveCopying])
def test_the_best_that_sees_only_the_present_input_reaches_the_floor_of_copying(kind):
    """Fit a table for each position: what each input there is followed by."""
    task, size = kind(3, items=4, symbols=5), 20_000
    inputs, targets, _ = draw(task, size)
    nats = 0.0
    for now, answer in zip(inputs.T, targets.T, strict=True):
        for token, times in Counter(now.tolist()).items():
            nats += times / size * entropy(Counter(answer[now == token].tolist()))
    assert nats / inputs.shape[1] == pytest.approx(task.floor(), abs=1e-3)


@pytest.mark.slow
def test_the_floors_of_recall_and_adding_are_those_of_a_constant_answer():
    answers = draw(Recall(1, symbols=4), 10_000).targets[:, -1]
    assert_even(np.bincount(answers), Recall(1, symbols=4).floor(), 10_000)

    sums = draw(Adding(5), 10_000).targets[:, -1]
    errors = (sums - 1) ** 2
    assert abs(errors.mean() - Adding(5).floor()) < 5 * errors.std() / 100
    assert abs(sums.mean() - 1) < 5 * sums.std() / 100  # no other constant is better


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Recall(0), "delay must be a whole number >= 1, got 0"),
        (lambda: Recall(1, symbols=1), "symbols must be a whole number >= 2, got 1"),
        (lambda: Recall(1, noise=0), "noise must be a whole number >= 1, got 0"),
        (lambda: Recall(float("nan")), "delay must be a whole number >= 1, got nan"),
        (lambda: Adding(1), "length must be a whole number >= 2, got 1"),
        (lambda: Copying(0), "delay must be a whole number >= 1, got 0"),
        (lambda: Copying(1, items=0), "items must be a whole number >= 1, got 0"),
        (lambda: SelectiveCopying(1, symbols=1), "symbols must be a whole number >= 2, got 1"),
        (lambda: batches(Adding(2), 0), "size must be a whole number >= 1, got 0"),
    ],
)
def test_sizes_that_make_no_task_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
