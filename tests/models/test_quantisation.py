"""Quantisation: against the nearest of evenly spaced numbers, found by looking at all of them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.models.quantisation import quantise


@pytest.mark.parametrize("bits", [1, 2, 3, 5])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.5, 3.0)])
def test_each_number_becomes_the_nearest_level(bits, low, high):
    levels = np.linspace(low, high, 2**bits)
    xs = np.random.default_rng(0).uniform(low, high, 500).astype(np.float32)
    nearest = [min(levels, key=lambda level: abs(level - x)) for x in xs]
    found = np.asarray(quantise(jnp.asarray(xs), bits, low, high))
    np.testing.assert_allclose(found, nearest, atol=1e-6)
    assert len(np.unique(found)) == 2**bits and found.dtype == np.float32
    np.testing.assert_allclose(quantise(jnp.float32(levels), bits, low, high), levels, atol=1e-6)


@pytest.mark.parametrize("bits", [1, 4, 24])
def test_the_bounds_are_levels_and_what_lies_beyond_becomes_them(bits):
    low, high = jnp.float32(np.random.default_rng(0).normal(size=(2, 1000))).sort(axis=0)
    for beyond in (0.0, 1e-3, 1e6, jnp.inf):
        np.testing.assert_array_equal(quantise(low - beyond, bits, low, high), low)
        np.testing.assert_array_equal(quantise(high + beyond, bits, low, high), high)
    within = quantise((low + high) / 2, bits, low, high)
    assert np.all(low <= within) and np.all(within <= high)


def test_one_bit_keeps_a_code_of_two_values_whole():
    code = jnp.where(jax.random.bernoulli(jax.random.key(0), shape=(50,)), 0.7, -0.3)
    low, high = jnp.full(50, -0.3), jnp.full(50, 0.7)
    np.testing.assert_array_equal(quantise(code, 1, low, high), code)
    noisy = code + jax.random.uniform(jax.random.key(1), (50,), minval=-0.45, maxval=0.45)
    np.testing.assert_array_equal(quantise(noisy, 1, low, high), code)


def test_24_bits_lose_next_to_nothing():
    xs = jax.random.uniform(jax.random.key(0), (1000,), minval=-2, maxval=2)
    np.testing.assert_allclose(quantise(xs, 24, -2.0, 2.0), xs, atol=5e-7)


def test_a_number_whose_bounds_are_equal_becomes_them():
    xs, bound = jnp.array([-1.0, 0.3, 0.30001, 5.0]), jnp.full(4, 0.3)
    np.testing.assert_array_equal(quantise(xs, 3, bound, bound), bound)
    gradient = jax.grad(lambda xs: quantise(xs, 3, bound, bound).sum())(xs)
    assert np.isfinite(gradient).all()


def test_each_number_of_a_state_has_its_own_bounds():
    state = (jnp.array([0.2, 0.2]), {"c": jnp.array([[3.0], [40.0]])})
    low = (jnp.array([0.0, -1.0]), {"c": jnp.array([[0.0], [10.0]])})
    high = (jnp.array([1.0, 1.0]), {"c": jnp.array([[4.0], [20.0]])})
    (h, rest), shape = quantise(state, 1, low, high), jax.tree.structure(state)
    np.testing.assert_array_equal(h, [0.0, 1.0])
    np.testing.assert_array_equal(rest["c"], [[4.0], [20.0]])
    assert jax.tree.structure((h, rest)) == shape
    compiled = jax.jit(partial(quantise, bits=1))(state, low=low, high=high)
    jax.tree.map(np.testing.assert_array_equal, compiled, (h, rest))


@pytest.mark.parametrize("bits", [0, -1, 25, 2.5, 2.0, None])
def test_bits_that_are_no_whole_number_from_1_to_24_are_refused(bits):
    with pytest.raises(ValueError, match=f"bits must be a whole number from 1 to 24, got {bits}"):
        quantise(jnp.zeros(3), bits, jnp.zeros(3), jnp.ones(3))
