"""How far back a language model looks: what it loses when its context is cut or shuffled."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

_ROWS = 16  # read side by side: the logits of 16 texts of 500 words out of 5,000 take 160 MB


def cut_context(
    model: Callable[[jax.Array], jax.Array],
    tokens: ArrayLike,
    ends: ArrayLike,
    contexts: Sequence[int],
) -> jax.Array:
    """Measure what a language model loses if it sees only the last c tokens, for each c.

    -log p(tokens[e] | tokens[e - c .. e - 1])

    Shapes and units: model: tokens[T] -> logits[T, V]; tokens[L], ends[N], C contexts
    -> losses[C, N], in nats. Each context is compiled once and read from the zero state.
    Raises: ValueError (a context under 1, or an end that lacks it or lies outside the text).
    Reference: Khandelwal, He, Qi & Jurafsky (2018), "Sharp nearby, fuzzy far away". Derived in
    lesson 05.
    """
    tokens, ends = _checked(tokens, ends, contexts)
    windows = (_last(tokens, ends, context) for context in contexts)
    return jnp.stack([_losses(model, window, tokens[ends]) for window in windows])


def shuffle_context(
    model: Callable[[jax.Array], jax.Array],
    tokens: ArrayLike,
    ends: ArrayLike,
    nears: Sequence[int],
    *,
    length: int,
    key: jax.Array,
) -> jax.Array:
    """Measure what a language model loses if the order of all but the nearest tokens is lost.

    -log p(tokens[e] | permuted tokens[e - length .. e - near - 1], tokens[e - near .. e - 1])

    Every target and every `near` has its own permutation; near = length permutes nothing.

    Shapes and units: as in `cut_context`, with M nears -> losses[M, N], in nats.
    Raises: ValueError (a near outside 0 .. length, and as `cut_context`).
    Reference: Khandelwal, He, Qi & Jurafsky (2018), "Sharp nearby, fuzzy far away". Derived in
    lesson 05.
    """
    tokens, ends = _checked(tokens, ends, [length])
    if not len(nears) or not 0 <= min(nears) <= max(nears) <= length:
        raise ValueError(f"nears must be in 0 .. length = {length}, got {list(nears)}")
    places, shape = np.arange(length), (len(nears), len(ends), length)
    far = places < length - np.asarray(nears)[:, None]  # [M, length]
    ranks = jnp.where(far[:, None], jax.random.uniform(key, shape), places[None, None])
    order = np.argsort(ranks, axis=-1)  # far ones first, at random; then the near ones as they are
    windows = np.take_along_axis(_last(tokens, ends, length)[None], order, axis=-1)
    targets = np.tile(tokens[ends], len(nears))
    return _losses(model, windows.reshape(-1, length), targets).reshape(shape[:2])


def _checked(
    tokens: ArrayLike, ends: ArrayLike, contexts: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    found = np.asarray(ends)
    if found.ndim != 1 or not found.size or not 0 <= found.min() <= found.max() < np.size(tokens):
        raise ValueError(f"ends must be places in a text of {np.size(tokens)} tokens, got {ends}")
    if not len(contexts) or min(contexts) < 1:
        raise ValueError(f"contexts must be one or more numbers >= 1, got {list(contexts)}")
    if max(contexts) > found.min():
        raise ValueError(f"a context of {max(contexts)} does not fit before end {found.min()}")
    return np.asarray(tokens), found


def _last(tokens: np.ndarray, ends: np.ndarray, context: int) -> np.ndarray:
    """Cut out the tokens before each end: [N, context]."""
    return tokens[ends[:, None] - context + np.arange(context)]


def _losses(model: Any, windows: np.ndarray, targets: np.ndarray) -> jax.Array:
    """Return -log p(target | window) for windows[N, c] and targets[N].

    `prefill`, where a model has it, scores the last token only: over 5,000 words that is three
    times as fast as scoring them all.
    """

    def loss(pair: tuple[jax.Array, jax.Array]) -> jax.Array:
        window, target = pair
        logits = model.prefill(window)[1] if hasattr(model, "prefill") else model(window)[-1]
        return -jax.nn.log_softmax(logits)[target]

    count = len(targets)
    rows = np.arange(-(-count // _ROWS) * _ROWS) % count  # whole batches: one program for all
    return jax.lax.map(loss, (windows[rows], targets[rows]), batch_size=_ROWS)[:count]
