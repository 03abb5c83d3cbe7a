"""Strategies of decoding: which token to take, given what the model says of the next one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

Strategy = Callable[[jax.Array, jax.Array], jax.Array]  # logits[V], key -> token


def greedy() -> Strategy:
    """Make the strategy that takes the likeliest token: argmax_w logits_w. See lesson 01."""
    return _argmax


def sample(
    temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Strategy:
    """Make the strategy that draws a token from the distribution, sharpened and cut off.

    p_w is proportional to exp(logits_w / temperature) for w in the kept set, and 0 elsewhere.

    A temperature of 1 changes nothing, towards 0 it becomes greedy. Kept are the `top_k` likeliest
    tokens (1 .. V) and, of these, the smallest set of likeliest ones whose share is at least
    `top_p`, in (0, 1]. With neither, everything is kept.

    Raises:
        ValueError: temperature <= 0, top_k < 1 (or > V, once V is known), top_p outside (0, 1].

    Reference: Fan, Lewis and Dauphin (2018), Hierarchical neural story generation (top-k);
    Holtzman et al. (2020), The curious case of neural text degeneration (top-p). See lesson 01.
    """
    if not (temperature > 0 and np.isfinite(temperature)):
        raise ValueError(f"temperature must be > 0 and finite, got {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be >= 1, got {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be in (0, 1], got {top_p}")
    # Plain numbers, whatever came in: a NumPy scalar's type would compile everything anew.
    return _Sample(
        float(temperature),
        None if top_k is None else int(top_k),
        None if top_p is None else float(top_p),
    )


def _argmax(logits: jax.Array, key: jax.Array) -> jax.Array:
    del key
    return jnp.argmax(logits)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["temperature", "top_k", "top_p"],
    meta_fields=[],
)
@dataclass(frozen=True)
class _Sample:
    """See `sample`. A pytree of its numbers: they are traced, and a new value compiles nothing."""

    temperature: float
    top_k: int | None
    top_p: float | None

    def __call__(self, logits: jax.Array, key: jax.Array) -> jax.Array:
        check_top_k(self.top_k, len(logits))
        logits = (logits - logits.max()) / self.temperature  # max first: a tiny one cannot overflow
        if self.top_k is None and self.top_p is None:
            return jax.random.categorical(key, logits)
        order = jnp.argsort(-logits)  # [V], likeliest first
        kept = jnp.arange(len(logits)) < (len(logits) if self.top_k is None else self.top_k)
        if self.top_p is not None:
            p = jnp.where(kept, jax.nn.softmax(logits[order]), 0)
            p = p / p.sum()
            # The shares in front of 1 can round to 1: at top_p = 1 that must cut nothing.
            kept &= (jnp.cumsum(p) - p < self.top_p) | (self.top_p >= 1)
        kept = jnp.zeros(len(logits), bool).at[order].set(kept)
        return jax.random.categorical(key, jnp.where(kept, logits, -jnp.inf))


def check_top_k(top_k: int | None, vocabulary_size: int) -> None:
    if isinstance(top_k, int) and top_k > vocabulary_size:  # traced, it was checked before
        raise ValueError(f"top_k must be <= V = {vocabulary_size}, got {top_k}")
