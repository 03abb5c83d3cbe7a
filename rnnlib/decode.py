"""Decoding: from a model's next-token distributions to a text.

Works for any model with `prefill(tokens[P]) -> (state, logits[V])` and
`step(state, token) -> (state, logits[V])`. The prompt is read once, in one pass; the whole
continuation is one compiled scan, over a batch of keys. Another prompt length compiles only the
reading anew; another temperature, top_k, top_p or stop symbol compiles nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

Strategy = Callable[[jax.Array, jax.Array], jax.Array]  # logits[V], key -> token


class StepModel(Protocol):
    """What is asked of a model: a pytree that reads a prompt, then one token after another."""

    def prefill(self, tokens: jax.Array, /) -> tuple[Any, jax.Array]: ...

    def step(self, state: Any, token: jax.Array, /) -> tuple[Any, jax.Array]: ...


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
    prompt, vocabulary_size = _check(model, prompt, stop)
    _check_top_k(getattr(strategy, "top_k", None), vocabulary_size)
    if jax.tree_util.all_leaves([strategy]):  # an ordinary function: part of what is compiled
        strategy = jax.tree_util.Partial(strategy)
    read = _read(model, prompt)
    return _write(model, read, keys, strategy, -1 if stop is None else stop, length)


def beam_search(
    model: StepModel, prompt: ArrayLike, length: int, width: int, stop: int | None = None
) -> tuple[jax.Array, jax.Array]:
    """Search for the likeliest continuations, keeping the `width` best prefixes at every step.

        score(w_1 .. w_t) = sum_i ln p(w_i | prompt, w_1 .. w_{i-1})

    A prefix that has met `stop` keeps its score, and its place while fewer than `width` are better.
    Width 1 is greedy; at V^length, the number of all texts, nothing is thrown away.

    Shapes and units: prompt int[P] -> (int32[width, length], scores float[width] in nats), best
    first. A score of -inf marks a row without a text: with `stop` there may be too few of them.

    Raises:
        ValueError: an empty prompt, a token (or stop) outside the vocabulary, length < 1,
            width < 1 or > V^length.
        TypeError: a prompt that does not hold integers.

    Reference: Graves (2012), Sequence transduction with recurrent neural networks. See lesson 10.
    """
    if length < 1:
        raise ValueError(f"length must be >= 1, got {length}")
    if width < 1:
        raise ValueError(f"width must be >= 1, got {width}")
    prompt, vocabulary_size = _check(model, prompt, stop)
    if width > vocabulary_size**length:
        raise ValueError(
            f"width must be <= V^length = {vocabulary_size**length}, the number of texts, "
            f"got {width}"
        )
    return _search(model, _read(model, prompt), -1 if stop is None else stop, length, width)


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
        _check_top_k(self.top_k, len(logits))
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


@jax.jit
def _read(model: StepModel, prompt: jax.Array) -> tuple[Any, jax.Array]:
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


@partial(jax.jit, static_argnames=("length", "width"))
def _search(
    model: StepModel, read: Any, stop: int, length: int, width: int
) -> tuple[jax.Array, jax.Array]:
    vocabulary_size = len(read[1])
    only_stop = jnp.where(jnp.arange(vocabulary_size) == stop, 0.0, -jnp.inf)  # [V]

    def step(carry: Any, t: jax.Array) -> tuple[Any, None]:
        states, logits, scores, texts, stopped = carry
        gains = jnp.where(stopped[:, None], only_stop[None, :], jax.nn.log_softmax(logits))
        candidates = scores[:, None] + gains  # [width, V]
        scores, best = jax.lax.top_k(candidates.ravel(), width)
        parents, tokens = jnp.divmod(best, vocabulary_size)
        texts = texts[parents].at[:, t].set(tokens)
        stopped = stopped[parents] | (tokens == stop)
        states = jax.tree.map(lambda leaf: leaf[parents], states)
        states, logits = jax.vmap(model.step)(states, tokens)
        return (states, logits, scores, texts, stopped), None

    # All rows start from the prompt, but only one of them counts: the others would be its doubles.
    read = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (width, *leaf.shape)), read)
    scores = jnp.where(jnp.arange(width) == 0, 0.0, -jnp.inf)
    texts = jnp.zeros((width, length), jnp.int32)
    start = (*read, scores, texts, jnp.zeros(width, bool))
    (_, _, scores, texts, _), _ = jax.lax.scan(step, start, jnp.arange(length))
    return texts, scores


def _check(model: StepModel, prompt: ArrayLike, stop: int | None) -> tuple[jax.Array, int]:
    """The prompt as an array, if the model can read it, and V."""
    # A traced prompt (under someone's vmap or jit) has a shape and a type, but no values to check.
    traced = isinstance(prompt, jax.core.Tracer)
    tokens: Any = prompt if traced else np.asarray(prompt)
    if tokens.size == 0:
        raise ValueError("prompt must hold at least one token, got none")
    if tokens.ndim != 1 or not jnp.issubdtype(tokens.dtype, jnp.integer):
        raise TypeError(f"prompt must be int[P], got {tokens.dtype}{list(tokens.shape)}")
    shaped = jax.ShapeDtypeStruct(tokens.shape, jnp.int32)
    vocabulary_size = jax.eval_shape(_read, model, shaped)[1].shape[-1]
    for token in [] if traced else tokens:
        _check_token("prompt", token, vocabulary_size)
    if stop is not None:
        _check_token("stop", stop, vocabulary_size)
    return jnp.asarray(tokens, jnp.int32), vocabulary_size


def _check_token(name: str, token: int, vocabulary_size: int) -> None:
    if not 0 <= token < vocabulary_size:
        raise ValueError(f"{name} must be in 0 .. {vocabulary_size - 1}, got {token}")


def _check_top_k(top_k: int | None, vocabulary_size: int) -> None:
    if isinstance(top_k, int) and top_k > vocabulary_size:  # traced, it was checked before
        raise ValueError(f"top_k must be <= V = {vocabulary_size}, got {top_k}")
