"""What training is told, checked before anything runs."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

ADAM = optax.scale_by_adam()


def check_key(key: Any, axes: int = 0) -> None:
    """Raise ValueError unless there is one typed key, or with `axes=1` a row of them."""
    typed = isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if not typed or key.ndim != axes or not key.size:
        needed = (
            "key must be one typed key, such as jax.random.key(0)",
            "keys must be typed keys [S], S >= 1, such as jax.random.split(jax.random.key(0), S)",
        )
        got = f"{key.dtype}{list(key.shape)}" if hasattr(key, "dtype") else type(key).__name__
        raise ValueError(f"{needed[axes]}; got {got}")


def check_numbers(
    seeds: int,
    *,
    steps: int,
    learning_rate: Any,
    clip: float,
    warmup: int,
    checks: int,
    average: float | None,
) -> None:
    """Raise ValueError for a number out of range."""
    if checks < 1 or steps < 1 or steps % checks:
        raise ValueError(f"steps must be a positive multiple of checks, got {steps} and {checks}")
    if np.shape(learning_rate) not in [(), (seeds,)]:
        raise ValueError(
            f"learning_rate must be one number or one for each of {seeds} keys, "
            f"got shape {np.shape(learning_rate)}"
        )
    if not np.all(np.asarray(learning_rate) > 0) or not clip > 0:
        raise ValueError(f"learning_rate and clip must be > 0, got {learning_rate} and {clip}")
    if not 0 <= warmup < steps:
        raise ValueError(f"warmup must be in [0, steps), got {warmup} of {steps}")
    if average is not None and not 0 < average < 1:
        raise ValueError(f"average must be None or in (0, 1), such as 0.999, got {average}")


def with_step(sample: Callable[..., Any]) -> Callable[[jax.Array, jax.Array], Any]:
    """Give a sampler both, the key and the step, if it asks for both.

    It does if two of its positional parameters have no default.

    Raises: ValueError (it asks for more).
    """
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(sample).parameters.values()
    asked = [p.name for p in parameters if p.kind in positional and p.default is p.empty]
    if len(asked) > 2:
        raise ValueError(f"sample must take (key) or (key, step), got one that takes {asked}")
    return sample if len(asked) == 2 else lambda key, step: sample(key)


def check_model(model: Any) -> None:
    """Raise ValueError unless all leaves of a model can be trained: it names those that cannot."""
    wrong, random = [], False
    for path, leaf in jax.tree_util.tree_leaves_with_path(model):
        dtype = jnp.result_type(leaf)
        if not jnp.issubdtype(dtype, jnp.floating):
            name = jax.tree_util.keystr(path, simple=True, separator=".").removesuffix(".value")
            wrong.append(f"{name or 'the model'} {dtype}{list(jnp.shape(leaf))}")
            random |= jnp.issubdtype(dtype, jax.dtypes.prng_key)
    if wrong:
        remedy = (
            "keep no nnx.Rngs in it; let each batch bring a key, for instance for "
            "nnx.Dropout(rate)(x, rngs=nnx.Rngs(key))"
            if random
            else "keep constants in a tuple, or outside of it"
        )
        raise ValueError(
            f"a model's arrays must hold real floats, got {', '.join(wrong)}: {remedy}"
        )


def check_optimizer(optimizer: Any, init: Callable[[jax.Array], Any], key: jax.Array) -> None:
    """Raise ValueError unless an optimizer leaves it to the learning rate to go downhill.

    It is asked what it makes of a gradient of ones, at weights of 0.
    """
    remedy = "instead of optax.adam(1e-3), say, optax.scale_by_adam() and learning_rate=1e-3"
    if not isinstance(optimizer, optax.GradientTransformation):
        raise ValueError(f"optimizer must be made by optax, got {optimizer!r}; {remedy}")
    if optimizer is ADAM:
        return
    model = jax.eval_shape(init, key)
    check_model(model)
    zeros, ones = (
        jax.tree.map(lambda leaf, fill=fill: fill(leaf.shape, leaf.dtype), model)
        for fill in (np.zeros, np.ones)
    )

    def along(weights: Any, gradient: Any) -> jax.Array:
        direction, _ = optimizer.update(gradient, optimizer.init(weights), weights)
        return jnp.stack([jnp.real(leaf).sum() for leaf in jax.tree.leaves(direction)]).sum()

    if jax.jit(along)(zeros, ones) < 0:
        raise ValueError(
            "optimizer must point along the gradient, without a learning rate of its own, "
            f"got one that points against it; {remedy}"
        )


def shapes(tree: Any) -> list[str]:
    """List a tree's leaves by name, type and shape."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [f"{jax.tree_util.keystr(path)} {leaf.dtype}{leaf.shape}" for path, leaf in leaves]
