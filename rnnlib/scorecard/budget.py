"""What a model costs, and whether it may enter the scorecard at all."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnnlib.scorecard.trainings import LONG, VOCABULARY

PARAMETERS = 21_500  # at the most
Init = Callable[[jax.Array], Any]


def read(model: Any, tokens: jax.Array) -> jax.Array:
    """Return a batch's logits, by the model's `read_batch` if it has one: [B, T] -> [B, T, V]."""
    whole = getattr(model, "read_batch", None)
    return whole(tokens) if whole else jax.vmap(model)(tokens)


def parameters(model: Any) -> int:
    """Return how many numbers a model learns, its embedding and its readout included."""
    return sum(leaf.size for leaf in jax.tree.leaves(model))


def operations(model: Any) -> float:
    """Return the multiplications and additions in matrix products to train on one token.

    They are counted in the program that reads a batch of one sequence of 64 tokens, loops by their
    length, and three times: the way back has two products for each of the way forth.
    """
    tokens = jnp.zeros((1, LONG[1]), jnp.int32)
    program = jax.make_jaxpr(read)(model, tokens).jaxpr
    return 3 * _products(program) / LONG[1]


def state_bytes(model: Any, tokens: int = LONG[1]) -> int:
    """Return how many bytes of a model's state tell of a text of so many tokens.

    A number that is the same behind eight different texts is not counted: a cache's empty places,
    a position.
    """
    texts = jax.random.randint(jax.random.key(0), (8, tokens), 0, VOCABULARY)
    states = jax.jit(jax.vmap(lambda text: model.prefill(text)[0]))(texts)
    return sum(
        int((leaf != leaf[:1]).any(axis=0).sum()) * leaf.dtype.itemsize
        for leaf in map(np.asarray, jax.tree.leaves(states))
    )


def check_model(init: Init) -> None:
    """Refuse a model that is too large, sees what comes later, or writes other than it reads.

    It must have logits[T, 40] for tokens[T], each from the tokens up to it, and the same ones by
    `prefill` and `step`.

    Raises: ValueError (any of these, with the position).
    """
    model = jax.jit(init)(jax.random.key(0))
    size, time = parameters(model), LONG[1]
    if size > PARAMETERS:
        raise ValueError(f"the model has {size:,} parameters, and may have {PARAMETERS:,}")
    tokens = jax.random.randint(jax.random.key(1), (time,), 0, VOCABULARY)
    logits = np.asarray(_logits(model, tokens))
    if logits.shape != (time, VOCABULARY) or not np.isfinite(logits).all():
        raise ValueError(
            f"logits of {time} tokens must be finite, [{time}, {VOCABULARY}], got {logits.shape}"
        )
    changed = np.asarray(_logits_of_changed(model, tokens))  # [T, T, V], by the token changed
    apart = np.abs(changed - logits).max(axis=2)
    later, first = np.nonzero(np.tril(apart > 1e-5, -1))
    if len(later):
        raise ValueError(f"the logits at position {first[0]} see the token at position {later[0]}")
    apart = np.abs(np.asarray(_stepwise(model, tokens)) - logits[time // 2 - 1 :]).max(axis=1)
    if not (apart < 1e-3).all():
        at = time // 2 - 1 + int(np.nan_to_num(apart, nan=np.inf).argmax())
        raise ValueError(f"`step` and the whole differ by {apart.max():.2g} at position {at}")


@jax.jit
def _logits(model: Any, tokens: jax.Array) -> jax.Array:
    return read(model, tokens[None])[0]


@jax.jit
def _logits_of_changed(model: Any, tokens: jax.Array) -> jax.Array:
    """Read the tokens with another one at each place in turn: -> logits[T, T, V]."""
    other = (tokens + 1) % VOCABULARY
    return read(model, jnp.where(jnp.eye(len(tokens), dtype=bool), other[None], tokens[None]))


@jax.jit
def _stepwise(model: Any, tokens: jax.Array) -> jax.Array:
    """Read half of the tokens as a prompt, and the rest one by one: -> logits[T / 2 + 1, V]."""
    half = len(tokens) // 2
    state, first = model.prefill(tokens[:half])
    return jnp.concatenate([first[None], jax.lax.scan(model.step, state, tokens[half:])[1]])


def _products(program: Any) -> float:
    """Count the multiplications and additions of matrix products, loops by their length."""
    total = 0.0
    for equation in program.eqns:
        inner = [
            getattr(part, "jaxpr", part)
            for value in equation.params.values()
            for part in (value if isinstance(value, list | tuple) else [value])
            if hasattr(getattr(part, "jaxpr", part), "eqns")
        ]
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            left = equation.invars[0].aval.shape
            total += 2 * equation.outvars[0].aval.size * math.prod(left[d] for d in contracted)
        laps = equation.params.get("length", 1) if equation.primitive.name == "scan" else 1
        total += laps * sum(map(_products, inner))
    return total
