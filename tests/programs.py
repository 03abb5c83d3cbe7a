"""What a program computes, as JAX writes it down: for tests of what need not be in memory."""

from collections.abc import Iterator
from typing import Any

import jax


def array_sizes(jaxpr: Any) -> Iterator[int]:
    """Yield the size of every array of a program, the programs inside it included."""
    for equation in jaxpr.eqns:
        yield from (variable.aval.size for variable in equation.outvars)
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=is_program):
            if is_program(inner):
                yield from array_sizes(getattr(inner, "jaxpr", inner))


def is_program(x: Any) -> bool:
    return hasattr(x, "eqns")
