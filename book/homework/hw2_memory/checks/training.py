"""Question 4's experiment once more: the truth that a student's runs are held against."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from rnnlib.models import cells
from rnnlib.models.language_model import LanguageModel
from rnnlib.tasks.memory import Recall
from rnnlib.tasks.task import batches
from rnnlib.training.losses import masked_accuracy, masked_loss

HIDDEN, DELAYS, STEPS, KINDS = 32, (40, 60, 80, 100, 120), 300, ("whole", "half")
SMALL_DELAY, SMALL_STEPS = 6, 24  # half learned by then: the scores of two sets differ
QUICK = {"xla_backend_optimization_level": 0}  # compiling takes longer than these runs
NAMES = ("losses", "validation", "test")
OUTCOMES = {"first": "whole", "second": "half", "undecided": "undecided"}


def fresh(delay: int, half: jax.Array | int, key: jax.Array) -> LanguageModel:
    """Make an untrained model; where `half` is 1 the input gate's biases are taken out again."""
    vocabulary = Recall(delay).vocabulary_size
    cell = lambda i, h, *, rngs: cells.LSTM(i, h, chrono=delay, rngs=rngs)  # noqa: E731
    model = LanguageModel(vocabulary, HIDDEN, cell=cell, rngs=nnx.Rngs(key))
    b = model.layers.b[...]  # [1, 4 H]: i, f, g, o
    model.layers.b[...] = b * (1 - half * (jnp.arange(b.shape[-1]) < HIDDEN))
    return model


@cache
def loss_at_first(delay: int):
    """Compile: half, key -> the loss of the untrained model on the key's first batch."""
    sample = batches(Recall(delay), 32)

    def first(half: int, key: jax.Array) -> jax.Array:
        init_key, data_key = jax.random.split(key)
        batch = sample(jax.random.fold_in(data_key, 0))
        return masked_loss(fresh(delay, half, init_key), batch)

    return jax.jit(first, compiler_options=QUICK)


@cache
def trainer(delay: int, steps: int):
    """Compile: half, key, rate -> (losses [steps], validation, test) of one run."""
    task, warmup = Recall(delay), steps // 20
    sample, exam = batches(task, 32), batches(task, 256)
    moments = optax.scale_by_adam()

    def run(half: int, key: jax.Array, rate: float):
        init_key, data_key = jax.random.split(key)
        model: Any = fresh(delay, half, init_key)

        def update(carry, step):
            model, state = carry
            batch = sample(jax.random.fold_in(data_key, step))
            value, slope = jax.value_and_grad(masked_loss)(model, batch)
            length = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(slope)))
            shrink = jnp.minimum(1.0, 1.0 / length)
            ahead, state = moments.update(jax.tree.map(lambda g: g * shrink, slope), state)
            falling = 0.5 * (1 + jnp.cos(jnp.pi * (step - warmup) / (steps - warmup)))
            size: Any = rate * jnp.asarray(jnp.where(step < warmup, step / warmup, falling))
            return (jax.tree.map(lambda w, d: w - size * d, model, ahead), state), value

        carry, losses = jax.lax.scan(update, (model, moments.init(model)), jnp.arange(steps))
        at_end = masked_loss(carry[0], exam(jax.random.key(98)))
        return losses, at_end, masked_accuracy(carry[0], exam(jax.random.key(99)))

    return jax.jit(run, compiler_options=QUICK)


@cache
def run_alone(kind: str, delay: int, seeds: tuple, rate: float, steps: int) -> list[np.ndarray]:
    """Train one seed after another: -> losses [S, steps], validation [S], test [S]."""
    half, train = KINDS.index(kind), trainer(delay, steps)
    found = [train(half, jax.random.key(seed), rate) for seed in seeds]
    return [np.asarray(part) for part in zip(*found, strict=True)]
