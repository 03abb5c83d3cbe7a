"""Masked tokens, which a model has to name from what stands on both sides of them."""

import jax
import jax.numpy as jnp

from rnnlib.tasks.task import Example


def masked(
    key: jax.Array,
    tokens: jax.Array,
    *,
    mask_token: int,
    share: float = 0.15,
    hidden: float = 0.8,
    swapped: float = 0.1,
) -> Example:
    """Ask for some tokens of a text, and hide most of those that are asked for.

    Each token is asked for with probability `share`. Of those, a share of `hidden` are replaced by
    `mask_token`, a share of `swapped` by any token below it, and the rest stay, so that a model
    must have something to say at tokens that it can see.

    Shapes: tokens[...] -> inputs, targets and mask[...].
    Raises: ValueError (shares that are not in (0, 1), or do not leave 0 or more for the rest).
    Reference: Devlin et al. (2018), "BERT: pre-training of deep bidirectional transformers for
    language understanding".
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be above 0 and below 1, got {share}")
    if min(hidden, swapped) < 0 or hidden + swapped > 1:
        raise ValueError(
            f"hidden and swapped must be shares, together at most 1, got {hidden} and {swapped}"
        )
    asked, fate, other = jax.random.uniform(key, (3, *tokens.shape), jnp.float32)
    asked = asked < share
    any_token = jnp.minimum(other * mask_token, mask_token - 1).astype(tokens.dtype)
    seen = jnp.where(fate < hidden + swapped, any_token, tokens)
    seen = jnp.where(fate < hidden, mask_token, seen)
    return Example(jnp.where(asked, seen, tokens), jnp.where(asked, tokens, 0), asked)
