"""Language models: an embedding, a stack of recurrent layers, and a score for each next symbol."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from rnnlib.models.cells import LSTM, unroll
from rnnlib.models.embedding import Embedding


class LanguageModel(nnx.Module):
    """A recurrent model of p(next token | all tokens so far), for characters or for words.

    x_t = sqrt(H) E[token_t];  h_t = layers(h_{t-1}, x_t);  logits_t = h_t W_out + b

    Every layer and the embedding are `hidden` wide, so that the layers are equal: one `vmap`
    makes them all, and one `scan` runs through them. With `tied=True`, W_out is E transposed.
    `embed(tokens)` gives the x_t, `states(tokens)` what each layer holds, `logits(ys)` the scores.

    Shapes: tokens[T] -> logits[T, V]; a batch is `jax.vmap(model)(tokens)`.
    Raises: ValueError (a size under 1).
    Reference: Mikolov et al. (2010), "Recurrent neural network based language model"; Press & Wolf
    (2017), "Using the output embedding to improve language models". Derived in lesson 01.
    """

    def __init__(
        self,
        vocabulary_size: int,
        hidden: int,
        *,
        cell: Callable[..., Any] = LSTM,
        layers: int = 1,
        tied: bool = False,
        rngs: nnx.Rngs,
    ):
        if min(vocabulary_size, hidden, layers) < 1:
            raise ValueError(
                "vocabulary_size, hidden and layers must be >= 1, "
                f"got {vocabulary_size}, {hidden} and {layers}"
            )
        self.embed = Embedding(vocabulary_size, hidden, rngs=rngs)
        keys = jax.random.split(rngs.params(), layers)
        self.layers = jax.vmap(lambda key: cell(hidden, hidden, rngs=nnx.Rngs(key)))(keys)
        self.readout = None if tied else nnx.Linear(hidden, vocabulary_size, rngs=rngs)
        self.bias = nnx.Param(jnp.zeros(vocabulary_size, jnp.float32)) if tied else None

    @property
    def vocabulary_size(self) -> int:
        return self.embed.embedding.shape[-2]

    def logits(self, ys: jax.Array) -> jax.Array:
        """Score every token: ys[..., H] -> logits[..., V]."""
        if self.readout is None:
            logits = self.embed.attend(ys)
            return logits + jnp.broadcast_to(self.bias[...], logits.shape)  # pyright: ignore[reportOptionalSubscript]
        return self.readout(ys)

    def __call__(self, tokens: jax.Array) -> jax.Array:
        """Return logits[T, V]; row t depends on tokens 0 to t."""
        xs = self.embed(tokens)  # [T, H]
        ys, _ = jax.lax.scan(lambda xs, cell: (unroll(cell, xs)[1], None), xs, self.layers)
        return self.logits(ys)

    def states(self, tokens: jax.Array) -> Any:
        """Return every layer's whole state after each token: tokens[T] -> leaves [L, T, ...].

        For the LSTM that is (h[L, T, H], c[L, T, H]), for a cell whose state is one vector
        h[L, T, H], for any other its state with [L, T] in front.
        """

        def layer(xs: jax.Array, cell: Any) -> tuple[jax.Array, Any]:
            def step(state: Any, x: jax.Array) -> tuple[Any, tuple[jax.Array, Any]]:
                state, y = cell(state, x)
                return state, (y, state)

            return jax.lax.scan(step, cell.init_state(), xs)[1]

        return jax.lax.scan(layer, self.embed(tokens), self.layers)[1]

    def init_state(self) -> Any:
        """Return the state before the first token, with a leading axis for the layers."""
        return jax.vmap(lambda cell: cell.init_state())(self.layers)

    def step(self, state: Any, token: jax.Array) -> tuple[Any, jax.Array]:
        """Read one token: -> (new state, logits[V] for the next one)."""

        def layer(x: jax.Array, cell_and_state: tuple[Any, Any]) -> tuple[jax.Array, Any]:
            cell, cell_state = cell_and_state
            cell_state, y = cell(cell_state, x)
            return y, cell_state

        # Unrolled, since a loop would copy out each layer's weights at every token.
        y, state = jax.lax.scan(layer, self.embed(token), (self.layers, state), unroll=True)
        return state, self.logits(y)

    def prefill(self, tokens: jax.Array) -> tuple[Any, jax.Array]:
        """Read a prompt tokens[P] in one pass: -> (state, logits[V] for what follows it)."""

        def layer(xs: jax.Array, cell: Any) -> tuple[jax.Array, Any]:
            state, ys = unroll(cell, xs)
            return ys, state

        ys, state = jax.lax.scan(layer, self.embed(tokens), self.layers)
        return state, self.logits(ys[-1])
