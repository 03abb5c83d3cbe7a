"""An LSTM's implicit attention: it adds up to the cell state, and is a product of gates."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.models.cells import LSTM
from rnnlib.models.implicit_attention import implicit_attention

D, H, T = 3, 5, 12
SCALES = {"untrained": 1.0, "as if trained": 4.0}  # some gates of the latter are nearly closed
each_scale = pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)

attention = jax.jit(implicit_attention)


def make(scale=1.0, dtype=jnp.float32):
    cell = LSTM(D, H, rngs=nnx.Rngs(0))
    cell.b[...] += jax.random.normal(jax.random.key(1), cell.b[...].shape)
    return jax.tree.map(lambda w: (scale * w).astype(dtype), cell)


def inputs(seed=2):
    return jax.random.normal(jax.random.key(seed), (T, D))


def cell_states(cell, xs):
    """The cell states c_t that the LSTM itself computes: [T, H]."""
    step = lambda state, x: (cell(state, x)[0],) * 2  # noqa: E731
    return jax.lax.scan(step, cell.init_state(), xs)[1][1]


def gates_in_numpy(cell, xs):
    """The input gates, forget gates and candidates in float64: [T, H] each."""
    w_x, w_h, b, xs = (
        np.asarray(w, float) for w in (cell.w_x[...], cell.w_h[...], cell.b[...], xs)
    )
    h, c, found = np.zeros(H), np.zeros(H), []
    for x in xs:
        i, f, g, o = np.split(x @ w_x + h @ w_h + b, 4)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        found.append((i, f, np.tanh(g)))
    return np.array(found).swapaxes(0, 1)


@each_scale
@pytest.mark.parametrize(("dtype", "atol"), [(jnp.float32, 1e-5), (jnp.bfloat16, 1e-3)])
def test_the_cell_state_is_a_weighted_sum_over_the_past(scale, dtype, atol):
    cell, xs = make(scale, dtype), inputs()
    weights, written = attention(cell, xs)
    states = cell_states(cell, xs)
    assert weights.shape == (T, T, H) and written.shape == (T, H)
    assert np.abs(states).max() > 0.5
    np.testing.assert_allclose(jnp.einsum("tjh,jh->th", weights, written), states, atol=atol)


@each_scale
def test_a_weight_is_an_input_gate_times_all_forget_gates_behind_it(scale):
    cell, xs = make(scale), inputs()
    i, f, g = gates_in_numpy(cell, xs)
    weights, written = attention(cell, xs)
    np.testing.assert_allclose(written, g, atol=1e-5)
    for t in range(T):
        for j in range(T):
            product = np.prod([f[k] for k in range(j + 1, t + 1)], axis=0) if j <= t else 0
            np.testing.assert_allclose(weights[t, j], product * i[j], atol=1e-5)


@each_scale
def test_weights_are_shares_of_the_past_alone(scale):
    weights = np.asarray(attention(make(scale), inputs())[0])
    assert not weights[np.triu_indices(T, 1)].any()
    assert weights.min() >= 0 and 0.5 < weights.max() <= 1


@each_scale
def test_from_a_step_to_the_next_all_weights_shrink_together(scale):
    cell, xs = make(scale), inputs()
    weights, (_, f, _) = np.asarray(attention(cell, xs)[0]), gates_in_numpy(cell, xs)
    for t in range(1, T):
        np.testing.assert_allclose(weights[t, :t], f[t][None] * weights[t - 1, :t], atol=1e-5)


@pytest.mark.parametrize(("b_f", "kept"), [(50.0, np.tri(T)), (-50.0, np.eye(T))])
def test_open_gates_keep_everything_and_closed_ones_only_the_newest(b_f, kept):
    cell = jax.tree.map(jnp.zeros_like, make())
    cell.b[...] = jnp.repeat(jnp.array([50.0, b_f, 0.0, 0.0]), H)
    np.testing.assert_allclose(
        attention(cell, inputs())[0], np.stack([kept] * H, axis=-1), atol=1e-6
    )


def test_it_is_the_same_compiled_and_in_a_batch():
    cell, batch = make(), jnp.stack([inputs(2), inputs(3)])
    alone = [implicit_attention(cell, xs) for xs in batch]
    in_batch = jax.vmap(implicit_attention, (None, 0))(cell, batch)
    for n in range(2):
        for a, b, c in zip(alone[n], attention(cell, batch[n]), in_batch, strict=True):
            np.testing.assert_allclose(b, a, atol=1e-6)
            np.testing.assert_allclose(c[n], a, atol=1e-6)
    assert np.abs(alone[0][0] - alone[1][0]).max() > 0.1


@pytest.mark.parametrize("form", [implicit_attention, attention], ids=["alone", "compiled"])
def test_weights_that_were_changed_in_place_are_used(form):
    cell, xs = make(), inputs()
    before = form(cell, xs)
    cell.b[...] += 1.0
    cell.w_h[...] *= 2.0
    for old, new, anew in zip(before, form(cell, xs), partial(attention)(cell, xs), strict=True):
        assert np.abs(new - old).max() > 0.1
        np.testing.assert_allclose(new, anew, atol=1e-6)
    np.testing.assert_allclose(form(cell, xs)[1], gates_in_numpy(cell, xs)[2], atol=1e-5)


def test_everything_is_float32_whatever_the_default(enable_x64):
    cell, xs = make(), inputs()
    with enable_x64(True):
        leaves = jax.tree.leaves(jax.eval_shape(implicit_attention, cell, xs))
        assert {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}
