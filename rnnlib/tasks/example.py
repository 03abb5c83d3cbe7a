"""What a task draws: one example, a sequence and what should be said at each position of it."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax


class Example(NamedTuple):
    """A sequence and what should be said at each position of it."""

    inputs: jax.Array  # [T] tokens, or [T, 2] numbers
    targets: jax.Array  # [T]; 0 where the mask is False
    mask: jax.Array  # [T], True where the target counts


Drawn = TypeVar("Drawn")


def batches(task: Callable[[jax.Array], Drawn], size: int) -> Callable[[jax.Array], Drawn]:
    """Make a sampler of batches, key -> what the task draws with a leading axis [B, ...].

    Raises: ValueError for a size under 1.
    """
    check_at_least(1, size=size)
    return lambda key: jax.vmap(task)(jax.random.split(key, size))


def check_at_least(least: int, **sizes: int) -> None:
    """Raise ValueError unless each size is a whole number and no smaller than `least`."""
    for name, size in sizes.items():
        if not (isinstance(size, int) and size >= least):
            raise ValueError(f"{name} must be a whole number >= {least}, got {size}")
