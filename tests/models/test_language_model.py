"""The language model: three ways to run it agree, and each part does what it says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.models.cells import GRU, LSTM, RNN, MinGRU
from rnnlib.models.language_model import LanguageModel
from rnnlib.models.parameters import count_parameters
from rnnlib.training.losses import evaluate, next_token_loss

V, H = 9, 8
TOKENS = jnp.array([3, 1, 4, 1, 5, 2, 6, 5])


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


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="must be >= 1, got 9, 0 and 1"):
        LanguageModel(9, 0, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="3 tokens are too few for 64 rows"):
        evaluate(model(), np.array([1, 2, 3]))
