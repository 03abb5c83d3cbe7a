"""Losses against values worked out by hand."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.models.language_model import LanguageModel
from rnnlib.models.transformer import CachedTransformer, Transformer
from rnnlib.training.losses import (
    bits,
    evaluate,
    masked_accuracy,
    masked_loss,
    next_token_loss,
    perplexity,
)


def test_bits_and_perplexity_of_a_fair_coin_and_of_a_die():
    assert bits(np.log(2)) == pytest.approx(1)
    assert bits(np.log(64)) == pytest.approx(6)
    assert perplexity(np.log(6)) == pytest.approx(6)
    assert perplexity(0) == 1


def test_bits_and_perplexity_take_arrays_and_lists():
    np.testing.assert_allclose(bits(np.log([[2, 4], [8, 16]])), [[1, 2], [3, 4]])
    np.testing.assert_allclose(perplexity([0.0, np.log(10)]), [1, 10])
    assert f"{bits(np.float32(1.0)):.3f}" == "1.443"


def test_bits_and_perplexity_work_inside_traced_code():
    nats = jnp.log(jnp.array([2.0, 8.0]))
    for way in (jax.jit, jax.vmap, lambda f: lambda x: jax.lax.map(f, x)):
        np.testing.assert_allclose(way(bits)(nats), [1, 3], rtol=1e-6)
        np.testing.assert_allclose(way(perplexity)(nats), [2, 8], rtol=1e-6)
    both = jax.jit(lambda x: bits([x, 2 * x]))(nats[0])
    np.testing.assert_allclose(both, [1, 2], rtol=1e-6)
    for measure in (bits, perplexity):
        assert measure(nats).dtype == np.float64
        assert isinstance(measure(nats), np.ndarray)


V, H = 9, 8
TOKENS = jnp.array([3, 1, 4, 1, 5, 2, 6, 5])


class Examples(NamedTuple):
    inputs: jax.Array
    targets: jax.Array
    mask: jax.Array


def model(**settings):
    return LanguageModel(V, H, rngs=nnx.Rngs(0), **settings)


def test_loss_is_the_mean_negative_log_probability():
    lm = model()
    batch = jnp.stack([TOKENS, TOKENS[::-1]])
    by_hand = []
    for row in np.asarray(batch):
        logits = np.asarray(lm(jnp.asarray(row[:-1])), np.float64)
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        by_hand += [-np.log(p[t, row[t + 1]]) for t in range(len(row) - 1)]
    np.testing.assert_allclose(next_token_loss(lm, batch), np.mean(by_hand), rtol=1e-5)


def from_table(tokens):
    """A model that knows the probabilities of the next token from the last one."""
    return jnp.log(jnp.array([[0.5, 0.25, 0.25], [0.2, 0.7, 0.1], [0.1, 0.3, 0.6]]))[tokens]


EXAMPLES = Examples(
    inputs=jnp.array([[0, 1, 2], [2, 0, 1]]),
    targets=jnp.array([[0, 1, 0], [2, 1, 1]]),
    mask=jnp.array([[True, False, True], [True, True, False]]),
)


def test_only_the_positions_that_count_enter_loss_and_accuracy():
    """The four targets that count have the probabilities 0.5, 0.1, 0.6 and 0.25."""
    loss = -np.log([0.5, 0.1, 0.6, 0.25]).mean()
    np.testing.assert_allclose(masked_loss(from_table, EXAMPLES), loss, rtol=1e-6)
    assert masked_accuracy(from_table, EXAMPLES) == 0.5  # the first and the third


def test_padding_changes_neither_loss_nor_accuracy():
    padded = jax.tree.map(lambda a: jnp.pad(a, ((0, 1), (0, 4))), EXAMPLES)
    assert not padded.mask[:, 3:].any() and not padded.mask[2].any()
    for measure in (masked_loss, masked_accuracy):
        by_itself = measure(from_table, EXAMPLES)
        np.testing.assert_allclose(measure(from_table, padded), by_itself, rtol=1e-6)


@pytest.mark.slow
def test_masked_measures_are_float32_whatever_the_default(enable_x64):
    with enable_x64(True):
        for measure in (masked_loss, masked_accuracy):
            assert measure(model(), EXAMPLES).dtype == jnp.float32


@pytest.mark.slow
def test_evaluate_reads_every_row_from_its_own_start():
    lm = model()
    tokens = np.asarray(jax.random.randint(jax.random.key(0), (31,), 0, V))
    rows = jnp.stack([tokens[0:11], tokens[10:21], tokens[20:31]])
    np.testing.assert_allclose(evaluate(lm, tokens, rows=3), next_token_loss(lm, rows), rtol=1e-6)


@pytest.mark.parametrize("bad", [-1, V])
def test_evaluate_refuses_a_token_that_has_no_embedding(bad):
    tokens = np.array([*TOKENS, bad])
    for kind in (np.asarray, jnp.asarray):
        with pytest.raises(ValueError, match=rf"tokens must be in \[0, {V}\), got .*vocabulary"):
            evaluate(model(), kind(tokens), rows=2)
    with pytest.raises(ValueError, match=rf"tokens must be in \[0, {V}\)"):
        evaluate(CachedTransformer(Transformer(V, H, rngs=nnx.Rngs(0)), 9), tokens, rows=2)
    run = jax.jit(lambda lm, tokens: evaluate(lm, tokens, rows=2))  # nobody can look into these
    assert run(model(), jnp.asarray(TOKENS)) > 0
