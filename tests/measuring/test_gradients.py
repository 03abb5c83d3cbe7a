"""Gradient norms against whole Jacobians and finite differences; the loss along known lines."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.measuring.gradients import cell_path, gate_path, gradient_norms
from rnnlib.measuring.loss_surface import loss_along
from rnnlib.models.cells import GRU, LSTM, RNN, unroll

CELLS = [RNN, GRU, LSTM]
D, H, T = 3, 6, 12
KEY = jax.random.key(12)


def make(cell, seed=0):
    made = cell(D, H, rngs=nnx.Rngs(seed))
    made.b[...] += jax.random.normal(jax.random.key(1), made.b[...].shape) / 2
    return made


def inputs(steps=T):
    return jax.random.normal(jax.random.key(2), (steps, D))


def jacobian_norms(cell, xs):
    """Root of sum (d h_T / d s_{T-k})^2 / H for each leaf and lag, by whole Jacobians."""
    states = [cell.init_state()]
    for x in xs:
        states.append(cell(states[-1], x)[0])

    def h_of(state, xs):
        for x in xs:
            state, _ = cell(state, x)
        return jax.tree.leaves(state)[0]

    def norms(k):
        jacobians = jax.jacrev(h_of)(states[len(xs) - k], xs[len(xs) - k :])
        return jax.tree.map(lambda j: jnp.sqrt((j**2).sum() / len(j)), jacobians)

    return jax.tree.map(lambda *ks: np.array(ks), *map(norms, range(len(xs))))


class Linear:
    """h_t = h_{t-1} W: J_k is W^k."""

    def __init__(self, w):
        self.w = w

    def init_state(self):
        return jnp.ones(len(self.w))

    def __call__(self, h, x):
        h = h @ self.w
        return h, h


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_norms_are_those_of_whole_jacobians(cell):
    made, xs = make(cell), inputs()
    exact = jax.tree.leaves(jacobian_norms(made, xs))
    found = gradient_norms(made, xs, jax.random.key(4), probes=4000)
    for norm, error, truth in zip(*map(jax.tree.leaves, found), exact, strict=True):
        assert norm.shape == error.shape == (T,)
        assert np.all(np.abs(norm - truth) <= 4 * error + 1e-5 * truth)
        assert np.all(error <= 1.1 * truth / 8000**0.5)


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_squares_are_unbiased_and_the_error_is_the_spread(cell):
    made, xs = make(cell), inputs()
    exact = jax.tree.leaves(jacobian_norms(made, xs))
    keys = jax.random.split(jax.random.key(5), 2000)
    found = jax.jit(jax.vmap(lambda key: gradient_norms(made, xs, key, probes=8)))(keys)
    for norm, error, truth in zip(*map(jax.tree.leaves, found), exact, strict=True):
        squares = norm**2
        error_of_mean = squares.std(axis=0) / len(keys) ** 0.5
        assert np.all(np.abs(squares.mean(axis=0) - truth**2) <= 4 * error_of_mean + 1e-5 * truth)
        assert np.all(norm.mean(axis=0) >= (1 - 1.5 / 32) * truth)  # the root is biased, slightly
        spread, stated = norm.std(axis=0), np.sqrt((error**2).mean(axis=0))
        told = spread > 1e-4 * truth  # not where every probe gives the same: J J^T is diagonal
        assert told.sum() >= T - 3
        np.testing.assert_allclose(stated[told], spread[told], rtol=0.3)


@pytest.mark.slow
def test_one_unit_is_exact_and_agrees_with_finite_differences():
    """With H = 1 a probe is ±1, so that g is the derivative; here in NumPy's float64."""
    made, xs, eps = LSTM(D, 1, rngs=nnx.Rngs(0)), inputs(), 1e-6
    w_x, w_h, b = (np.asarray(w[...], float) for w in (made.w_x, made.w_h, made.b))

    def last(k, delta):
        state = np.zeros(2)  # h, c
        for t, x in enumerate(np.asarray(xs, float), start=1):
            i, f, g, o = x @ w_x + state[0] * w_h[0] + b
            c = state[1] / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            state = np.array([np.tanh(c) / (1 + np.exp(-o)), c])
            state += delta if t == T - k else 0
        return state[0]

    found = gradient_norms(made, xs, jax.random.key(6), probes=2)
    for leaf, direction in zip(found.norm, eps * np.eye(2), strict=True):
        slopes = [(last(k, direction) - last(k, -direction)) / (2 * eps) for k in range(T)]
        np.testing.assert_allclose(leaf, np.abs(slopes), rtol=1e-4, atol=1e-8)
    for leaf in found.error:
        np.testing.assert_allclose(leaf, 0, atol=1e-6)


