"""Strategies of decoding: which token to take, given what the model says of the next one.

A strategy is a function (logits[V], key) -> token in 0 .. V - 1, or (logits[V], key, tokens) ->
token if one of its parameters is called `tokens`. Then it also sees all tokens so far, the prompt's
included, for rules about what has been said:

    tokens int32[P + length], the last one at the end; V, which is no token, stands before the first

so that `tokens[-1]` is the last token, and `jnp.zeros(V).at[tokens].add(1)` counts them.

From logits with NaN or +inf, or with -inf only, no token can be chosen: ours raise a
FloatingPointError, or, inside someone's jit, where nothing can be raised, take -1.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

Strategy = Callable[..., jax.Array]  # logits[V], key[, tokens] -> token
Penalties = Callable[[jax.Array, jax.Array], jax.Array]  # logits[V], tokens -> logits[V]

NO_TOKEN = -1  # what a strategy takes from logits that are no distribution


def greedy(penalties: Penalties | None = None) -> Strategy:
    """Make the strategy that takes the likeliest token: argmax_w logits_w. See lesson 01.

    With `penalties` (see there) the logits are the penalised ones.
    Raises: TypeError (penalties that are no function).
    """
    return _with_penalties(_argmax, penalties)


def sample(
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    typical_p: float | None = None,
    penalties: Penalties | None = None,
) -> Strategy:
    """Make the strategy that draws a token from the distribution, sharpened and cut off.

    p_w is proportional to exp(logits_w / temperature) for w in the kept set, and 0 elsewhere.

    A temperature of 1 changes nothing, towards 0 it becomes greedy. The cuts see the distribution
    after `penalties` and temperature, one after another, each what the one before has kept,
    normalised anew:

        top_k      the k likeliest tokens (1 .. V)
        top_p      the smallest set of likeliest ones whose share is at least top_p, in (0, 1]
        min_p      those with p_w >= min_p max p, in (0, 1]
        typical_p  the smallest set, in order of |-ln p_w - H| with H = -sum p ln p, whose share is
                   at least typical_p, in (0, 1]

    Each keeps at least one token, typical_p maybe not the likeliest. Of equals top_k, top_p and
    typical_p keep the first, min_p all. With no cut, everything is kept.

    Raises: ValueError (temperature <= 0, top_k < 1, or > V once V is known, another cut <= 0 or
    > 1), TypeError (what is not one number; a top_k that is not a whole one; penalties that are no
    function).
    Reference: Fan, Lewis and Dauphin (2018), Hierarchical neural story generation (top-k);
    Holtzman et al. (2020), The curious case of neural text degeneration (top-p); Nguyen et al.
    (2024), Turning up the heat (min-p); Meister et al. (2023), Locally typical sampling. See
    lesson 01.
    """
    # Plain numbers, whatever came in: a NumPy scalar's type would compile everything anew.
    temperature = checked_number("temperature", temperature)
    if not (temperature > 0 and np.isfinite(temperature)):
        raise ValueError(f"temperature must be > 0 and finite, got {temperature}")
    if top_k is not None and (top_k := checked_count("top_k", top_k)) < 1:
        raise ValueError(f"top_k must be >= 1, got {top_k}")
    shares = {"top_p": top_p, "min_p": min_p, "typical_p": typical_p}
    for name, share in shares.items():
        if share is not None and not 0 < (share := checked_number(name, share)) <= 1:
            raise ValueError(f"{name} must be in (0, 1], got {share}")
        shares[name] = share
    return _with_penalties(_Sample(temperature, top_k, **shares), penalties)


def _with_penalties(strategy: Strategy, penalties: Penalties | None) -> Strategy:
    if penalties is None:
        return strategy  # nothing keeps the tokens for it
    return Partial(
        _after_penalties, as_pytree("penalties", penalties), as_pytree("strategy", strategy)
    )


def _after_penalties(
    penalties: Penalties, strategy: Strategy, logits: jax.Array, key: jax.Array, tokens: jax.Array
) -> jax.Array:
    return strategy(penalties(logits, tokens), key)


def as_pytree(name: str, function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """Return a function that `jit` takes: an ordinary one becomes part of what is compiled."""
    if not callable(function):
        raise TypeError(f"{name} must be a function, got {function!r}")
    return Partial(function) if jax.tree_util.all_leaves([function]) else function


def checked_number(name: str, value: Any) -> float:
    """Return one number of whatever library as Python's."""
    array = np.asarray(value)
    if array.ndim or not jnp.issubdtype(array.dtype, jnp.number) or np.iscomplexobj(array):
        raise TypeError(f"{name} must be one number, got {value!r}")
    return float(array)


