"""Exact match against a loop, and against what an encoder-decoder writes on its own."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.decoding.generate import generate
from rnnlib.decoding.strategies import greedy
from rnnlib.models.encoder_decoder import EncoderDecoder, Writer
from rnnlib.tasks.rewriting import Rewriting
from rnnlib.tasks.task import batches
from rnnlib.training.fit import fit
from rnnlib.training.losses import exact_match, masked_loss


class Batch(NamedTuple):
    inputs: jax.Array
    targets: jax.Array
    mask: jax.Array


def said(tokens):
    """A model that finds likeliest what it reads."""
    return jax.nn.one_hot(tokens, 3)


def test_it_is_a_loop_over_sequences():
    of_three = lambda key, shape: jax.random.randint(key, shape, 0, 3)  # noqa: E731
    inputs, targets = of_three(jax.random.key(0), (2, 200, 4))
    mask = jax.random.bernoulli(jax.random.key(1), 0.5, (200, 4))
    right = [all(inputs[n, t] == targets[n, t] for t in range(4) if mask[n, t]) for n in range(200)]
    assert 0.1 < np.mean(right) < 0.9
    assert exact_match(said, Batch(inputs, targets, mask)) == pytest.approx(np.mean(right))


def test_a_sequence_is_right_if_it_is_right_wherever_it_counts():
    inputs = jnp.array([[1, 2, 0]] * 4)
    targets = jnp.array([[1, 2, 0], [1, 2, 1], [2, 2, 0], [0, 0, 1]])
    mask = jnp.array([[1, 1, 1], [1, 1, 0], [1, 1, 1], [0, 0, 0]], bool)
    rows = [Batch(inputs[n : n + 1], targets[n : n + 1], mask[n : n + 1]) for n in range(4)]
    assert [float(exact_match(said, row)) for row in rows] == [1, 1, 0, 1]
    assert exact_match(said, Batch(inputs, targets, mask)) == 0.75


@jax.jit
def encode(model, source, length):
    return model.encode(source, length)


@pytest.mark.slow
def test_of_an_encoder_decoder_it_is_that_of_greedy_decoding():
    """Of a network that was trained a little: it is right about some sources, not about all."""
    task = Rewriting("reverse", 1, 2, symbols=2)
    end, sample = task.vocabulary_size - 1, batches(task, 32)
    init = lambda key: EncoderDecoder(4, 4, rngs=nnx.Rngs(key))  # noqa: E731
    model = fit(init, masked_loss, sample, jax.random.key(0), steps=60, learning_rate=3e-2).model

    batch = batches(task, 100)(jax.random.key(1))
    sources = [
        tuple(source[:length].tolist()) for source, length in zip(*batch.inputs[:2], strict=True)
    ]
    keys, right = jax.random.split(jax.random.key(2), 1), {}
    for source in set(sources):
        filled = jnp.array([*source, end][:2])
        writer = Writer(model, encode(model, filled, len(source)))
        text = generate(writer, [end], len(source) + 1, keys, greedy())[0]
        right[source] = text.tolist() == [*source[::-1], end]
    assert len(right) == 6 and len(set(right.values())) == 2
    greedily = np.mean([right[source] for source in sources])
    assert exact_match(model, batch) == pytest.approx(greedily)
