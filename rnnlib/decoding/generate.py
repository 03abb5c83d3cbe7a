"""Decoding: from a model's next-token distributions to a text.

Works for any model with `prefill(tokens[P]) -> (state, logits[V])` and
`step(state, token) -> (state, logits[V])`. The prompt is read once, in one pass; the whole
continuation is one compiled scan, over a batch of keys. Another prompt length compiles only the
reading anew (and the writing, if the strategy sees the tokens so far); another temperature, top_k,
top_p or stop symbol compiles nothing.
"""

from functools import partial
from typing import Any, Protocol

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from rnnlib.decoding.strategies import (
    NO_TOKEN,
    Strategy,
    as_pytree,
    check_tokens,
    check_top_k,
    checked_count,
    sees_tokens,
)


class StepModel(Protocol):
    """What is asked of a model: a pytree that reads a prompt, then one token after another."""

    @property
    def vocabulary_size(self) -> int: ...

    def prefill(self, tokens: jax.Array, /) -> tuple[Any, jax.Array]: ...

    def step(self, state: Any, token: jax.Array, /) -> tuple[Any, jax.Array]: ...


def generate(
    model: StepModel,
    prompt: ArrayLike,
    length: int,
    keys: jax.Array,
    strategy: Strategy,
    *,
    stop: int | None = None,
) -> jax.Array:
    """Continue the prompt once for each key: w_t = strategy(logits(prompt, w_1 .. w_{t-1}), key_t).

    A strategy is `greedy()`, `sample(...)` or your own function (logits[V], key) -> token, with a
    third parameter `tokens` if it wants to see all tokens so far (see `strategies`). Define it
    once, for a function made anew at each call is compiled at each call; its numbers may change
    freely as arguments of a `jax.tree_util.Partial`. What comes after a `stop` symbol is filled
    with it.

    Shapes: prompt int[P], keys[B] as from `jax.random.split(key, B)` -> int32[B, length], without
    the prompt. A row depends on its own key alone.
    Raises: ValueError (an empty prompt, a token or stop outside the vocabulary, length < 1, keys
    that are no batch, top_k > V, a strategy that takes no token), TypeError (a prompt, length or
    stop that is no integer, a strategy that is no function), FloatingPointError (NaN, +inf or
    nothing but -inf for logits, also if penalties block every token; under someone's jit, where
    nothing can be raised, the token is -1 instead).
    Reference: Sutskever, Martens and Hinton (2011), Generating text with recurrent neural networks.
    See lesson 01.
    """
    if (length := checked_count("length", length)) < 1:
        raise ValueError(f"length must be >= 1, got {length}")
    _check_keys(keys)
    prompt, vocabulary_size, stop = checked_prompt(model, prompt, stop)
    for part in jax.tree.leaves(strategy, is_leaf=lambda part: hasattr(part, "top_k")):
        check_top_k(getattr(part, "top_k", None), vocabulary_size)
    strategy = as_pytree("strategy", strategy)
    seen = prompt if sees_tokens(strategy) else None
    read = read_prompt(model, prompt)
    texts = _write(model, read, seen, keys, strategy, stop, length)
    check_tokens(texts, vocabulary_size)
    return texts


@jax.jit
def read_prompt(model: StepModel, prompt: jax.Array) -> tuple[Any, jax.Array]:
    return model.prefill(prompt)


@partial(jax.jit, static_argnames="length")
def _write(
    model: StepModel,
    read: Any,
    seen: jax.Array | None,
    keys: jax.Array,
    strategy: Strategy,
    stop: int,
    length: int,
) -> jax.Array:
    def step(carry: Any, key: jax.Array) -> tuple[Any, jax.Array]:
        state, logits, seen, stopped = carry
        token = strategy(logits, key) if seen is None else strategy(logits, key, tokens=seen)
        token = jnp.where(jnp.isfinite(logits.max()), token, NO_TOKEN)
        token = jnp.where(stopped, stop, token).astype(jnp.int32)
        state, logits = model.step(state, token)
        seen = None if seen is None else jnp.append(seen[1:], token)
        return (state, logits, seen, stopped | (token == stop)), token

    if seen is not None:
        seen = jnp.pad(seen, (length, 0), constant_values=len(read[1]))  # V: no token
    start = (*read, seen, jnp.array(False))
    text = lambda key: jax.lax.scan(step, start, jax.random.split(key, length))[1]  # noqa: E731
    return jax.vmap(text)(keys)  # [B, T]


def _check_keys(keys: Any) -> None:
    """Refuse what is no batch of keys, of the new kind or of the old, whose keys are uint32[2]."""
    dtype, shape = getattr(keys, "dtype", None), getattr(keys, "shape", None)
    new = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    if not (new or dtype == jnp.uint32) or len(shape or ()) != (1 if new else 2):
        got = repr(keys) if dtype is None else f"{dtype}{list(shape or ())}"
        raise ValueError(
            f"keys must be a batch, keys[B], as from jax.random.split(key, B), got {got}"
        )


def checked_prompt(
    model: StepModel, prompt: ArrayLike, stop: int | None
) -> tuple[jax.Array, int, int]:
    """Return the prompt as an array, if the model can read it, V, and stop, or -1 for none."""
    # A traced prompt (under someone's vmap or jit) has a shape and a type, but no values to check.
    traced = isinstance(prompt, jax.core.Tracer)
    tokens: Any = prompt if traced else np.asarray(prompt)
    if tokens.size == 0:
        raise ValueError("prompt must hold at least one token, got none")
    if tokens.ndim != 1 or not jnp.issubdtype(tokens.dtype, jnp.integer):
        raise TypeError(f"prompt must be int[P], got {tokens.dtype}{list(tokens.shape)}")
    vocabulary_size = model.vocabulary_size
    for token in [] if traced else tokens:
        _check_token("prompt", token, vocabulary_size)
    if stop is not None:
        _check_token("stop", stop := checked_count("stop", stop), vocabulary_size)
    return jnp.asarray(tokens, jnp.int32), vocabulary_size, NO_TOKEN if stop is None else stop


def _check_token(name: str, token: int, vocabulary_size: int) -> None:
    if not 0 <= token < vocabulary_size:
        raise ValueError(f"{name} must be in 0 .. {vocabulary_size - 1}, got {token}")
