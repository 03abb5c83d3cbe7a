"""What holds in every test."""

from typing import Any

import jax
import jax.experimental
import pytest

import rnnlib  # noqa: F401  (before JAX's first computation: it counts the cores as devices)

# A silent broadcast of arrays of different rank is an error in the making.
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def enable_x64():
    """JAX's switch to double precision, for `with enable_x64(True)`: it moved after jax 0.7.2."""
    home: Any = jax if hasattr(jax, "enable_x64") else jax.experimental
    return home.enable_x64


@pytest.fixture(autouse=True, scope="module")
def _forget_compiled_programs():
    """Keep the memory of a long test run flat."""
    yield
    jax.clear_caches()
