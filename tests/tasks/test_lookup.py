"""Lookup: plain Python takes every text apart, and one who knows but the values guesses."""

import doctest
import math
from collections import Counter
from functools import cache
from itertools import combinations

import jax
import numpy as np
import pytest

from rnnlib.tasks import lookup
from rnnlib.tasks.lookup import Lookup
from rnnlib.tasks.task import batches

K, V, S = 6, 5, 4  # keys 0 to 5, values 6 to 10
BLANK, ASK, GO = 11, 12, 13

FIRST, BETWEEN, LAST = 0, 2, S
SETTINGS = [(None, FIRST), (None, LAST), (1, BETWEEN), (2, BETWEEN), (3, LAST), (S, FIRST)]
each_setting = pytest.mark.parametrize(("items", "asked_after"), SETTINGS)


def make(items=None, asked_after=FIRST):
    return Lookup(items, asked_after, keys=K, values=V, slots=S)


@cache
def draw(task):
    """Draw 5,000 examples as NumPy arrays: always so many, or each number would compile anew."""
    return jax.tree.map(np.asarray, batches(task, 5000)(jax.random.key(0)))


def split(inputs, asked_after):
    """Take a text apart: its slots, the steps of its question and of its sign to go."""
    steps = [tuple(step) for step in inputs]
    if asked_after == LAST:
        go, *slots, question = steps
    else:
        *slots, go = steps
        question = slots.pop(asked_after)
    return slots, question, go


def filled(slots):
    return [item for item in slots if item != (BLANK, BLANK)]


def test_the_examples_in_the_docstrings():
    results = doctest.testmod(lookup)
    assert results.attempted
    assert not results.failed


@each_setting
def test_the_answer_is_the_value_of_the_key_that_is_asked_for(items, asked_after):
    task, counts = make(items, asked_after), set()
    assert task.vocabulary_size == 14
    for inputs, targets, mask in zip(*(part[:500].tolist() for part in draw(task)), strict=True):
        assert len(inputs) == S + 2
        slots, (asked, sign), go = split(inputs, asked_after)
        assert sign == ASK and go == (GO, GO)
        keys, values = zip(*filled(slots), strict=True)
        assert len(set(keys)) == len(keys) and set(keys) <= set(range(K))
        assert len(set(values)) == len(values) and set(values) <= set(range(K, K + V))
        assert targets == [0] * (S + 1) + [dict(filled(slots))[asked]]
        assert mask == [False] * (S + 1) + [True]
        counts.add(len(keys))
    assert counts == ({1, 2, 3, 4} if items is None else {items})


def assert_even(outcomes, cases):
    """All cases come up, each within five standard deviations of its expectation."""
    counts, draws = Counter(outcomes), len(outcomes)
    assert len(counts) == cases
    spread = math.sqrt(draws / cases * (1 - 1 / cases))
    assert max(abs(count - draws / cases) for count in counts.values()) < 5 * spread


def test_what_is_drawn_is_uniform():
    """Keys, values, filled slots and the item that is asked for, whatever the others are."""
    texts = [split(inputs, BETWEEN) for inputs in draw(make(2, BETWEEN)).inputs.tolist()]
    keys, values = ([[i[n] for i in filled(slots)] for slots, _, _ in texts] for n in (0, 1))
    places = [[n for n in range(S) if slots[n][0] != BLANK] for slots, _, _ in texts]
    asked = [[order.index(key)] for order, (_, (key, _), _) in zip(keys, texts, strict=True)]
    drawn = [(keys, K * (K - 1)), (values, V * (V - 1)), (places, math.comb(S, 2)), (asked, 2)]
    for rows, cases in drawn:
        assert_even([tuple(row) for row in rows], cases)
    firsts = [(keys, K), (values, V), (asked, 2)]
    for (a, of_a), (b, of_b) in combinations(firsts, 2):
        assert_even([(i[0], j[0]) for i, j in zip(a, b, strict=True)], of_a * of_b)


