"""Compiling is timed each time, and planned bytes are those of the arrays."""

import jax
import jax.numpy as jnp
import pytest

from rnnlib.measuring import compilation


class Clock:
    """A clock that only moves when it is told to."""

    now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(compilation, "time", clock)
    return clock


def test_compiling_is_timed_every_time(clock):
    def function(x):
        clock.now += 3.0  # while JAX traces it
        return jnp.sin(x)

    assert [compilation.compile_seconds(function, jnp.ones(3)) for _ in range(2)] == [3.0, 3.0]


@pytest.fixture
def cache_on_disk(tmp_path):
    """Keep every compiled program in a folder, and leave things as they were."""
    settings = {
        "jax_compilation_cache_dir": str(tmp_path),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
        "jax_enable_compilation_cache": True,
    }
    before = {name: jax.config.values[name] for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation.compilation_cache.reset_cache()
    yield tmp_path
    for name, value in before.items():
        jax.config.update(name, value)
    compilation.compilation_cache.reset_cache()


def test_compiling_passes_the_cache_on_disk_by_and_gives_it_back(cache_on_disk):
    def function(x):
        return jnp.cos(x) + 2

    jax.jit(lambda x: jnp.sin(x) + 1).lower(jnp.ones(3)).compile()
    kept = set(cache_on_disk.iterdir())
    assert kept
    assert compilation.compile_seconds(function, jnp.ones(3)) > 0
    with pytest.raises(ZeroDivisionError):
        compilation.compile_seconds(lambda x: 1 / 0, jnp.ones(3))
    assert set(cache_on_disk.iterdir()) == kept
    jax.jit(function).lower(jnp.ones(3)).compile()
    assert set(cache_on_disk.iterdir()) > kept


def test_planned_bytes_are_those_of_the_arrays():
    numbers = jax.ShapeDtypeStruct((1000,), jnp.float32)
    assert compilation.peak_bytes(lambda x: x + 1, numbers) == 4000
    assert compilation.peak_bytes(lambda x: (x + 1, x.sum()), numbers) in range(4004, 4200)
    assert compilation.peak_bytes(jax.jit(lambda x: x + 1, donate_argnums=0), numbers) == 0
    square = jax.ShapeDtypeStruct((100, 100), jnp.float32)
    assert compilation.peak_bytes(lambda x: (x @ x) @ x, square) in range(80_000, 82_000)
