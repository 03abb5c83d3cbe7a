"""Beam search: the likeliest continuations of a prompt, as far as a beam of prefixes sees."""

from functools import partial
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from rnnlib.decoding.generate import StepModel, checked_prompt, read_prompt
from rnnlib.decoding.strategies import (
    Penalties,
    as_pytree,
    checked_count,
    checked_number,
    no_distribution,
)


def beam_search(
    model: StepModel,
    prompt: ArrayLike,
    length: int,
    width: int,
    stop: int | None = None,
    penalties: Penalties | None = None,
    length_power: float = 0.0,
) -> tuple[jax.Array, jax.Array]:
    """Search for the likeliest continuations, keeping the `width` best prefixes at every step.

        score(w_1 .. w_t) = sum_i ln p(w_i | prompt, w_1 .. w_{i-1}) / t^length_power

    A prefix that has met `stop`, its last w_t, keeps its score, and its place while fewer than
    `width` are better. With no `length_power`, a text that stops early has fewer terms, and wins
    more often. With `penalties` (see there), p is the law of the penalised logits, normalised; a
    prefix for which they block every token has no continuation, and leaves the beam.
    Width 1 is greedy; at V^length, the number of all texts, nothing is thrown away.

    Shapes and units: prompt int[P] -> (int32[width, length], scores float[width] in nats, or nats
    per t^length_power), best first. A score of -inf marks a row without a text: with `stop` or
    blocked tokens there may be too few of them. Another number compiles nothing.
    Raises: ValueError (an empty prompt, a token or stop outside the vocabulary, length < 1,
    width < 1 or > V^length, a length_power outside 0 .. 10), TypeError (a prompt, length, width or
    stop that is no integer, a length_power that is no number, penalties that are no function),
    FloatingPointError (NaN, +inf or nothing but -inf for the logits of a prefix, or every token
    blocked for every prefix; under someone's jit, where nothing can be raised, the scores are NaN
    instead).
    Reference: Graves (2012), Sequence transduction with recurrent neural networks; Wu et al.
    (2016), Google's neural machine translation system (length). See lesson 10.
    """
    if (length := checked_count("length", length)) < 1:
        raise ValueError(f"length must be >= 1, got {length}")
    if (width := checked_count("width", width)) < 1:
        raise ValueError(f"width must be >= 1, got {width}")
    prompt, vocabulary_size, stop = checked_prompt(model, prompt, stop)
    if width > vocabulary_size**length:
        raise ValueError(
            f"width must be <= V^length = {vocabulary_size**length}, the number of texts, "
            f"got {width}"
        )
    if not 0 <= (length_power := checked_number("length_power", length_power)) <= 10:
        raise ValueError(f"length_power must be in 0 .. 10, got {length_power}")
    seen = prompt[:0]  # what stands before the texts: of interest to penalties only
    if penalties is not None:
        seen, penalties = prompt, as_pytree("penalties", penalties)
    read = read_prompt(model, prompt)
    texts, scores, broken = _search(model, read, seen, penalties, stop, length_power, length, width)
    if not isinstance(broken, jax.core.Tracer):
        for t, row in np.argwhere(broken)[:1]:
            raise no_distribution(f" in row {row} at position {t}")
    return texts, scores


@partial(jax.jit, static_argnames=("length", "width"))
def _search(
    model: StepModel,
    read: Any,
    seen: jax.Array,
    penalties: Penalties | None,
    stop: int,
    length_power: float,
    length: int,
    width: int,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return the texts, their scores, and where the logits were no distribution, [T, width]."""
    vocabulary_size = len(read[1])

    def step(carry: Any, _: None) -> tuple[Any, jax.Array]:
        states, logits, seen, sums, lengths, stopped = carry
        penalised = logits if penalties is None else jax.vmap(penalties)(logits, seen)
        gains, broken = _gains(logits, penalised, sums != -jnp.inf, stopped, stop)
        sums = sums[:, None] + gains  # [width, V]
        lengths = lengths + ~stopped
        best = jax.lax.top_k((sums / lengths[:, None] ** length_power).ravel(), width)[1]
        parents, tokens = jnp.divmod(best, vocabulary_size)
        states, seen, lengths, stopped = jax.tree.map(
            lambda leaf: leaf[parents], (states, seen, lengths, stopped)
        )
        seen = jnp.concatenate([seen[:, 1:], tokens[:, None]], axis=1)
        states, logits = jax.vmap(model.step)(states, tokens)
        carry = states, logits, seen, sums.ravel()[best], lengths, stopped | (tokens == stop)
        return carry, broken

    # All rows start from the prompt, but only one of them counts: the others would be its doubles.
    seen = jnp.pad(seen, (length, 0), constant_values=vocabulary_size)  # V: no token
    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (width, *leaf.shape)), (*read, seen))
    sums = jnp.where(jnp.arange(width) == 0, 0.0, -jnp.inf)
    start = (*start, sums, jnp.zeros(width, jnp.int32), jnp.zeros(width, bool))
    (_, _, seen, sums, lengths, _), broken = jax.lax.scan(step, start, length=length)
    return seen[:, -length:], sums / lengths**length_power, broken


def _gains(
    logits: jax.Array, penalised: jax.Array, alive: jax.Array, stopped: jax.Array, stop: int
) -> tuple[jax.Array, jax.Array]:
    """Return what each token adds to each row's sum, and where the logits were no distribution."""
    highest = penalised.max(axis=-1)
    ended = ~alive | (~stopped & (highest == -jnp.inf))  # every token is blocked
    fine = jnp.isfinite(logits.max(axis=-1)) & (highest < jnp.inf)
    broken = alive & ~stopped & (~fine | ended.all())
    gains = jnp.where(penalised == -jnp.inf, -jnp.inf, jax.nn.log_softmax(penalised))
    only_stop = jnp.where(jnp.arange(logits.shape[1]) == stop, 0.0, -jnp.inf)  # [V]
    gains = jnp.where(stopped[:, None], only_stop[None, :], gains)
    gains = jnp.where(broken[:, None], jnp.nan, gains)
    return jnp.where(alive[:, None], gains, 0.0), broken
