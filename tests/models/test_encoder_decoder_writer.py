"""A writer: an encoder-decoder that generate and beam search write with, against brute force."""

from functools import cache
from itertools import product
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.decoding.beam import beam_search
from rnnlib.decoding.generate import generate
from rnnlib.decoding.strategies import greedy
from rnnlib.models.encoder_decoder import Attention, EncoderDecoder, Writer

V, H = 7, 6
each_kind = pytest.mark.parametrize("kind", get_args(Attention))

SOURCE, LENGTH = jnp.array([3, 1, 4, 1, 5, 2, 6]), 5
BEFORE = jnp.array([6, 2, 0, 5, 3, 3])
T = len(BEFORE)
KEYS = jax.random.split(jax.random.key(0), 2)


@cache
def make(kind, size=V):
    """A model in which no weight keeps its start value, and which writes more than one token."""

    def init(key):
        made = EncoderDecoder(size, H, attention=kind, rngs=nnx.Rngs(key))
        return jax.tree.map(lambda w: 2 * w + 0.5 * jax.random.normal(key, w.shape, w.dtype), made)

    return jax.jit(init)(jax.random.key(1))


@jax.jit
def logits_of(model, source, length, before):
    return model((source, length, before))


@jax.jit
def encode(model, source, length):
    return model.encode(source, length)


def writer(kind, size=V, length=LENGTH):
    model = make(kind, size)
    return Writer(model, encode(model, SOURCE % size, length))


@each_kind
@pytest.mark.parametrize("length", [1, LENGTH])
def test_the_greedy_text_is_that_of_reading_everything_anew(kind, length):
    text = [6]
    for _ in range(T):  # what follows changes nothing before it
        before = jnp.array(text + [0] * (T - len(text)))
        logits = logits_of(make(kind), SOURCE, length, before)
        text.append(int(logits[len(text) - 1].argmax()))
    for row in generate(writer(kind, length=length), [6], T, KEYS, greedy()):
        assert row.tolist() == text[1:]
    if length == LENGTH:
        assert len(set(text[1:])) > 1  # or it would be no test


@pytest.mark.slow
@each_kind
def test_beam_search_finds_the_likeliest_of_all_texts(kind):
    begin, texts = 3, np.array(list(product(range(4), repeat=3)))
    before = np.insert(texts[:, :-1], 0, begin, axis=1)
    each = jax.vmap(logits_of, (None, None, None, 0))
    nats = np.asarray(jax.nn.log_softmax(each(make(kind, 4), SOURCE % 4, LENGTH, before)))
    scores = np.take_along_axis(nats, texts[:, :, None], axis=2).sum(axis=(1, 2))
    best = np.argsort(-scores)
    found, found_scores = beam_search(writer(kind, 4), [begin], 3, width=4**3)
    np.testing.assert_allclose(found_scores, scores[best], atol=1e-4)
    np.testing.assert_array_equal(found[:3], texts[best[:3]])


@each_kind
def test_a_writer_reads_at_once_as_step_by_step(kind):
    made, expected = writer(kind), logits_of(make(kind), SOURCE, LENGTH, BEFORE)
    assert made.vocabulary_size == V
    state, logits = made.prefill(BEFORE[:3])
    np.testing.assert_allclose(logits, expected[2], atol=1e-5)
    for t in range(3, T):
        state, logits = made.step(state, BEFORE[t])
        np.testing.assert_allclose(logits, expected[t], atol=1e-5)
