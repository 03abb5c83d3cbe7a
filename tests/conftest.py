"""What holds in every test."""

import os
import subprocess
from typing import Any

import jax
import jax.experimental
import pytest

import rnnlib  # noqa: F401  (before JAX's first computation: it counts the cores as devices)

# Inside a hook these name the repository of the commit: git would write a test's commits into it.
for name in subprocess.run(
    ["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True
).stdout.split():
    os.environ.pop(name, None)

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
