"""Decoding: from a model's next-token distributions to a text.

Works for any model with `prefill(tokens[P]) -> (state, logits[V])` and
`step(state, token) -> (state, logits[V])`. The prompt is read once, in one pass; the whole
continuation is one compiled scan, over a batch of keys. Another prompt length compiles only the
reading anew; another temperature, top_k, top_p or stop symbol compiles nothing.
"""

from functools import partial
from typing import Any, Protocol

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from rnnlib.decoding.strategies import Strategy, check_top_k


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

    A strategy is `greedy()`, `sample(...)` or your own function (logits[V], key) -> token; define
    that one once, for a function made anew at each call is compiled at each call. What comes after
    a `stop` symbol is filled with it.

    Shapes: prompt int[P], keys[B] as from `jax.random.split(key, B)` -> int32[B, length], without
    the prompt. A row depends on its own key alone.

    Raises:
        ValueError: an empty prompt, a token (or stop) outside the vocabulary, length < 1,
            keys that are no batch, top_k > V.
        TypeError: a prompt that does not hold integers.

    Reference: Sutskever, Martens and Hinton (2011), Generating text with recurrent neural networks.
    See lesson 01.
    """
    if length < 1:
        raise ValueError(f"length must be >= 1, got {length}")
    single_key_ndim = 0 if jnp.issubdtype(keys.dtype, jax.dtypes.prng_key) else 1
    if keys.ndim != single_key_ndim + 1:
        raise ValueError(f"keys must be a batch, keys[B], got an array of shape {keys.shape}")
    prompt, vocabulary_size = checked_prompt(model, prompt, stop)
    check_top_k(getattr(strategy, "top_k", None), vocabulary_size)
    if jax.tree_util.all_leaves([strategy]):  # an ordinary function: part of what is compiled
        strategy = jax.tree_util.Partial(strategy)
    read = read_prompt(model, prompt)
    return _write(model, read, keys, strategy, -1 if stop is None else stop, length)


@jax.jit
def read_prompt(model: StepModel, prompt: jax.Array) -> tuple[Any, jax.Array]:
    return model.prefill(prompt)


@partial(jax.jit, static_argnames="length")
def _write(
    model: StepModel, read: Any, keys: jax.Array, strategy: Strategy, stop: int, length: int
) -> jax.Array:
    def step(carry: Any, key: jax.Array) -> tuple[Any, jax.Array]:
        state, logits, stopped = carry
        token = jnp.where(stopped, stop, strategy(logits, key)).astype(jnp.int32)
        state, logits = model.step(state, token)
        return (state, logits, stopped | (token == stop)), token

    def text(key: jax.Array) -> jax.Array:
        return jax.lax.scan(step, (*read, jnp.array(False)), jax.random.split(key, length))[1]

    return jax.vmap(text)(keys)  # [B, T]


def checked_prompt(model: StepModel, prompt: ArrayLike, stop: int | None) -> tuple[jax.Array, int]:
    """The prompt as an array, if the model can read it, and V."""
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
        _check_token("stop", stop, vocabulary_size)
    return jnp.asarray(tokens, jnp.int32), vocabulary_size


def _check_token(name: str, token: int, vocabulary_size: int) -> None:
    if not 0 <= token < vocabulary_size:
        raise ValueError(f"{name} must be in 0 .. {vocabulary_size - 1}, got {token}")
