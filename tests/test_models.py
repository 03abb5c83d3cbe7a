"""The language model: three ways to run it agree, and each part does what it says."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.cells import GRU, LSTM, RNN, MinGRU
from rnnlib.models import (
    LanguageModel,
    count_parameters,
    evaluate,
    masked_accuracy,
    masked_loss,
    next_token_loss,
    weights,
    with_weights,
)

V, H = 9, 8
TOKENS = jnp.array([3, 1, 4, 1, 5, 2, 6, 5])


class Examples(NamedTuple):
    inputs: jax.Array
    targets: jax.Array
    mask: jax.Array


def model(**settings):
    return LanguageModel(V, H, rngs=nnx.Rngs(0), **settings)


@pytest.mark.parametrize("cell", [RNN, GRU, LSTM, MinGRU])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("tied", [False, True])
def test_whole_sequence_steps_and_prefill_agree(cell, layers, tied):
    lm = model(cell=cell, layers=layers, tied=tied)
    whole = lm(TOKENS)
    assert whole.shape == (len(TOKENS), V)
    state, stepped = lm.init_state(), []
    for token in TOKENS:
        state, logits = lm.step(state, token)
        stepped.append(logits)
    np.testing.assert_allclose(jnp.stack(stepped), whole, atol=1e-5)
    prefilled, logits = lm.prefill(TOKENS)
    np.testing.assert_allclose(logits, whole[-1], atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), prefilled, state)


@pytest.mark.parametrize("layers", [1, 2])
def test_changing_a_future_token_changes_no_past_logit(layers):
    lm = model(layers=layers)
    before, after = lm(TOKENS), lm(TOKENS.at[5].set(8))
    np.testing.assert_array_equal(before[:5], after[:5])
    assert np.abs(before[5:] - after[5:]).max() > 1e-4


def test_layers_start_different():
    w = model(layers=2).layers.w_h[...]
    assert np.abs(w[0] - w[1]).max() > 0.1


def test_tying_saves_the_readout():
    assert count_parameters(model()) - count_parameters(model(tied=True)) == H * V


def test_a_tied_bias_reaches_the_logits():
    lm = model(tied=True)
    before, bias = lm(TOKENS), jnp.arange(V) / 4
    lm.bias[...] = bias
    np.testing.assert_allclose(lm(TOKENS) - before, np.tile(bias, (len(TOKENS), 1)), atol=1e-5)


def test_embedded_tokens_have_variance_one():
    xs = LanguageModel(500, 64, rngs=nnx.Rngs(0))._embed(jnp.arange(500))
    assert abs(np.var(xs) - 1) < 0.03  # the standard error is sqrt(2 / 32000) = 0.008


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_weights_survive_a_round_trip(tied, kind):
    """As float16, as records keep them, they lose digits but come back as float32."""
    lm, other = model(layers=2, tied=tied), LanguageModel(V, H, layers=2, tied=tied,
                                                          rngs=nnx.Rngs(1))  # fmt: skip
    before = other(TOKENS)
    stored = jax.tree.map(lambda w: np.asarray(w, kind), weights(lm))
    back = with_weights(other, stored)
    assert back is other and np.abs(back(TOKENS) - before).max() > 1e-2
    assert {leaf.dtype for leaf in jax.tree.leaves(back)} == {jnp.dtype("float32")}
    atol = 0 if kind is np.float32 else 5e-3
    np.testing.assert_allclose(back(TOKENS), lm(TOKENS), rtol=0, atol=atol)


@pytest.mark.parametrize("settings", [{"layers": 2}, {"tied": True}, {"cell": GRU}])
def test_weights_of_another_shape_are_refused(settings):
    lm = model()
    with pytest.raises(ValueError, match=r"the model has weights of shapes .*, got "):
        with_weights(lm, weights(model(**settings)))
    np.testing.assert_array_equal(lm(TOKENS), model()(TOKENS))


@pytest.mark.slow
@pytest.mark.parametrize("cell", [RNN, GRU, LSTM])
@pytest.mark.parametrize("tied", [False, True])
def test_double_precision_elsewhere_changes_nothing_here(cell, tied, enable_x64):
    """Under jax_enable_x64 whatever names no type becomes float64."""
    expected = next_token_loss(model(cell=cell, tied=tied, layers=2), TOKENS[None])
    with enable_x64(True):
        lm = model(cell=cell, tied=tied, layers=2)
        loss, grads = jax.value_and_grad(next_token_loss)(lm, TOKENS[None])
        _, logits = lm.step(lm.init_state(), TOKENS[0])
        leaves = jax.tree.leaves((lm, lm.init_state(), loss, grads, logits))
        assert {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}
        np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_parameters_are_counted_as_by_hand():
    lstm = 2 * H * 4 * H + 4 * H
    assert count_parameters(model()) == V * H + lstm + H * V + V


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
    run = jax.jit(lambda lm, tokens: evaluate(lm, tokens, rows=2))  # nobody can look into these
    assert run(model(), jnp.asarray(TOKENS)) > 0


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="must be >= 1, got 9, 0 and 1"):
        LanguageModel(9, 0, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="3 tokens are too few for 64 rows"):
        evaluate(model(), np.array([1, 2, 3]))