def checked_count(name: str, value: Any) -> int:
    """Return one whole number of whatever library as Python's."""
    array = np.asarray(value)
    if array.ndim or not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"{name} must be one whole number, got {value!r}")
    return int(array)


def _argmax(logits: jax.Array, key: jax.Array) -> jax.Array:
    del key
    return _taken(jnp.argmax(logits), logits)


def _taken(token: jax.Array, logits: jax.Array) -> jax.Array:
    """Return the token, or `NO_TOKEN` if these logits, with NaN or +inf or only -inf, have none."""
    token = jnp.where(jnp.isfinite(logits.max()), token, NO_TOKEN)
    if not isinstance(token, jax.core.Tracer) and token == NO_TOKEN:
        raise no_distribution()
    return token


def check_tokens(tokens: jax.Array, vocabulary_size: int) -> None:
    """Refuse tokens[B, T] if one is none; under someone's jit, where nothing can be raised, pass.

    Raises: FloatingPointError (NO_TOKEN), ValueError (another number outside the vocabulary).
    """
    if isinstance(tokens, jax.core.Tracer):
        return
    wrong = (np.asarray(tokens) < 0) | (np.asarray(tokens) >= vocabulary_size)
    for t, row in np.argwhere(wrong.T)[:1]:  # the first in time: what follows it means nothing
        if tokens[row, t] != NO_TOKEN:
            raise ValueError(
                f"a strategy must take a token in 0 .. {vocabulary_size - 1}, got {tokens[row, t]} "
                f"in row {row} at position {t}"
            )
        raise no_distribution(f" in row {row} at position {t}")


def no_distribution(where: str = "") -> FloatingPointError:
    return FloatingPointError(
        f"no token can be chosen{where}: the logits hold NaN or +inf, or nothing but -inf, as "
        "when penalties block every token"
    )


def sees_tokens(strategy: Strategy) -> bool:
    """Whether a strategy asks for the tokens so far: by the name of a parameter."""
    try:
        return "tokens" in inspect.signature(strategy).parameters
    except ValueError:  # some built-in functions have none
        return False


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["temperature", "top_k", "top_p", "min_p", "typical_p"],
    meta_fields=[],
)
@dataclass(frozen=True)
class _Sample:
    """See `sample`. A pytree of its numbers: they are traced, and a new value compiles nothing."""

    temperature: float
    top_k: int | None
    top_p: float | None
    min_p: float | None
    typical_p: float | None

    def __call__(self, logits: jax.Array, key: jax.Array) -> jax.Array:
        check_top_k(self.top_k, len(logits))
        logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))  # 16 bits tie tokens
        logits = (logits - logits.max()) / self.temperature  # max first: a tiny one cannot overflow
        cuts = self.top_k, self.top_p, self.min_p, self.typical_p
        if all(cut is None for cut in cuts):
            return _taken(jax.random.categorical(key, logits), logits)
        order = jnp.argsort(-logits)  # [V], likeliest first
        p = jax.nn.softmax(logits[order])
        kept = jnp.arange(len(logits)) < (len(logits) if self.top_k is None else self.top_k)
        if self.top_p is not None:
            kept &= _smallest(_normalised(p, kept), self.top_p)
        if self.min_p is not None:
            kept &= p >= self.min_p * p[0]
        if self.typical_p is not None:
            kept &= _typical(_normalised(p, kept), self.typical_p)
        kept = jnp.zeros(len(logits), bool).at[order].set(kept)
        return _taken(jax.random.categorical(key, jnp.where(kept, logits, -jnp.inf)), logits)


def _normalised(p: jax.Array, kept: jax.Array) -> jax.Array:
    p = jnp.where(kept, p, 0)
    return p / p.sum()


def _smallest(p: jax.Array, share: float) -> jax.Array:
    """Mark the first of p[V] that together have the share, the one that reaches it included."""
    # The shares in front of 1 can round to 1: at 1 that must cut nothing.
    return (jnp.cumsum(p) - p < share) | (share >= 1)


def _typical(p: jax.Array, share: float) -> jax.Array:
    """Mark the smallest set of p[V] with the share whose surprises are closest to the mean one."""
    order = jnp.argsort(jnp.abs(-jnp.log(p) - jax.scipy.special.entr(p).sum()))
    return jnp.zeros(len(p), bool).at[order].set(_smallest(p[order], share))


def check_top_k(top_k: int | None, vocabulary_size: int) -> None:
    if isinstance(top_k, int) and top_k > vocabulary_size:  # traced, it was checked before
        raise ValueError(f"top_k must be <= V = {vocabulary_size}, got {top_k}")
