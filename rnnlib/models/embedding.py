"""Tokens as vectors: the first layer of every model here."""

import jax
import jax.numpy as jnp
from flax import nnx


class Embedding(nnx.Module):
    """A vector for each token, of the size that a layer expects: each entry has variance 1.

    x = sqrt(H) E[token]

    E starts with entries of variance 1/H, which is right where it is also the readout of a model
    with tied weights. A cell that is run by hand is fed `model.embed(tokens)`, factor and all.

    Shapes: tokens[...] -> xs[..., H]; E[V, H]. An unknown token (>= V) becomes NaN.
    """

    def __init__(self, vocabulary_size: int, hidden: int, *, rngs: nnx.Rngs):
        self.embedding = nnx.Embed(vocabulary_size, hidden, rngs=rngs).embedding  # [V, H]

    def __call__(self, tokens: jax.Array) -> jax.Array:
        """Look tokens up: tokens[...] -> xs[..., H]."""
        return self.embedding.shape[-1] ** 0.5 * jnp.take(self.embedding[...], tokens, axis=0)

    def attend(self, ys: jax.Array) -> jax.Array:
        """Compare with every token's vector, without the factor: ys[..., H] -> scores[..., V]."""
        return ys @ self.embedding[...].T
