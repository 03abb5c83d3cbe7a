"""Unrolled with the weights that a cell has now, in the precision of its state."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.models.cells import GRU, LSTM, RNN, MinGRU, unroll

D, H = 5, 7


@pytest.mark.parametrize("chunk", [None, 2])
@pytest.mark.parametrize("cell", [RNN, GRU, LSTM, MinGRU])
def test_numbers_of_64_bits_are_read_as_32(cell, chunk, enable_x64):
    """As NumPy makes them, and JAX, too, where jax_enable_x64 is on."""
    xs = np.random.default_rng(0).normal(size=(4, D))
    made = cell(D, H, rngs=nnx.Rngs(0))
    plain = unroll(made, jnp.asarray(xs, jnp.float32), chunk)
    with enable_x64(True):
        for given in (xs, jnp.asarray(xs)):
            state, ys = unroll(made, given, chunk)
            assert {leaf.dtype for leaf in jax.tree.leaves((state, ys))} == {jnp.dtype("float32")}
            np.testing.assert_array_equal(ys, plain[1])


class Sum(nnx.Module):
    """A cell of one's own in double precision."""

    def init_state(self):
        return jnp.zeros((), jnp.float64)

    def __call__(self, state, x):
        state = state + x.sum()
        return state, state


def test_a_cell_in_double_precision_stays_so(enable_x64):
    with enable_x64(True):
        assert unroll(Sum(), jnp.full((2, 1), 1e-12, jnp.float64) + 1)[1][-1] == 2 + 2e-12


@pytest.mark.parametrize("chunk", [None, 2])
@pytest.mark.parametrize("cell", [RNN, GRU, LSTM, MinGRU])
def test_a_weight_that_is_changed_in_place_counts(cell, chunk):
    made, xs = cell(D, H, rngs=nnx.Rngs(0)), jax.random.normal(jax.random.key(1), (4, D))
    unroll(made, xs, chunk)
    made.w_x[...] = 2 * made.w_x[...]
    state, ys = made.init_state(), []
    for x in xs:
        state, y = made(state, x)
        ys.append(y)
    np.testing.assert_allclose(unroll(made, xs, chunk)[1], jnp.stack(ys), rtol=1e-5)


def test_a_sequence_as_long_as_another_traces_nothing():
    traced = []

    class Traced(RNN):
        def __call__(self, h, x):
            traced.append(0)
            return super().__call__(h, x)

    made = Traced(D, H, rngs=nnx.Rngs(0))
    unroll(made, jnp.ones((4, D)))
    before = len(traced)
    made.w_x[...] = 2 * made.w_x[...]
    unroll(made, jnp.zeros((4, D)))
    assert len(traced) == before
