"""What every task promises: one protocol, pure examples of one shape, and no key used twice."""

import math
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.tasks.binding import AssociativeRecall
from rnnlib.tasks.grammars import Agreement, Selectional
from rnnlib.tasks.lookup import Lookup
from rnnlib.tasks.memory import Adding, Copying, Recall, SelectiveCopying
from rnnlib.tasks.rewriting import Rewriting
from rnnlib.tasks.stories import Stories
from rnnlib.tasks.task import Task, batches
from rnnlib.tasks.tracking import Composition, Parity
from rnnlib.tasks.working import Working

TASKS: list[Task] = [
    Recall(3, 5, 2),
    Adding(7),
    Copying(3, 4, 5),
    SelectiveCopying(3, 4, 5),
    Parity(9),
    Composition(7, 3),
    Composition(12, 5, "swaps"),
    Agreement("right", (0, 3)),
    Agreement("centre", 2, opposite=True),
    Selectional((1, 3), nouns=5),
    AssociativeRecall(3, 5, 4),
    AssociativeRecall(3, 5, 4, shown=True, length=14),
    AssociativeRecall(3, 5, 4, order="query first"),
    Lookup(),
    Lookup(3, asked_after=2),
    Lookup(8, asked_after=8),
    Rewriting("reverse"),
    Rewriting("after the marker", room=12),
    Rewriting("sort", 1, 4, symbols=5),
    Stories(),
    Stories(6, facts=2),
    Working(9),
    Working(9, errors=0.3),
]
every_task = pytest.mark.parametrize("task", TASKS, ids=repr)


def same(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_array_equal(np.asarray(x), np.asarray(y)), a, b)


@every_task
def test_a_task_is_a_frozen_dataclass(task):
    assert is_dataclass(task) and replace(task) == task
    assert hash(replace(task)) == hash(task)
    with pytest.raises(FrozenInstanceError):
        setattr(task, fields(task)[0].name, 1)


def test_no_two_tasks_are_equal():
    assert len(set(TASKS)) == len(TASKS)


@pytest.mark.slow
@every_task
def test_an_example_is_a_pure_function_of_its_key(task):
    keys = jax.random.split(jax.random.key(0), 3)
    alone = [task(key) for key in keys]
    same(jax.jit(task)(keys[1]), alone[1])
    same(jax.vmap(task)(keys), jax.tree.map(lambda *parts: jnp.stack(parts), *alone))
    same(jax.jit(batches(task, 3))(jax.random.key(0)), jax.vmap(task)(keys))
    first = [jax.tree.leaves(example.inputs)[0] for example in alone]
    assert any(not np.array_equal(first[0], other) for other in first[1:])
    assert not any(part.weak_type for part in jax.tree.leaves(alone[0]))  # a scan would refuse it


@pytest.mark.slow
@every_task
def test_an_example_says_what_to_say_and_where_it_counts(task):
    drawn = jax.tree.map(np.asarray, batches(task, 50)(jax.random.key(1)))
    assert drawn._fields[:3] == ("inputs", "targets", "mask")
    read = [part for part in jax.tree.leaves(drawn.inputs) if part.ndim > 1]  # a length is no token
    assert drawn.targets.shape == drawn.mask.shape == read[-1].shape[:2]
    assert drawn.mask.dtype == bool and drawn.mask.any(axis=1).all()
    assert not drawn.targets[~drawn.mask].any()
    if task.vocabulary_size:
        for tokens in (*read, drawn.targets):
            assert np.issubdtype(tokens.dtype, np.integer)
            assert 0 <= tokens.min() <= tokens.max() < task.vocabulary_size
    else:
        assert read[0].dtype == drawn.targets.dtype == np.float32


@every_task
def test_the_floor_is_a_number(task):
    assert isinstance(task.floor(), float)
    assert math.isfinite(task.floor()) and task.floor() > 0
    assert isinstance(task.vocabulary_size, int)


@every_task
def test_no_key_is_used_twice(task, monkeypatch):
    """Split a key or fold numbers into it, never both: `fold_in(key, 1)` is `split(key)[1]`."""
    used = []

    def noted(function):
        def call(key, *args, **kwargs):
            used.append(tuple(jax.random.key_data(key).tolist()))
            return function(key, *args, **kwargs)

        return call

    draws = "bernoulli bits categorical choice normal permutation randint uniform".split()
    for name in ("split", "fold_in", *draws):
        monkeypatch.setattr(jax.random, name, noted(getattr(jax.random, name)))
    task(jax.random.key(0))
    assert used and len(used) == len(set(used))
