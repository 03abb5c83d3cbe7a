"""What holds in every test."""

import jax
import pytest

import rnnlib  # noqa: F401  (before JAX's first computation: it counts the cores as devices)

# A silent broadcast of arrays of different rank is an error in the making.
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(autouse=True, scope="module")
def _forget_compiled_programs():
    """Keep the memory of a long test run flat."""
    yield
    jax.clear_caches()
