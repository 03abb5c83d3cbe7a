"""Tracking tasks: plain Python moves the things about, and the floors come from all sequences."""

import doctest
import itertools
import math
from collections import Counter, defaultdict

import jax
import numpy as np
import pytest

from rnnlib.tasks import tracking
from rnnlib.tasks.task import batches
from rnnlib.tasks.tracking import Composition, Parity, multiplication_table, permutations

TASKS = [Parity(9), Composition(7, 3), Composition(12, 5), Composition(12, 5, "swaps")]


def draw(task, size, seed=0):
    """Draw examples as NumPy arrays."""
    return jax.tree.map(np.asarray, jax.jit(batches(task, size))(jax.random.key(seed)))


def places_after(moves, symbols):
    """Move things about; after each move, say where each thing stands."""
    standing = list(range(symbols))  # standing[place] is the thing there
    for move in moves:
        moved = [None] * symbols
        for place, thing in enumerate(standing):
            moved[move[place]] = thing
        standing = moved
        yield tuple(standing.index(thing) for thing in range(symbols))


def test_the_examples_in_the_docstrings():
    found = doctest.testmod(tracking)
    assert found.attempted >= 4
    assert found.failed == 0


@pytest.mark.parametrize("symbols", [2, 3, 4])
def test_the_table_is_the_product_of_permutation_matrices(symbols):
    matrices = [np.eye(symbols)[:, list(p)] for p in permutations(symbols)]  # M e_i = e_p[i]
    table = multiplication_table(symbols)
    for first, second in itertools.product(range(len(matrices)), repeat=2):
        product = matrices[second] @ matrices[first]
        np.testing.assert_array_equal(matrices[table[first, second]], product)


@pytest.mark.parametrize("symbols", [2, 3, 5])
def test_the_table_is_that_of_a_group(symbols):
    table, every = multiplication_table(symbols), np.arange(math.factorial(symbols))
    np.testing.assert_array_equal(table[0], every)
    np.testing.assert_array_equal(table[:, 0], every)
    for lines in (table, table.T):  # each element once: all can be undone
        np.testing.assert_array_equal(np.sort(lines, axis=1), np.tile(every, (len(every), 1)))
    a, b, c = every[:, None, None], every[None, :, None], every[None, None, :]
    np.testing.assert_array_equal(table[table[a, b], c], table[a, table[b, c]])
    assert (table == table.T).all() == (symbols == 2)


def test_the_table_cannot_be_overwritten():
    with pytest.raises(ValueError, match="read-only"):
        multiplication_table(3)[0, 0] = 1


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=repr)
def test_the_targets_say_where_each_thing_stands(task):
    elements = sorted(itertools.permutations(range(task.symbols)))
    inputs, targets, mask = draw(task, 50)
    for moves, numbers in zip(inputs, targets, strict=True):
        expected = places_after([elements[move] for move in moves], task.symbols)
        assert [elements[number] for number in numbers] == list(expected)
    assert mask.all() and mask.shape == inputs.shape == targets.shape == (50, task.length)
    assert inputs.dtype == targets.dtype == np.int32 and mask.dtype == bool


@pytest.mark.parametrize("symbols", [2, 3, 5, 6])
def test_swaps_are_those_of_neighbours_or_none(symbols):
    expected = {tuple(range(symbols))}
    for i in range(symbols - 1):
        expected.add((*range(i), i + 1, i, *range(i + 2, symbols)))
    tokens = Composition(1, symbols, "swaps").tokens
    assert len(tokens) == symbols == len(expected)
    assert {permutations(symbols)[token] for token in tokens} == expected


def test_parity_is_that_of_the_ones():
    inputs, targets, _ = draw(Parity(20), 50)
    np.testing.assert_array_equal(targets, np.cumsum(inputs, axis=1) % 2)
    assert Parity(20).vocabulary_size == 2
    np.testing.assert_array_equal(Parity(20).tokens, Composition(20, 2, "swaps").tokens)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=repr)
