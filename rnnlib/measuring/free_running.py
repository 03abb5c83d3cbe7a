"""How a model fares on its own text: its distance from the true law, at every position.

A source is anything with `log_law(tokens[T]) -> [T, V]`, the true law of the next token after any
prefix, such as `tasks.hidden_markov`. So what a model says can be judged behind a prefix that it
wrote itself, and that no author would have written.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from rnnlib.decoding.generate import StepModel, generate
from rnnlib.decoding.strategies import Strategy, sample

RESOLUTION = 1e-5  # nats: what float32 leaves of a divergence that is zero


def own_texts(
    model: StepModel,
    firsts: jax.Array,
    length: int,
    key: jax.Array,
    strategy: Strategy | None = None,
) -> jax.Array:
    """Let a model write on behind each first token, by itself: its own prefixes.

    Shapes: firsts int[N] -> int[N, length], the first tokens included.
    Raises: ValueError (a length under 2, or what `generate` refuses).
    """
    if length < 2:
        raise ValueError(f"a text must have a first token and one more, got length {length}")
    strategy = sample() if strategy is None else strategy
    on = lambda first, key: generate(model, first[None], length - 1, key[None], strategy)[0]  # noqa: E731
    keys = jax.random.split(key, len(firsts))
    return jnp.concatenate([firsts[:, None], jax.vmap(on)(firsts, keys)], axis=1)


def divergence(source: Any, model: Callable[[jax.Array], jax.Array], texts: jax.Array) -> jax.Array:
    """Measure how far a model is from the true law behind every prefix of some texts.

    KL(o(· | x_1 .. x_t) ‖ p(· | x_1 .. x_t)) = Σ_v o_v (ln o_v - ln p_v)

    The texts may be the source's or the model's own: each is judged by the law behind itself.

    Shapes and units: texts[N, T], model: tokens[T] -> logits[T, V] -> [N, T], in nats.
    Reference: Arora et al. (2022), "Why exposure bias matters: an imitation learning perspective
    of error accumulation in language generation", with an exact oracle in place of a model.
    Derived in lesson 08.
    """

    def of_one(text: jax.Array) -> jax.Array:
        law: jax.Array = source.log_law(text)
        log_p = jax.nn.log_softmax(model(text))
        return jnp.sum(jnp.exp(law) * jnp.where(law > -jnp.inf, law - log_p, 0), axis=1)

    return jax.lax.map(of_one, texts, batch_size=64)


def excess_error(own: ArrayLike, true: ArrayLike) -> np.ndarray:
    """Return by how many percent a model is further off on its own prefixes than on true ones.

    100 (Σ_{t <= l} ε_own(t) / Σ_{t <= l} ε_true(t) - 1), ε(t) the mean divergence at position t.

    Errors that do not feed on one another leave it level in l, at 0 if own prefixes are as
    easy as true ones. Where both sums stay under RESOLUTION a position it is 0.

    Shapes and units: divergences own[N, T] and true[M, T], in nats -> [T], in percent.
    Raises: ValueError (other shapes).
    Reference: Arora et al. (2022), as `divergence`: their %ExAccErr. Derived in lesson 08.
    """
    own, true = np.asarray(own, float), np.asarray(true, float)
    if own.ndim != 2 or true.ndim != 2 or own.shape[1] != true.shape[1]:
        raise ValueError(f"divergences must be [N, T] and [M, T], got {own.shape}, {true.shape}")
    sums = [np.cumsum(part.mean(axis=0)) for part in (own, true)]
    nothing = np.maximum(*sums) < RESOLUTION * np.arange(1, own.shape[1] + 1)
    return 100 * (np.where(nothing, 1, sums[0]) / np.where(nothing, 1, sums[1]) - 1)


def with_burst(texts: jax.Array, start: int, noise: jax.Array) -> jax.Array:
    """Write noise[N, L] over the tokens at positions start .. start + L - 1 of texts[N, T].

    Raises: ValueError (noise for another number of texts, or beyond their end).
    """
    rows, length = noise.shape
    if rows != len(texts) or not 0 <= start <= texts.shape[1] - length:
        raise ValueError(
            f"noise {noise.shape} at {start} does not fit into texts {tuple(texts.shape)}"
        )
    return texts.at[:, start : start + length].set(noise)


def recovery_steps(after: ArrayLike, level: float) -> float:
    """Return how many tokens behind a disturbance a divergence is back at a level; inf if never.

    The first j with ε(j) <= level, counted from 1 for the first token behind the disturbance.

    Shapes and units: after[T'], in nats, from the first undisturbed token on.
    Raises: ValueError (an empty array, or a level that is not > 0).
    """
    after = np.asarray(after, float)
    if after.ndim != 1 or not after.size or not level > 0:
        raise ValueError(f"needs after[T'], T' >= 1, and a level > 0, got {after.shape}, {level}")
    back = after <= level
    return float(back.argmax() + 1) if back.any() else np.inf
