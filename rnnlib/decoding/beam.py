"""Beam search: the likeliest continuations of a prompt, as far as a beam of prefixes sees."""

from functools import partial
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from rnnlib.decoding.generate import StepModel, checked_prompt, read_prompt
from rnnlib.decoding.strategies import checked_count, no_distribution


def beam_search(
    model: StepModel, prompt: ArrayLike, length: int, width: int, stop: int | None = None
) -> tuple[jax.Array, jax.Array]:
    """Search for the likeliest continuations, keeping the `width` best prefixes at every step.

        score(w_1 .. w_t) = sum_i ln p(w_i | prompt, w_1 .. w_{i-1})

    A prefix that has met `stop` keeps its score, and its place while fewer than `width` are better.
    Width 1 is greedy; at V^length, the number of all texts, nothing is thrown away.

    Shapes and units: prompt int[P] -> (int32[width, length], scores float[width] in nats), best
    first. A score of -inf marks a row without a text: with `stop` there may be too few of them.
    Raises: ValueError (an empty prompt, a token or stop outside the vocabulary, length < 1,
    width < 1 or > V^length), TypeError (a prompt, length, width or stop that is no integer),
    FloatingPointError (NaN, +inf or nothing but -inf for the logits of a prefix; under someone's
    jit, where nothing can be raised, the scores are NaN instead).
    Reference: Graves (2012), Sequence transduction with recurrent neural networks.
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
    read = read_prompt(model, prompt)
    texts, scores, broken = _search(model, read, stop, length, width)
    if not isinstance(broken, jax.core.Tracer):
        for t, row in np.argwhere(broken)[:1]:
            raise no_distribution(f" in row {row} at position {t}")
    return texts, scores


@partial(jax.jit, static_argnames=("length", "width"))
def _search(
    model: StepModel, read: Any, stop: int, length: int, width: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return the texts, their scores, and where the logits were no distribution, [T, width]."""
    vocabulary_size = len(read[1])
    only_stop = jnp.where(jnp.arange(vocabulary_size) == stop, 0.0, -jnp.inf)  # [V]

    def step(carry: Any, t: jax.Array) -> tuple[Any, jax.Array]:
        # A rule about what has been said would change `logits` here: `texts[:, :t]` is at hand.
        states, logits, scores, texts, stopped = carry
        alive = scores != -jnp.inf
        broken = alive & ~stopped & ~jnp.isfinite(logits.max(axis=-1))
        gains = jnp.where(stopped[:, None], only_stop[None, :], jax.nn.log_softmax(logits))
        gains = jnp.where(broken[:, None], jnp.nan, gains)
        candidates = scores[:, None] + jnp.where(alive[:, None], gains, 0.0)  # [width, V]
        scores, best = jax.lax.top_k(candidates.ravel(), width)
        parents, tokens = jnp.divmod(best, vocabulary_size)
        texts = texts[parents].at[:, t].set(tokens)
        stopped = stopped[parents] | (tokens == stop)
        states = jax.tree.map(lambda leaf: leaf[parents], states)
        states, logits = jax.vmap(model.step)(states, tokens)
        return (states, logits, scores, texts, stopped), broken

    # All rows start from the prompt, but only one of them counts: the others would be its doubles.
    read = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (width, *leaf.shape)), read)
    scores = jnp.where(jnp.arange(width) == 0, 0.0, -jnp.inf)
    texts = jnp.zeros((width, length), jnp.int32)
    start = (*read, scores, texts, jnp.zeros(width, bool))
    (_, _, scores, texts, _), broken = jax.lax.scan(step, start, jnp.arange(length))
    return texts, scores, broken