def test_the_moves_are_uniform(task):
    inputs = draw(task, 4000).inputs
    counts, share = (
        np.bincount(inputs.ravel(), minlength=task.vocabulary_size),
        1 / len(task.tokens),
    )
    expected = inputs.size * share * np.isin(np.arange(task.vocabulary_size), task.tokens)
    assert np.abs(counts - expected).max() < 5 * np.sqrt(inputs.size * share * (1 - share))
    pairs = Counter(zip(inputs[:, 0], inputs[:, 1], strict=True))
    assert max(pairs.values()) < 4000 * share**2 + 6 * np.sqrt(4000 * share**2) + 6


@pytest.mark.parametrize("symbols", [3, 5])
def test_with_few_moves_every_element_is_reached_and_t_does_not_give_it_away(symbols):
    task = Composition(200, symbols, "swaps")
    reversal = symbols * (symbols - 1) // 2  # as many swaps as it takes to reverse all
    odds = task.odds()
    assert not odds[reversal - 1].all() and (odds[reversal:] > 0).all()
    assert task.elements == task.vocabulary_size == odds.shape[1] == math.factorial(symbols)
    np.testing.assert_allclose(odds[-1], 1 / task.elements, atol=1e-3)


@pytest.mark.parametrize("seen", [0, 1, 2, 9])
@pytest.mark.parametrize("task", [Parity(6), Composition(4, 3, "swaps"), Composition(3, 3)])
def test_the_floors_are_those_of_a_table_of_all_sequences(task, seen):
    """The best guess for each t and each sight of the last moves, over all that may be drawn."""
    elements = permutations(task.symbols)
    answers = defaultdict(Counter)
    for moves in itertools.product(task.tokens.tolist(), repeat=task.length):
        after = places_after([elements[move] for move in moves], task.symbols)
        for t, places in enumerate(after, start=1):
            answers[t, moves[max(t - seen, 0) : t]][places] += 1
    nats, right, total = 0.0, 0, 0
    for counts in answers.values():
        nats -= sum(n * math.log(n / counts.total()) for n in counts.values())
        right, total = right + max(counts.values()), total + counts.total()
    assert task.floor(seen) == pytest.approx(nats / total, abs=1e-12)
    assert task.chance(seen) == pytest.approx(right / total, abs=1e-12)


@pytest.mark.slow
def test_the_floors_are_those_of_what_is_drawn():
    task, size = Composition(12, 3, "swaps"), 20_000
    targets = draw(task, size).targets
    shares = np.stack([np.bincount(answers, minlength=6) for answers in targets.T]) / size
    entropies = -(shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=1)
    assert entropies.mean() == pytest.approx(task.floor(), abs=2e-3)
    assert shares.max(axis=1).mean() == pytest.approx(task.chance(), abs=5e-3)


def test_among_all_moves_nothing_is_known_of_the_product():
    for task in (Parity(9), Composition(7, 3), Composition(12, 5)):
        assert task.floor() == pytest.approx(math.log(task.elements))
        assert task.chance() == pytest.approx(1 / task.elements)
        first_is_known = (task.length - 1) / task.length
        assert task.floor(seen=1) == pytest.approx(first_is_known * math.log(task.elements))
        assert task.floor(seen=task.length) == 0 and task.chance(seen=task.length) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Composition(0), "length must be a whole number >= 1, got 0"),
        (lambda: Composition(2.0), "length must be a whole number >= 1, got 2.0"),
        (lambda: Composition(2, 1), "symbols must be a whole number from 2 to 6, got 1"),
        (lambda: Composition(2, 7), "symbols must be a whole number from 2 to 6, got 7"),
        (lambda: Composition(2, 3.0), "symbols must be a whole number from 2 to 6, got 3.0"),
        (lambda: multiplication_table(9), "symbols must be a whole number from 2 to 6, got 9"),
        (lambda: Composition(2, 3, "cycles"), r"one of \('all', 'swaps'\), got 'cycles'"),
        (lambda: Parity(0), "length must be a whole number >= 1, got 0"),
        (lambda: Parity(3).floor(-1), "seen must be a whole number of moves >= 0, got -1"),
        (lambda: Parity(3).chance(0.5), "seen must be a whole number of moves >= 0, got 0.5"),
    ],
)
def test_what_makes_no_task_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
