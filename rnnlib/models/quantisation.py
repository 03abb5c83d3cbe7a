"""Quantisation: a state in fewer bits."""

from typing import Any

import jax
import jax.numpy as jnp


def quantise(state: Any, bits: int, low: Any, high: Any) -> Any:
    """Round each number of a state to the nearest of 2^bits values between its bounds.

    The values are evenly spaced from `low` to `high`, both included; a number beyond them becomes
    the nearer one. So one bit keeps a code of two values whole, and each number costs `bits`.

    Shapes: a pytree `state`, bounds low <= high of its shapes -> the same.
    Raises: ValueError (bits that are not a whole number of 1 to 24).
    """
    if not (isinstance(bits, int) and 1 <= bits <= 24):  # float32 has no more
        raise ValueError(f"bits must be a whole number from 1 to 24, got {bits}")
    steps = 2**bits - 1

    def nearest(x: jax.Array, low: jax.Array, high: jax.Array) -> jax.Array:
        reach = jnp.maximum(high - low, jnp.finfo(jnp.float32).tiny)
        share = jnp.round(jnp.clip((x - low) / reach, 0, 1) * steps) / steps
        return (1 - share) * low + share * high  # which is exact at both bounds

    return jax.tree.map(nearest, state, low, high)
