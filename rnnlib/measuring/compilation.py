"""What XLA says of a program: how long it compiles, and the memory that it plans."""

import time
from collections.abc import Callable
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache


def compile_seconds(function: Callable, *args: Any) -> float:
    """Return how long it takes once to trace, lower and compile a function of arrays, in seconds.

    A new wrapper makes JAX trace it anew, and its cache on disk (JAX_COMPILATION_CACHE_DIR) is
    off meanwhile. What remains: functions jitted inside are not traced twice in one process, and
    on GPU the first program also pays for the libraries that it loads. So time one program in
    several fresh processes where this matters.
    """
    before = jax.config.values["jax_enable_compilation_cache"]
    try:
        _use_cache_on_disk(False)
        start = time.perf_counter()
        jax.jit(lambda *a: function(*a)).lower(*args).compile()
        return time.perf_counter() - start
    finally:
        _use_cache_on_disk(before)


def peak_bytes(function: Callable, *args: Any) -> int:
    """Return the memory that a call needs beyond its arguments, in bytes, as XLA plans it.

    temporaries + outputs - outputs that are written over donated arguments. Temporaries is the
    one block in which XLA lays out all intermediate arrays, those that are not alive at the same
    time one over the other. Not counted: the arguments, the program, what libraries allocate by
    themselves. Nothing is executed, and `args` may be jax.ShapeDtypeStructs. A jitted function
    keeps its own settings.
    """
    jitted: Any = function if hasattr(function, "lower") else jax.jit(function)
    plan = jitted.lower(*args).compile().memory_analysis()
    return plan.temp_size_in_bytes + plan.output_size_in_bytes - plan.alias_size_in_bytes


def _use_cache_on_disk(use: bool) -> None:
    jax.config.update("jax_enable_compilation_cache", use)
    compilation_cache.reset_cache()  # else JAX, which asks once per process, would not notice
