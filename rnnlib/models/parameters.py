"""A model's parameters: how many there are, and how they go into a record and back."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx


def count_parameters(model: nnx.Module) -> int:
    """Return how many numbers the model learns."""
    return sum(leaf.size for leaf in jax.tree.leaves(model))


def weights(model: nnx.Module) -> dict[str, Any]:
    """Return what a model has learned as nested dictionaries of arrays, fit for a record."""
    return nnx.to_pure_dict(nnx.state(model))


def with_weights(model: nnx.Module, values: dict[str, Any]) -> nnx.Module:
    """Put weights, as `weights` gives them, into a model of the same shape, in float32.

    The model that is given is changed, and returned.

    Raises: ValueError (the names or the shapes differ).
    """
    state = nnx.state(model)
    old = nnx.to_pure_dict(state)
    shapes = [jax.tree.map(np.shape, tree) for tree in (old, values)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"the model has weights of shapes {shapes[0]}, got {shapes[1]}")
    nnx.replace_by_pure_dict(state, jax.tree.map(lambda w: jnp.asarray(w, jnp.float32), values))
    nnx.update(model, state)
    return model
