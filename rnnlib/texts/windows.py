"""Splits of a text, and the windows that training draws from it."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Split(NamedTuple):
    """Three contiguous blocks of one sequence, in this order, without overlap."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(tokens: np.ndarray, validation: float = 0.05, test: float = 0.05) -> Split:
    """Cut a sequence into train, validation and test blocks, so that no window spans two.

    Raises: ValueError (a share is negative, nothing is left for training, or the sequence is so
    short that a block whose share is not 0 would be empty).
    """
    if min(validation, test) < 0 or validation + test >= 1:
        raise ValueError(
            "validation and test must be shares >= 0 that leave something to train on, "
            f"got {validation} and {test}"
        )
    first, second = (round(len(tokens) * (1 - share)) for share in (validation + test, test))
    blocks = Split(tokens[:first], tokens[first:second], tokens[second:])
    lengths, shares = [len(block) for block in blocks], (1, validation, test)
    if any(share > 0 and not length for length, share in zip(lengths, shares, strict=True)):
        raise ValueError(
            f"{len(tokens)} tokens are too few for shares of {validation} and {test}: "
            f"train, validation and test would have {lengths} tokens"
        )
    return blocks


def windows(tokens: np.ndarray, length: int, batch: int) -> Callable[[jax.Array], jax.Array]:
    """Make a sampler of training windows, key -> tokens[B, T + 1], that runs on the device.

    Each window starts at a uniformly random place and holds `length` inputs and, shifted by one,
    their `length` targets.

    Raises: ValueError (a size is under 1, a window is longer than the text, or a token is negative
    or over 2^31 - 1; the vocabulary is not known here).
    """
    if min(length, batch) < 1:
        raise ValueError(f"length and batch must be >= 1, got {length} and {batch}")
    if length + 1 > len(tokens):
        raise ValueError(
            f"a window of {length} + 1 tokens does not fit into a text of {len(tokens)}"
        )
    low, high = np.min(tokens), np.max(tokens)
    if (
        low < 0 or high >= 2**31
    ):  # on the device it would count from the end, or lose its upper bits
        raise ValueError(f"tokens must be in 0 .. 2^31 - 1, got {low} to {high}")
    store = jnp.asarray(tokens)
    offsets = jnp.arange(length + 1)

    def sample(key: jax.Array) -> jax.Array:
        starts = jax.random.randint(key, (batch, 1), 0, len(store) - length)
        return store[starts + offsets[None, :]]

    return sample
