"""Exact match: how often a whole sequence is right."""

from collections.abc import Callable
from typing import Any

import jax


def exact_match(model: Callable[[Any], jax.Array], batch: Any) -> jax.Array:
    """Return the share of sequences in which the likeliest token is right wherever it counts.

    Where the model reads what should have been written before, as an encoder-decoder in training
    does, this is also the exact match of greedy decoding: both read the same up to the first error.

    Shapes: batch.inputs with a leading axis B, targets[B, T] and mask[B, T], True where it counts;
    a sequence in which nothing counts is right.
    """
    likeliest = jax.vmap(model)(batch.inputs).argmax(axis=-1)  # [B, T]
    return ((likeliest == batch.targets) | ~batch.mask).all(axis=-1).mean()
