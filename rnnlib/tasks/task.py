"""What a task is, and what it draws: sequences, and what should be said at each position."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

import jax
import jax.numpy as jnp


class Example(NamedTuple):
    """A sequence and what should be said at each position of it."""

    inputs: jax.Array  # [T] tokens, or [T, 2] numbers
    targets: jax.Array  # [T]; 0 where the mask is False
    mask: jax.Array  # [T], True where the target counts


def answered_last(inputs: jax.Array, answer: jax.Array) -> Example:
    """Ask for one answer, at the last position."""
    last = jnp.arange(len(inputs)) == len(inputs) - 1
    return Example(inputs, jnp.where(last, answer, 0), last)


class Questions(Protocol):
    """What every example has: the fields of `Example`, and maybe others behind them."""

    @property
    def inputs(self) -> jax.Array: ...
    @property
    def targets(self) -> jax.Array: ...
    @property
    def mask(self) -> jax.Array: ...


class Task(Protocol):
    """What every task is: a frozen dataclass, so that equal settings are equal tasks.

    Its examples all have the same shapes, are drawn by `task(key)` alone, and go through `jax.jit`
    and `jax.vmap`; many at once come from `batches`.
    """

    def __call__(self, key: jax.Array, /) -> Questions:
        """Draw one example: a pure function of its key."""
        ...

    @property
    def vocabulary_size(self) -> int:
        """How many tokens there are, 0 up; 0 in a task of numbers, which has none."""
        ...

    def floor(self) -> float:
        """Return what to measure a model against, without training any.

        The task's docstring says in which measure, and whether guessing reaches it, or nobody gets
        below it.
        """
        ...


Drawn = TypeVar("Drawn")


def batches(task: Callable[[jax.Array], Drawn], size: int) -> Callable[[jax.Array], Drawn]:
    """Make a sampler of batches, key -> what the task draws with a leading axis [B, ...].

    `task` is a `Task`, or any function of a key.

    Raises: ValueError (a size under 1).
    """
    check_at_least(1, size=size)
    return lambda key: jax.vmap(task)(jax.random.split(key, size))


def check_at_least(least: int, **sizes: int) -> None:
    """Raise ValueError unless each size is a whole number and no smaller than `least`."""
    for name, size in sizes.items():
        if not (isinstance(size, int) and size >= least):
            raise ValueError(f"{name} must be a whole number >= {least}, got {size}")
