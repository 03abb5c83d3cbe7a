"""Losses of a model on a batch or on a whole text, in nats, bits or as a perplexity."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.core import Tracer
from numpy.typing import ArrayLike

from rnnlib.models.batches import read_batch


def next_token_loss(model: Callable[[jax.Array], jax.Array], tokens: jax.Array) -> jax.Array:
    """Return the mean of -log p(next token) over a batch of windows, in nats per token.

    Shapes: tokens[B, T + 1]: tokens 0 to T - 1 are read, tokens 1 to T predicted.
    """
    logits = read_batch(model, tokens[:, :-1])  # [B, T, V]
    return optax.softmax_cross_entropy_with_integer_labels(logits, tokens[:, 1:]).mean()


def masked_loss(model: Callable[[jax.Array], jax.Array], batch: Any) -> jax.Array:
    """Return the mean of -log p(target) over the positions that count, in nats.

    Shapes: batch.inputs[B, T], batch.targets[B, T] and batch.mask[B, T], True where it counts;
    NaN where nothing does.
    """
    logits = read_batch(model, batch.inputs)  # [B, T, V]
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, batch.targets)  # [B, T]
    return losses.mean(where=batch.mask)


def masked_accuracy(model: Callable[[jax.Array], jax.Array], batch: Any) -> jax.Array:
    """Return the share of the positions that count at which the likeliest token is the target.

    The shapes are those of `masked_loss`.
    """
    likeliest = read_batch(model, batch.inputs).argmax(axis=-1)  # [B, T]
    return (likeliest == batch.targets).mean(where=batch.mask)


def exact_match(model: Callable[[Any], jax.Array], batch: Any) -> jax.Array:
    """Return the share of sequences in which the likeliest token is right wherever it counts.

    Where the model reads what should have been written before, as an encoder-decoder in training
    does, this is also the exact match of greedy decoding: both read the same up to the first error.

    Shapes: batch.inputs with a leading axis B, targets[B, T] and mask[B, T], True where it counts;
    a sequence in which nothing counts is right.
    """
    likeliest = read_batch(model, batch.inputs).argmax(axis=-1)  # [B, T]
    return ((likeliest == batch.targets) | ~batch.mask).all(axis=-1).mean()


def evaluate(
    model: Callable[[jax.Array], jax.Array], tokens: np.ndarray, rows: int = 64
) -> jax.Array:
    """Return the loss on a whole text, in nats per token.

    The text is laid out in `rows` contiguous rows that are read side by side, each from the zero
    state: only a row's first tokens lack context. Up to `rows` tokens at the end are left out.

    Raises: ValueError (a text that is too short for so many rows, or has a token that is not below
    `model.vocabulary_size`; JAX itself would read another one, or give NaN).
    """
    size = getattr(model, "vocabulary_size", None)  # a plain function has none
    if size is not None and not isinstance(tokens, Tracer):
        found = np.asarray(tokens)
        if found.size and not 0 <= found.min() <= found.max() < size:
            raise ValueError(
                f"tokens must be in [0, {size}), got {found.min()} to {found.max()}: "
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


def bits(nats: ArrayLike) -> Any:
    """Turn a loss in nats into one in bits: bits = nats / ln 2.

    Shapes and units: any shape, nats per token -> the same shape, bits per token. If the tokens
    are characters, these are bits per character, and log2 V is what knowing nothing costs.

    Reference: Shannon (1948), A mathematical theory of communication. Derived in lesson 01.
    """
    return _floats(nats) / math.log(2)


def perplexity(nats: ArrayLike) -> Any:
    """Turn a loss into the number of equally likely tokens that are as hard to guess: exp(nats).

    Shapes and units: any shape, nats per token -> the same shape, a number of tokens in 1 .. V
    for a model that is no worse than the uniform one.

    Reference: Jelinek et al. (1977), Perplexity: a measure of the difficulty of speech recognition
    tasks. Derived in lesson 02.
    """
    nats = _floats(nats)
    return jnp.exp(nats) if isinstance(nats, jax.Array) else np.exp(nats)


def _floats(nats: ArrayLike) -> Any:
    """Return a NumPy array of float64, or inside traced code a JAX array."""
    traced = any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(nats))
    return jnp.asarray(nats) if traced else np.asarray(nats, float)