@pytest.mark.slow
def test_a_scaled_rotation_decays_exactly_also_where_squares_underflow():
    rotation = jax.random.orthogonal(jax.random.key(7), 8)
    found = gradient_norms(Linear(0.5 * rotation), jnp.zeros((106, 1)), jax.random.key(8))
    np.testing.assert_allclose(found.norm, 0.5 ** np.arange(106), rtol=1e-4)
    assert 7e-31 < found.norm[100] < 9e-31
    assert np.all(found.error <= 1e-4 * found.norm)


def test_a_norm_of_zero_is_zero():
    found = gradient_norms(Linear(jnp.zeros((4, 4))), jnp.zeros((5, 1)), jax.random.key(9))
    np.testing.assert_array_equal(found.norm, [1, 0, 0, 0, 0])
    np.testing.assert_array_equal(found.error, np.zeros(5))


@pytest.mark.slow
def test_lag_zero_is_the_state_itself():
    norm, error = gradient_norms(make(LSTM), inputs(), jax.random.key(10))
    assert [leaf[0] for leaf in norm] == [1, 0]  # h_T is the output; c_T acts from T + 1 on
    assert [leaf[0] for leaf in error] == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("path", [lambda cell: cell, cell_path, gate_path])
def test_stacked_cells_are_measured_at_once(path):
    make_many = jax.vmap(lambda key: LSTM(D, H, rngs=nnx.Rngs(key)))
    cells, keys = make_many(jax.random.split(jax.random.key(11), 3)), jax.random.split(KEY, 3)
    xs = jnp.stack([inputs(), 2 * inputs(), 3 * inputs()])
    one = lambda cell, xs, key: gradient_norms(path(cell), xs, key)  # noqa: E731
    found = jax.jit(jax.vmap(one))(cells, xs, keys).norm
    stacked = jax.vmap(gradient_norms)(path(cells), xs, keys).norm  # a path is a pytree, too
    first = one(jax.tree.map(lambda w: w[0], cells), xs[0], keys[0]).norm
    for a, b, c in zip(found, stacked, first, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4)
        np.testing.assert_allclose(a[0], c, rtol=1e-4)


def test_the_cell_path_decays_by_the_forget_gate():
    made, b_f = make(LSTM), 1.5
    f = slice(H, 2 * H)
    made.w_x[...], made.w_h[...] = made.w_x[:].at[:, f].set(0), made.w_h[:].at[:, f].set(0)
    made.b[...] = made.b[:].at[f].set(b_f)
    h, c = gradient_norms(cell_path(made), inputs(), KEY).norm
    np.testing.assert_allclose(c[2:] / c[1:-1], 1 / (1 + np.exp(-b_f)), rtol=1e-5)
    (_, c_last), ys = unroll(made, inputs())
    slope = ys[-1] / jnp.tanh(c_last) * (1 - jnp.tanh(c_last) ** 2)  # o (1 - tanh^2 c_T)
    np.testing.assert_allclose(c[1], jnp.sqrt((slope**2).mean()) / (1 + np.exp(-b_f)), rtol=1e-5)
    np.testing.assert_array_equal(h, [1] + (T - 1) * [0])


@pytest.mark.slow
@pytest.mark.parametrize("path", [cell_path, gate_path])
def test_paths_change_gradients_but_no_values(path):
    made, xs = make(LSTM), inputs()
    np.testing.assert_array_equal(unroll(path(made), xs)[1], unroll(made, xs)[1])
    whole, part = gradient_norms(made, xs, KEY).norm, gradient_norms(path(made), xs, KEY).norm
    closed, open_to = (0, 1) if path is cell_path else (1, 0)
    assert np.all(part[closed][1:] == 0) and np.all(whole[closed][1:] > 0)
    assert np.all(np.abs(part[open_to][2:] / whole[open_to][2:] - 1) > 1e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gradient_norms(make(RNN), inputs(0), KEY), "at least one step"),
        (lambda: gradient_norms(make(RNN), inputs(), KEY, probes=1), "got 1"),
        (lambda: loss_along(jnp.sum, jnp.ones(2), jnp.zeros(2), [1]), "got 0.0"),
        (lambda: loss_along(jnp.sum, jnp.ones(2), jnp.ones(3), [1]), r"\(3,\)"),
        (lambda: loss_along(jnp.sum, jnp.ones(2), [jnp.ones(2)], [1]), "like the model"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("path", [cell_path, gate_path])
def test_a_path_needs_a_pair(path):
    with pytest.raises(TypeError, match=r"pair \(h, c\), GRU has"):
        path(make(GRU))
