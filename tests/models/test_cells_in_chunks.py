"""Unrolled in chunks: the same states and gradients, from less memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.measuring.compilation import peak_bytes
from rnnlib.models.cells import GRU, LSTM, RNN, MinGRU, unroll

D, H = 5, 7


@pytest.mark.parametrize("cell", [RNN, GRU, LSTM, MinGRU])
def test_in_chunks_as_in_one_piece(cell):
    made, xs = cell(D, H, rngs=nnx.Rngs(0)), jax.random.normal(jax.random.key(2), (12, D))
    results = [jax.tree.leaves(unroll(made, xs, chunk)) for chunk in (None, 4)]
    for whole, chunked in zip(*results, strict=True):
        np.testing.assert_allclose(chunked, whole, atol=1e-6)
    loss = lambda cell, xs, chunk: (unroll(cell, xs, chunk)[1] ** 2).sum()  # noqa: E731
    grads = [jax.tree.leaves(jax.grad(loss, (0, 1))(made, xs, chunk)) for chunk in (None, 3, 12)]
    for whole, *others in zip(*grads, strict=True):
        for other in others:
            np.testing.assert_allclose(other, whole, atol=1e-5)


def test_chunks_keep_fewer_states():
    made = LSTM(D, H, rngs=nnx.Rngs(0))
    shape = jax.ShapeDtypeStruct((4096, D), jnp.float32)
    loss = lambda cell, xs, chunk: (unroll(cell, xs, chunk)[1][-1] ** 2).sum()  # noqa: E731
    whole, chunked = (
        peak_bytes(jax.jit(jax.grad(loss), static_argnums=2), made, shape, chunk)
        for chunk in (None, 64)
    )
    assert chunked < whole / 4


@pytest.mark.parametrize("chunk", [0, 5, 24])
def test_chunks_must_fit(chunk):
    with pytest.raises(ValueError, match="chunk must divide the 12 steps"):
        unroll(RNN(D, H, rngs=nnx.Rngs(0)), jnp.zeros((12, D)), chunk)