def test_every_number_of_items_is_as_likely():
    texts = [split(inputs, LAST)[0] for inputs in draw(make(None, LAST)).inputs.tolist()]
    assert_even([len(filled(slots)) for slots in texts], S)


@each_setting
def test_who_guesses_among_the_values_that_were_shown_reaches_the_floor(items, asked_after):
    task, rng = make(items, asked_after), np.random.default_rng(0)
    drawn = draw(task)
    right = [
        rng.choice([value for _, value in filled(split(inputs, asked_after)[0])]) == answer
        for inputs, answer in zip(drawn.inputs.tolist(), drawn.targets[:, -1], strict=True)
    ]
    spread = math.sqrt(task.floor() * (1 - task.floor()) / len(right))
    assert abs(np.mean(right) - task.floor()) <= 4 * spread


def test_the_floor_by_hand():
    assert make(1).floor() == 1 and make(4).floor() == 0.25
    assert make(None).floor() == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def same_form(a, b):
    """Compare all of two examples, their types included: a loop must take both."""
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)
        assert (x.dtype, x.weak_type) == (y.dtype, y.weak_type)


@each_setting
def test_a_text_that_is_told_is_one_that_may_be_drawn(items, asked_after):
    task = make(items, asked_after)
    for key in jax.random.split(jax.random.key(1), 5):
        slots, (asked, _), _ = split((drawn := task(key)).inputs.tolist(), asked_after)
        told = [None if item == (BLANK, BLANK) else (item[0], item[1] - K) for item in slots]
        same_form(task.text(told, asked), drawn)


def test_slots_that_are_not_told_are_empty():
    told = make(None, 1).text([None, (5, 4)], 5)
    empty = [BLANK, BLANK]
    assert told.inputs.tolist() == [empty, [5, ASK], [5, K + 4], empty, empty, [GO, GO]]
    assert told.targets.tolist() == [0, 0, 0, 0, 0, K + 4]
    same_form(told, make(None, 1).text([None, (5, 4), None, None], 5))


@pytest.mark.parametrize(
    ("items", "asked", "message"),
    [
        ([(1, 2)], 2, r"must name an item, one of \[1\], got 2"),
        ([None], 0, r"must name an item, one of \[\], got 0"),
        ([], 0, r"must name an item, one of \[\], got 0"),
        ([(1, 2), None, (1, 3)], 1, r"up to 4 items of different keys below 6 .* got \[\(1, 2\)"),
        ([(K, 2)], K, "different keys below 6"),
        ([(-1, 2)], -1, "different keys below 6"),
        ([(1, V)], 1, "values below 5"),
        ([(1, -1)], 1, "values below 5"),
        ([(n, n) for n in range(5)], 1, "up to 4 items"),
        ([(1, 2), None, None, None, None], 1, "up to 4 items"),
    ],
)
def test_a_text_that_cannot_be_drawn_is_refused(items, asked, message):
    with pytest.raises(ValueError, match=message):
        make().text(items, asked)


@pytest.mark.parametrize("settings", [{"items": 3, "asked_after": 3}, {"keys": 3}, {"values": 3}])
def test_all_may_be_filled_and_all_keys_and_values_used(settings):
    assert Lookup(**{"slots": 3} | settings)(jax.random.key(0)).inputs.shape == (5, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"items": 0}, "items must be a whole number >= 1, got 0"),
        ({"items": 1.0}, "items must be a whole number >= 1, got 1.0"),
        ({"asked_after": -1}, "asked_after must be a whole number >= 0, got -1"),
        ({"keys": 0}, "keys must be a whole number >= 1, got 0"),
        ({"values": 0}, "values must be a whole number >= 1, got 0"),
        ({"slots": 0}, "slots must be a whole number >= 1, got 0"),
        ({"items": 9}, "at most as many items as slots, .* got items=9, asked_after=0, slots=8"),
        ({"asked_after": 9}, "a question after at most all of them, .* asked_after=9"),
        ({"keys": 7}, "as many keys and values as slots or more; .* keys=7 and values=8"),
        ({"values": 7}, "as many keys and values as slots or more; .* keys=8 and values=7"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Lookup(**settings)
