"""The loss along a line, against a bowl and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.measuring.loss_surface import loss_along
from rnnlib.models.cells import RNN, unroll

D, H, T = 3, 6, 12


def make(cell, seed=0):
    made = cell(D, H, rngs=nnx.Rngs(seed))
    made.b[...] += jax.random.normal(jax.random.key(1), made.b[...].shape) / 2
    return made


def inputs(steps=T):
    return jax.random.normal(jax.random.key(2), (steps, D))


def test_loss_along_a_bowl():
    """L = |w - 1|^2 / 2 from w = 0 along u = (3, 4) / 5: |s u - 1|^2 = s^2 - 14/5 s + 2."""
    model = {"a": jnp.zeros(1), "b": jnp.zeros(1)}
    direction = {"a": jnp.array([30.0]), "b": jnp.array([40.0])}
    bowl = lambda w: (((w["a"] - 1) ** 2 + (w["b"] - 1) ** 2) / 2).sum()  # noqa: E731
    s = np.array([-1, 0, 0.5, 1.4, 5])
    losses, lengths = loss_along(bowl, model, direction, s)
    np.testing.assert_allclose(losses, (s**2 - 2.8 * s + 2) / 2, rtol=1e-5)
    np.testing.assert_allclose(lengths, np.sqrt(s**2 - 2.8 * s + 2), rtol=1e-5)


@pytest.mark.slow
def test_loss_along_a_gradient_of_a_module():
    made, xs = make(RNN), inputs()
    loss = lambda cell: (unroll(cell, xs)[1] ** 2).sum()  # noqa: E731
    gradient = jax.grad(loss)(made)
    losses, lengths = loss_along(loss, made, gradient, [-0.01, 0, 0.01])
    np.testing.assert_allclose(losses[1], loss(made), rtol=1e-6)
    squares = sum(float((g**2).sum()) for g in jax.tree.leaves(gradient))
    np.testing.assert_allclose(lengths[1], squares**0.5, rtol=1e-5)
    np.testing.assert_allclose((losses[2] - losses[0]) / 0.02, lengths[1], rtol=0.01)
