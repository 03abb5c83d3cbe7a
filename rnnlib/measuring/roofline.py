"""The two roofs of a machine: how fast it could calculate, and how fast it could fetch."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnnlib.measuring.timing import check_at_least, compare


def matmul_roof(
    sizes: Sequence[int] = (512, 1024, 2048), *, dtype: Any = jnp.float32, repeats: int = 6
) -> float:
    """Return the FLOP/s of the machine's best square matrix product: 2 n^3 / median seconds.

    The best over the sizes, and over one device and all at once, a product on each: several CPU
    devices share their threads, and which is faster depends on the machine. The numbers are
    random, since GPUs multiply simple ones faster; float32 is at JAX's default precision.

    Raises: ValueError (no size, or a size under 1).
    """
    programs, work = {}, {}
    for size in sizes:
        check_at_least(1, size=size)
        for devices in _teams():
            name = f"{size} on {len(devices)}"
            programs[name] = _products(size, dtype, devices)
            work[name] = 2 * size**3 * len(devices)
    times = compare(programs, repeats=repeats)
    return max(work[name] / times[name].median for name in programs)


def memory_roof(size: int = 2**24, *, repeats: int = 10) -> float:
    """Return the bytes/s of y <- y + s x, in place, on float32 arrays far larger than any cache.

    Three arrays of size numbers cross the bus: x and y are read, y is written; 12 size / median
    seconds. (A third array to write to, as in STREAM's triad, would also be read by many CPUs.)
    The better of one device and all at once, each on its part.

    Raises: ValueError (size smaller than the number of devices).
    Reference: McCalpin (1995), "Memory bandwidth and machine balance in current high performance
    computers".
    """
    check_at_least(jax.device_count(), size=size)
    programs, work = {}, {}
    for devices in _teams():
        name, part = f"on {len(devices)}", size // len(devices)
        programs[name] = _sweeps(part, devices)
        work[name] = 12 * part * len(devices)
    times = compare(programs, repeats=repeats)
    return max(work[name] / times[name].median for name in programs)


def _teams() -> list[list]:
    """Return the first device alone, and all devices."""
    devices = jax.devices()
    return [devices[:1], devices] if len(devices) > 1 else [devices]


def _products(size: int, dtype: Any, devices: Sequence) -> Callable[[], list]:
    numbers = jnp.asarray(np.random.default_rng(0).normal(size=(size, size)), dtype)
    squares = [jax.device_put(numbers, device) for device in devices]
    return lambda: [square @ square for square in squares]


def _sweeps(size: int, devices: Sequence) -> Callable[[], list]:
    add = jax.jit(lambda x, y: y + 0.5 * x, donate_argnums=1)
    xs, ys = ([jnp.ones(size, jnp.float32, device=d) for d in devices] for _ in range(2))

    def sweep() -> list[jax.Array]:
        ys[:] = [add(x, y) for x, y in zip(xs, ys, strict=True)]
        return ys

    return sweep
