"""Language models: an embedding, a stack of recurrent layers, and a score for each next symbol."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.core import Tracer

from rnnlib.cells import LSTM, unroll


class LanguageModel(nnx.Module):
    """A recurrent model of p(next token | all tokens so far), for characters or for words.

    x_t = sqrt(H) E[token_t];  h_t = layers(h_{t-1}, x_t);  logits_t = h_t W_out + b

    Every layer and the embedding are `hidden` wide, so that the layers are equal: one `vmap`
    makes them all, and one `scan` runs through them. With `tied=True`, W_out is E transposed.

    Shapes: tokens[T] -> logits[T, V]; a batch is `jax.vmap(model)(tokens)`.
    Raises: ValueError for a size under 1.
    Reference: Mikolov et al. (2010), "Recurrent neural network based language model"; Press & Wolf
    (2017), "Using the output embedding to improve language models". Derived in lesson 01.
    """

    def __init__(
        self,
        vocabulary: int,
        hidden: int,
        *,
        cell: Callable[..., Any] = LSTM,
        layers: int = 1,
        tied: bool = False,
        rngs: nnx.Rngs,
    ):
        if min(vocabulary, hidden, layers) < 1:
            raise ValueError(
                "vocabulary, hidden and layers must be >= 1, "
                f"got {vocabulary}, {hidden} and {layers}"
            )
        self.embed = nnx.Embed(vocabulary, hidden, rngs=rngs)
        keys = jax.random.split(rngs.params(), layers)
        self.layers = jax.vmap(lambda key: cell(hidden, hidden, rngs=nnx.Rngs(key)))(keys)
        self.readout = None if tied else nnx.Linear(hidden, vocabulary, rngs=rngs)
        self.bias = nnx.Param(jnp.zeros(vocabulary, jnp.float32)) if tied else None

    def _embed(self, tokens: jax.Array) -> jax.Array:
        """Look tokens up: tokens[...] -> xs[..., H], each entry of variance 1 at the start."""
        return self.embed.features**0.5 * self.embed(tokens)

    def _logits(self, ys: jax.Array) -> jax.Array:
        """Score every token: ys[..., H] -> logits[..., V]."""
        if self.readout is None:
            logits = self.embed.attend(ys)
            return logits + jnp.broadcast_to(self.bias[...], logits.shape)  # pyright: ignore[reportOptionalSubscript]
        return self.readout(ys)

    def __call__(self, tokens: jax.Array) -> jax.Array:
        """Return logits[T, V]; row t depends on tokens 0 to t."""
        xs = self._embed(tokens)  # [T, H]
        ys, _ = jax.lax.scan(lambda xs, cell: (unroll(cell, xs)[1], None), xs, self.layers)
        return self._logits(ys)

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
        y, state = jax.lax.scan(layer, self._embed(token), (self.layers, state), unroll=True)
        return state, self._logits(y)

    def prefill(self, tokens: jax.Array) -> tuple[Any, jax.Array]:
        """Read a prompt tokens[P] in one pass: -> (state, logits[V] for what follows it)."""

        def layer(xs: jax.Array, cell: Any) -> tuple[jax.Array, Any]:
            state, ys = unroll(cell, xs)
            return ys, state

        ys, state = jax.lax.scan(layer, self._embed(tokens), self.layers)
        return state, self._logits(ys[-1])


def next_token_loss(model: Callable[[jax.Array], jax.Array], tokens: jax.Array) -> jax.Array:
    """Return the mean of -log p(next token) over a batch of windows, in nats per token.

    Shapes: tokens[B, T + 1]: tokens 0 to T - 1 are read, tokens 1 to T predicted.
    """
    logits = jax.vmap(model)(tokens[:, :-1])  # [B, T, V]
    return optax.softmax_cross_entropy_with_integer_labels(logits, tokens[:, 1:]).mean()


def masked_loss(model: Callable[[jax.Array], jax.Array], batch: Any) -> jax.Array:
    """Return the mean of -log p(target) over the positions that count, in nats.

    Shapes: batch.inputs[B, T], batch.targets[B, T] and batch.mask[B, T], True where it counts;
    NaN where nothing does.
    """
    logits = jax.vmap(model)(batch.inputs)  # [B, T, V]
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, batch.targets)  # [B, T]
    return losses.mean(where=batch.mask)


def masked_accuracy(model: Callable[[jax.Array], jax.Array], batch: Any) -> jax.Array:
    """Return the share of the positions that count at which the likeliest token is the target.

    The shapes are those of `masked_loss`.
    """
    likeliest = jax.vmap(model)(batch.inputs).argmax(axis=-1)  # [B, T]
    return (likeliest == batch.targets).mean(where=batch.mask)


def evaluate(
    model: Callable[[jax.Array], jax.Array], tokens: np.ndarray, rows: int = 64
) -> jax.Array:
    """Return the loss on a whole text, in nats per token.

    The text is laid out in `rows` contiguous rows that are read side by side, each from the zero
    state: only a row's first tokens lack context. Up to `rows` tokens at the end are left out.

    Raises:
        ValueError: the text is too short for so many rows, or has a token that `model.embed` has
            no embedding for (JAX itself would read another one, or give NaN).
    """
    embed = getattr(model, "embed", None)  # a model without one, an n-gram model say, may pass
    if isinstance(embed, nnx.Embed) and not isinstance(tokens, Tracer):
        known, found = embed.num_embeddings, np.asarray(tokens)
        if found.size and not 0 <= found.min() <= found.max() < known:
            raise ValueError(
                f"tokens must be in [0, {known}), got {found.min()} to {found.max()}: "
                "is this the vocabulary that the model was trained with?"
            )
    length = (len(tokens) - 1) // rows
    if length < 1:
        raise ValueError(f"{len(tokens)} tokens are too few for {rows} rows")
    starts = length * np.arange(rows)[:, None]
    laid_out = jnp.asarray(tokens)[starts + np.arange(length + 1)[None, :]]  # [rows, length + 1]
    # 16 rows at a time: the logits of a whole text over 5,000 words would fill a gigabyte.
    loss_of_row = lambda row: next_token_loss(model, row[None])  # noqa: E731
    return jax.lax.map(loss_of_row, laid_out, batch_size=16).mean()


def count_parameters(model: nnx.Module) -> int:
    """Return how many numbers the model learns."""
    return sum(leaf.size for leaf in jax.tree.leaves(model))


def weights(model: nnx.Module) -> dict[str, Any]:
    """Return what a model has learned as nested dictionaries of arrays, fit for a record."""
    return nnx.to_pure_dict(nnx.state(model))


def with_weights(model: nnx.Module, values: dict[str, Any]) -> nnx.Module:
    """Put weights, as `weights` gives them, into a model of the same shape, in float32.

    The model that is given is changed, and returned.

    Raises:
        ValueError: the names or the shapes differ.
    """
    state = nnx.state(model)
    old = nnx.to_pure_dict(state)
    shapes = [jax.tree.map(np.shape, tree) for tree in (old, values)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"the model has weights of shapes {shapes[0]}, got {shapes[1]}")
    nnx.replace_by_pure_dict(state, jax.tree.map(lambda w: jnp.asarray(w, jnp.float32), values))
    nnx.update(model, state)
    return model
