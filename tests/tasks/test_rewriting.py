"""Rewriting: plain Python rewrites every source, and lists them all for the floor."""

import doctest
import math
from collections import Counter, defaultdict
from functools import cache
from itertools import product
from typing import get_args

import jax
import numpy as np
import pytest

from rnnlib.tasks import rewriting
from rnnlib.tasks.rewriting import Rewriting, Rule
from rnnlib.tasks.task import batches

RULES = get_args(Rule)
MARKED = "after the marker"
each_rule = pytest.mark.parametrize("rule", RULES)

TASKS = [
    *(Rewriting(rule, 2, 5, symbols=6) for rule in RULES),
    *(Rewriting(rule, 3, 4, symbols=4, room=7) for rule in RULES),
    Rewriting("reverse", 1, 2, symbols=2),
    Rewriting("sort", 1, 1, symbols=1),
    Rewriting(MARKED, 2, 2, symbols=2, room=2),
]
each_task = pytest.mark.parametrize("task", TASKS, ids=repr)


@cache
def draw(task):
    """Draw 5,000 examples as NumPy arrays: always so many, or each number would compile anew."""
    return jax.tree.map(np.asarray, batches(task, 5000)(jax.random.key(0)))


def sources(task):
    """The sources that were drawn, without what fills them up."""
    source, length, _ = draw(task).inputs
    return [tuple(tokens[:n]) for tokens, n in zip(source.tolist(), length, strict=True)]


def rewritten(rule, source, marker):
    if rule == "reverse":
        return source[::-1]
    if rule == "sort":
        return tuple(sorted(source))
    return source[source.index(marker) + 1 :]


def test_the_examples_in_the_docstrings():
    results = doctest.testmod(rewriting)
    assert results.attempted
    assert not results.failed


@each_task
def test_a_source_has_symbols_maybe_a_marker_and_is_filled_up_with_ends(task):
    room, marker, end = task.room or task.longest, task.symbols, task.symbols + 1
    assert task.vocabulary_size == end + 1
    source, length, _ = draw(task).inputs
    assert source.shape == (5000, room) and length.shape == (5000,)
    for tokens, n in zip(source[:500].tolist(), length.tolist(), strict=False):
        assert tokens[n:] == [end] * (room - n)
        assert max(tokens[:n]) < end
        assert tokens.count(marker) == (task.rule == MARKED)


@each_task
def test_the_output_is_the_source_rewritten_and_an_end(task):
    room, end = task.room or task.longest, task.symbols + 1
    (_, _, before), targets, mask = draw(task)
    for n, source in enumerate(sources(task)[:1000]):
        output = [*rewritten(task.rule, source, task.symbols), end]
        rest = room + 1 - len(output)
        assert targets[n].tolist() == output + [0] * rest
        assert mask[n].tolist() == [True] * len(output) + [False] * rest
        assert before[n].tolist() == ([end, *output] + [end] * rest)[: room + 1]


def assert_even(outcomes, cases):
    """All cases come up, each within five standard deviations of its expectation."""
    counts, draws = Counter(outcomes), len(outcomes)
    assert set(counts) == set(cases)
    spread = math.sqrt(draws / len(cases) * (1 - 1 / len(cases)))
    assert max(abs(count - draws / len(cases)) for count in counts.values()) <= 5 * spread


@each_rule
def test_lengths_and_symbols_are_uniform(rule):
    drawn = sources(Rewriting(rule, 2, 5, symbols=6))
    assert_even([len(source) for source in drawn], range(2, 6))
    said = [[token for token in source if token < 6] for source in drawn]
    for symbols in zip(*((row[0], row[-1]) for row in said), strict=True):
        assert_even(symbols, range(6))


def test_the_marker_stands_everywhere_but_at_the_end_and_as_often():
    places = defaultdict(list)
    for source in sources(Rewriting(MARKED, 2, 5, symbols=6)):
        places[len(source)].append(source.index(6))
    for length in range(2, 6):
        assert_even(places[length], range(length - 1))


def law(rule, shortest, longest, symbols):
    """List all sources with their probabilities, and return those of their outputs."""
    p, lengths = defaultdict(float), range(shortest, longest + 1)
    for length in lengths:
        places = range(length - 1) if rule == MARKED else [None]
        for place, source in product(places, product(range(symbols), repeat=length)):
            if place is not None:
                source = (*source[:place], symbols, *source[place + 1 :])
            share = len(lengths) * len(places) * symbols**length
            p[rewritten(rule, source, symbols)] += 1 / share
    return p


@each_rule
@pytest.mark.parametrize("sizes", [(2, 3, 3), (2, 4, 4), (3, 3, 4)])
def test_the_floor_is_the_likeliest_of_all_outputs(rule, sizes):
    assert Rewriting(rule, *sizes).floor() == pytest.approx(max(law(rule, *sizes).values()))


@each_rule
def test_who_always_says_the_same_reaches_the_floor(rule):
    sizes = 2, 3, 3
    law_of = law(rule, *sizes)
    said = Counter(rewritten(rule, source, 3) for source in sources(Rewriting(rule, *sizes)))
    assert set(said) == set(law_of)
    for output, p in law_of.items():
        assert abs(said[output] / 5000 - p) < 5 * math.sqrt(p * (1 - p) / 5000)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rule": "copy"}, "rule must be one of .*'reverse'.*, got 'copy'"),
        ({"shortest": 0}, "shortest must be a whole number >= 1, got 0"),
        ({"rule": "sort", "shortest": 0}, "shortest must be a whole number >= 1, got 0"),
        ({"rule": MARKED, "shortest": 1}, "shortest must be a whole number >= 2, got 1"),
        ({"shortest": 2.0}, "shortest must be a whole number >= 1, got 2.0"),
        ({"shortest": 5, "longest": 4}, "longest must be a whole number >= 5, got 4"),
        ({"symbols": 1}, "symbols must be a whole number >= 2, got 1"),
        ({"rule": "sort", "symbols": 9}, "symbols must be a whole number >= 10, got 9"),
        ({"room": 9}, "room must be a whole number >= 10, got 9"),
        ({"room": 0}, "room must be a whole number >= 10, got 0"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Rewriting(**{"rule": "reverse"} | settings)
