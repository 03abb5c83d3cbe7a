"""Two LSTMs that read a sentence from its two ends."""

import jax
import jax.numpy as jnp
from flax import nnx

from rnnlib.models.cells import LSTM, unroll
from rnnlib.models.embedding import Embedding


class BidirectionalLSTM(nnx.Module):
    """Score each token of a text by what stands before it, behind it, and in its place.

    x_t = sqrt(H) E[token_t];  h_t reads x_0 to x_t, h'_t x_T to x_t;  logits_t = [h_t, h'_t] W + b

    Its own token is among what it reads, so that it is of use only where that is hidden.

    Shapes: tokens[T] -> logits[T, V].
    Raises: ValueError (a size under 1).
    Reference: Schuster & Paliwal (1997), "Bidirectional recurrent neural networks"; Graves &
    Schmidhuber (2005), "Framewise phoneme classification with bidirectional LSTM".
    """

    def __init__(self, vocabulary_size: int, hidden: int, *, rngs: nnx.Rngs):
        if min(vocabulary_size, hidden) < 1:
            raise ValueError(
                f"vocabulary_size and hidden must be >= 1, got {vocabulary_size} and {hidden}"
            )
        self.embed = Embedding(vocabulary_size, hidden, rngs=rngs)
        self.onwards = LSTM(hidden, hidden, rngs=rngs)
        self.backwards = LSTM(hidden, hidden, rngs=rngs)
        self.readout = nnx.Linear(2 * hidden, vocabulary_size, rngs=rngs)

    def states(self, tokens: jax.Array) -> jax.Array:
        """Return both outputs at each token, side by side: tokens[T] -> [T, 2H]."""
        xs = self.embed(tokens)
        back = unroll(self.backwards, xs[::-1])[1][::-1]
        return jnp.concatenate([unroll(self.onwards, xs)[1], back], axis=1)

    def __call__(self, tokens: jax.Array) -> jax.Array:
        """Return logits[T, V]; row t depends on all tokens."""
        return self.readout(self.states(tokens))
