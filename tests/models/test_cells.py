"""The cells against Flax's, against values computed by hand, and against their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.test_util import check_grads

from rnnlib.models.cells import GRU, LSTM, RNN, MinGRU, unroll

WITH_W_H = [RNN, GRU, LSTM]
CELLS = [*WITH_W_H, MinGRU]
D, H, T = 5, 7, 11


def make(cell, **settings):
    made = cell(D, H, rngs=nnx.Rngs(0), **settings)
    made.b[...] = jax.random.normal(jax.random.key(1), made.b[...].shape)
    return made


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def steps_of(cell, state, xs):
    """Run a cell in a Python loop: the outputs [T, H]."""
    ys = []
    for x in xs:
        state, y = cell(state, x)
        ys.append(y)
    return jnp.stack(ys)


def test_lstm_is_flax_lstm():
    ours, theirs = make(LSTM), nnx.LSTMCell(D, H, rngs=nnx.Rngs(0))
    from_x = theirs.ii, theirs.if_, theirs.ig, theirs.io
    from_h = theirs.hi, theirs.hf, theirs.hg, theirs.ho
    for i, (dense_x, dense_h) in enumerate(zip(from_x, from_h, strict=True)):
        of_gate = slice(i * H, (i + 1) * H)
        dense_x.kernel[...] = ours.w_x[:, of_gate]
        dense_h.kernel[...], dense_h.bias[...] = ours.w_h[:, of_gate], ours.b[of_gate]
    xs = jax.random.normal(jax.random.key(2), (T, D))
    flax_state = (jnp.zeros(H), jnp.zeros(H))  # Flax keeps (c, h), both zero at the start
    np.testing.assert_allclose(unroll(ours, xs)[1], steps_of(theirs, flax_state, xs), atol=1e-5)


def test_gru_is_flax_gru():
    ours, theirs = make(GRU), nnx.GRUCell(D, H, rngs=nnx.Rngs(0))
    theirs.dense_i.kernel[...], theirs.dense_i.bias[...] = ours.w_x[...], ours.b[...]
    theirs.dense_h.kernel[...] = ours.w_h[...]
    xs = jax.random.normal(jax.random.key(2), (T, D))
    np.testing.assert_allclose(unroll(ours, xs)[1], steps_of(theirs, jnp.zeros(H), xs), atol=1e-5)


def test_one_step_by_hand():
    """One unit, one input, all weights 1 and biases 0: each equation in NumPy."""
    x, h, c = 0.5, 0.25, -0.75
    s = x + h

    def ones(cell):
        made = cell(1, 1, rngs=nnx.Rngs(0))
        return jax.tree.map(lambda w: jnp.zeros_like(w) if w.ndim == 1 else jnp.ones_like(w), made)

    _, y = ones(RNN)(jnp.array([h]), jnp.array([x]))
    np.testing.assert_allclose(y, [np.tanh(s)], rtol=1e-6)

    gate = sigmoid(s)
    candidate = np.tanh(x + gate * h)
    expected = (1 - gate) * candidate + gate * h
    np.testing.assert_allclose(ones(GRU)(jnp.array([h]), jnp.array([x]))[1], [expected], rtol=1e-6)

    (_, new_c), y = ones(LSTM)((jnp.array([h]), jnp.array([c])), jnp.array([x]))
    np.testing.assert_allclose(new_c, [gate * c + gate * np.tanh(s)], rtol=1e-6)
    np.testing.assert_allclose(y, gate * np.tanh(new_c), rtol=1e-6)

    gate = sigmoid(x)
    expected = (1 - gate) * h + gate * x
    _, y = ones(MinGRU)(jnp.array([h]), jnp.array([x]))
    np.testing.assert_allclose(y, [expected], rtol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_scan_is_the_loop(cell):
    made = make(cell)
    xs = jax.random.normal(jax.random.key(2), (T, D))
    looped = steps_of(made, made.init_state(), xs)
    np.testing.assert_allclose(unroll(made, xs)[1], looped, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_the_future_does_not_reach_the_past(cell):
    made = make(cell)
    xs = jax.random.normal(jax.random.key(2), (T, D))
    before, after = unroll(made, xs)[1], unroll(made, xs.at[6].add(1.0))[1]
    np.testing.assert_array_equal(before[:6], after[:6])
    assert np.abs(before[6:] - after[6:]).max() > 1e-3


@pytest.mark.parametrize("cell", WITH_W_H)
def test_gain_scales_orthogonal_blocks(cell):
    weights = make(cell, gain=1.5).w_h[...]
    for block in jnp.split(weights, weights.shape[1] // H, axis=1):
        np.testing.assert_allclose(block.T @ block, 1.5**2 * np.eye(H), atol=1e-5)


def test_forget_bias_starts_where_it_is_told():
    _, b_f, *_ = jnp.split(LSTM(D, H, forget_bias=3.0, rngs=nnx.Rngs(0)).b[...], 4)
    np.testing.assert_array_equal(b_f, np.full(H, 3.0))


def test_weights_and_states_are_float32_whatever_the_default(enable_x64):
    gains = [{}, {"gain": np.float64(2)}]
    settings = {
        RNN: gains,
        GRU: gains,
        LSTM: [*gains, {"forget_bias": np.float64(2)}, {"chrono": 9}],
        MinGRU: [{}, {"chrono": 9}],
    }
    with enable_x64(True):
        for cell in CELLS:
            for some in settings[cell]:
                made = cell(D, H, rngs=nnx.Rngs(0), **some)
                leaves = jax.tree.leaves((made, made.init_state()))
                assert {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}


@pytest.mark.slow
def test_chrono_spreads_the_time_constants():
    b_i, b_f, *_ = jnp.split(LSTM(4, 1000, chrono=101, rngs=nnx.Rngs(0)).b[...], 4)
    np.testing.assert_array_equal(b_i, -b_f)
    times = np.exp(b_f)  # uniform over 1 to 100
    assert times.min() >= 1 and times.max() <= 100
    assert abs(times.mean() - 50.5) < 4  # the mean's standard error is 0.9

    b_z, b_n = jnp.split(MinGRU(4, 1000, chrono=101, rngs=nnx.Rngs(0)).b[...], 2)
    times = 1 / sigmoid(np.asarray(b_z, np.float64))  # uniform over 2 to 101
    assert times.min() >= 2 and times.max() <= 101.001
    assert abs(times.mean() - 51.5) < 4
    np.testing.assert_array_equal(b_n, np.zeros(1000))


def test_lstm_draws_what_it_always_drew():
    """Recorded experiments rest on these numbers."""
    drawn = LSTM(2, 3, chrono=101, rngs=nnx.Rngs(0)).b[3:6]
    np.testing.assert_allclose(drawn, [4.503608, 4.514337, 3.548574], rtol=1e-5)


def mingru(gates):
    """Make a MinGRU of random weights and a kind of gates: "default", "chrono", or a bias."""
    made = MinGRU(D, H, chrono=1000 if gates == "chrono" else None, rngs=nnx.Rngs(0))
    if not isinstance(gates, str):
        made.b[...] = made.b[...].at[:H].set(gates)
    return made


@jax.jit
def in_parallel(cell, xs):
    return cell.parallel(xs)


def in_float64(cell, xs):
    """Run a MinGRU in NumPy, in double precision: the states [T, H]."""
    xs, w_x, b = (np.asarray(values, np.float64) for values in (xs, cell.w_x[...], cell.b[...]))
    h, states = np.zeros(H), []
    for z, n in zip(*np.split(xs @ w_x + b[None], 2, axis=1), strict=True):
        h = (1 - sigmoid(z)) * h + sigmoid(z) * n
        states.append(h)
    return np.array(states)


@pytest.mark.parametrize("gates", ["default", "chrono", 15.0, -15.0])
def test_in_parallel_as_in_sequence(gates):
    cell, xs = mingru(gates), jax.random.normal(jax.random.key(1), (4096, D))
    expected = in_float64(cell, xs)
    atol = 1e-5 * np.abs(expected).max()  # at bias -15 the states are small
    np.testing.assert_allclose(in_parallel(cell, xs), expected, rtol=0, atol=atol)
    np.testing.assert_allclose(unroll(cell, xs)[1], expected, rtol=0, atol=atol)


@pytest.mark.slow
@pytest.mark.parametrize("gates", ["default", "chrono", 15.0, -15.0])
def test_gradients_in_parallel_as_in_sequence(gates):
    cell, xs = mingru(gates), jax.random.normal(jax.random.key(1), (4096, D))
    mix = jax.random.normal(jax.random.key(2), (4096, H))
    parallel = jax.grad(lambda cell, xs: (mix * in_parallel(cell, xs)).sum(), (0, 1))(cell, xs)
    sequential = jax.grad(lambda cell, xs: (mix * unroll(cell, xs)[1]).sum(), (0, 1))(cell, xs)
    for a, b in zip(*map(jax.tree.leaves, (parallel, sequential)), strict=True):
        assert np.abs(b).max() > 1e-7
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-4 * np.abs(b).max())


def test_dividing_by_cumulative_products_would_overflow():
    """h_t = A_t sum_s b_s / A_s, with A the products of the a, is true, and fails in float32."""
    cell, xs = mingru("default"), jax.random.normal(jax.random.key(1), (4096, D))
    a, b = jax.vmap(cell._step)(xs)
    products = jnp.cumprod(a, axis=0)
    divided = products * jnp.cumsum(b / products, axis=0)
    ours = in_parallel(cell, xs)
    np.testing.assert_allclose(divided[:20], ours[:20], atol=1e-4)
    assert not np.isfinite(divided[1000:]).any() and np.isfinite(ours).all()


def test_a_gate_that_is_nearly_open_still_keeps_a_little_of_the_past():
    """In float32 1 - sigmoid(20) is 0; sigmoid(-20) is not."""
    _, y = mingru(20.0)(jnp.ones(H), jnp.zeros(D))
    np.testing.assert_allclose(y, np.exp(-20.0), rtol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_match_finite_differences(cell, enable_x64):
    """In double precision: in float32 the differences themselves are off by percents."""
    single = make(cell), jax.random.normal(jax.random.key(2), (4, D))

    def total(cell, xs):
        start = jax.tree.map(lambda leaf: leaf.astype(xs.dtype), cell.init_state())
        return jax.lax.scan(cell, start, xs)[1].sum()

    with enable_x64(True):
        double = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), single)
        assert total(*double).dtype == jnp.float64
        check_grads(total, double, order=1, modes=["rev"], eps=1e-5, rtol=1e-6, atol=1e-6)


def test_bad_sizes_are_refused():
    for cell in CELLS:
        with pytest.raises(ValueError, match="inputs and hidden must be >= 1, got 3 and 0"):
            cell(3, 0, rngs=nnx.Rngs(0))
    for cell in (LSTM, MinGRU):
        with pytest.raises(ValueError, match="chrono must be >= 3 steps, got 2"):
            cell(3, 3, chrono=2, rngs=nnx.Rngs(0))
