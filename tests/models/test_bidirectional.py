"""A bidirectional LSTM: two cells against loops in NumPy, and what each position depends on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.models.bidirectional import BidirectionalLSTM
from rnnlib.models.parameters import count_parameters

TOKENS = jax.random.randint(jax.random.key(1), (7,), 0, 11)


@pytest.fixture(scope="module")
def model():
    return jax.jit(lambda key: BidirectionalLSTM(11, 6, rngs=nnx.Rngs(key)))(jax.random.key(0))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def read(cell, xs):
    """An LSTM's outputs, one step after another."""
    h = c = np.zeros(cell.hidden)
    outputs = []
    for x in xs:
        gates = x @ np.asarray(cell.w_x[...]) + h @ np.asarray(cell.w_h[...]) + np.asarray(cell.b)
        i, f, g, o = np.split(gates, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.array(outputs)


def test_against_a_loop(model):
    xs = np.asarray(model.embed(TOKENS), float)
    states = np.hstack([read(model.onwards, xs), read(model.backwards, xs[::-1])[::-1]])
    np.testing.assert_allclose(model.states(TOKENS), states, atol=1e-5)
    logits = states @ np.asarray(model.readout.kernel[...]) + np.asarray(model.readout.bias[...])
    np.testing.assert_allclose(model(TOKENS), logits, atol=1e-5)


def test_each_half_reads_its_own_side(model):
    at = 3
    changed = np.abs(model.states(TOKENS.at[at].set((TOKENS[at] + 1) % 11)) - model.states(TOKENS))
    onwards, backwards = (half.max(axis=1) > 0 for half in np.split(changed, 2, axis=1))
    np.testing.assert_array_equal(onwards, np.arange(7) >= at)
    np.testing.assert_array_equal(backwards, np.arange(7) <= at)


def test_the_two_cells_differ_and_all_is_counted(model):
    assert not jnp.allclose(model.onwards.w_h[...], model.backwards.w_h[...])
    assert count_parameters(model) == 11 * 6 + 2 * (4 * 6 * (6 + 6) + 4 * 6) + 11 * 12 + 11


@pytest.mark.parametrize("sizes", [(0, 6), (11, 0)])
def test_bad_sizes(sizes):
    with pytest.raises(ValueError, match="must be >= 1"):
        BidirectionalLSTM(*sizes, rngs=nnx.Rngs(0))
