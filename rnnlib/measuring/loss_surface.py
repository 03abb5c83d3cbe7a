"""The surface that a network learns on, along a line through its weights."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from numpy.typing import ArrayLike


def loss_along(
    loss: Callable[[Any], jax.Array], model: Any, direction: Any, distances: ArrayLike
) -> tuple[jax.Array, jax.Array]:
    """Walk through weight space along a line: the loss, and the length of its gradient.

    L(w + s u) and |grad L(w + s u)|,  u = direction / |direction|

    Shapes: loss: model -> scalar; direction, a tree like the model (a gradient, say);
    distances[N], lengths in weight space -> losses[N], gradient norms[N].
    Raises: ValueError (a direction of other shapes than the model's, or of length zero).
    Reference: Pascanu, Mikolov & Bengio (2013), "On the difficulty of training recurrent neural
    networks", whose cliff this shows. Derived in lesson 03.
    """
    trees = [jax.tree.structure(tree) for tree in (model, direction)]
    shapes = [[jnp.shape(w) for w in jax.tree.leaves(tree)] for tree in (model, direction)]
    if trees[0] != trees[1] or shapes[0] != shapes[1]:
        raise ValueError(f"direction must be like the model {shapes[0]}, got {shapes[1]}")
    length = _length(direction)
    if not isinstance(length, Tracer) and not 0 < length < np.inf:
        raise ValueError(f"direction must have a positive, finite length, got {length}")

    def at(distance: jax.Array) -> tuple[jax.Array, jax.Array]:
        moved = jax.tree.map(lambda w, d: w + distance * (d / length), model, direction)
        value, gradient = jax.value_and_grad(loss)(moved)
        return value, _length(gradient)

    return jax.lax.map(at, jnp.asarray(distances, jnp.float32))


def _length(tree: Any) -> jax.Array:
    """Return the root of the sum of all squares."""
    return jnp.linalg.norm(jnp.stack([jnp.linalg.norm(w) for w in jax.tree.leaves(tree)]))
