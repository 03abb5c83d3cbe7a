"""How long programs take, side by side on a noisy machine, and how fast the machine could be."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.compilation_cache import compilation_cache

from rnnlib.intervals import t_quantile

FEWEST = 6  # of 5 repeats even the whole range holds the true median in only 1 - 2 / 2^5 = 94 %


@dataclass(frozen=True, eq=False)
class Times:
    """What one program took, repeat by repeat: seconds[R], each the mean of the repeat's calls."""

    seconds: np.ndarray

    @property
    def median(self) -> float:
        """The median over the repeats, in seconds: one interruption does not move it."""
        return float(np.median(self.seconds))

    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the median, in seconds: the percentile bootstrap.

        Raises: ValueError (fewer than 6 repeats).
        Reference: Efron (1979), "Bootstrap methods: another look at the jackknife".
        """
        return _middle(_resampled_medians(self))


def compare(
    programs: Mapping[str, Callable[[], Any]],
    *,
    repeats: int = 20,
    warmup: int = 2,
    at_least: float = 1e-3,
) -> dict[str, Times]:
    """Time programs by turns, so that whatever slows the machine for a while slows all of them.

    Every program is first called `warmup` times (it compiles), then more often until a repeat of
    it takes `at_least` seconds, so that the clock's own grain does not count. Then all programs
    run once per repeat, in a random order and in the next repeat in its reverse: an even number
    of repeats balances the order. Every call is waited for, and what it costs in Python counts.
    Results that are not JAX's must be complete when they are returned.

    Raises: ValueError (no program, repeats or warmup under 1, at_least negative or not finite).
    """
    if not programs:
        raise ValueError("programs must hold at least 1 program, got none")
    _at_least(1, repeats=repeats, warmup=warmup)
    if not 0 <= at_least < math.inf:
        raise ValueError(f"at_least must be a finite number of seconds >= 0, got {at_least}")
    for program in programs.values():
        for _ in range(warmup):
            jax.block_until_ready(program())
    calls = {name: _calls_for(program, at_least) for name, program in programs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    names, order, rng = list(programs), np.arange(len(programs)), np.random.default_rng(0)
    for repeat in range(repeats):
        order = order[::-1] if repeat % 2 else rng.permutation(order)
        for name in (names[place] for place in order):
            seconds[name].append(_seconds(programs[name], calls[name]))
    return {name: Times(np.array(values)) for name, values in seconds.items()}


def ratio(times: Times, rival: Times) -> tuple[float, float, float]:
    """Return how many times longer than its rival a program takes, and the 95 % interval.

    median(times) / median(rival). The two come from one `compare`, so the bootstrap draws whole
    repeats: a slow moment of the machine, which both had to bear, cancels.

    Raises: ValueError (fewer than 6 repeats, or not as many of both).
    """
    ours, theirs = len(times.seconds), len(rival.seconds)
    if ours != theirs:
        raise ValueError(f"a ratio pairs the repeats of one comparison, got {ours} and {theirs}")
    low, high = _middle(_resampled_medians(times) / _resampled_medians(rival))
    return times.median / rival.median, low, high


def exponent(
    sizes: Sequence[float] | np.ndarray, times: Sequence[Times] | np.ndarray
) -> tuple[float, float, float]:
    """Return p of the power law seconds ~ size^p over these sizes, and its 95 % interval.

    p is the least-squares slope of y = log(median seconds) on x = log(size). Its interval,
    p ± t · sqrt(sum(residual^2) / (n - 2) / sum((x - mean x)^2)) with t of n - 2 degrees of
    freedom, is made of the points' distances from the line: it holds the noise of the medians and
    the law's misfit, and is wide where the points lie on a curve. It knows no other sizes.

    Shapes: sizes[n], n >= 3; times[n] as `compare` gives them, or seconds[n, R].
    Raises: ValueError (fewer than 3 different sizes, sizes or times that are not positive).
    """
    x = np.asarray(sizes, dtype=float)
    y = np.array([np.median(t.seconds if isinstance(t, Times) else t) for t in times])
    if x.shape != y.shape or len(np.unique(x)) < 3:
        raise ValueError(f"needed times for each of >= 3 sizes, got {len(y)} for sizes {sizes}")
    if not (np.isfinite([x, y]).all() and min(*x, *y) > 0):
        raise ValueError(f"sizes and times must be finite and > 0, got {x} and {y}")
    x, y = np.log(x) - np.log(x).mean(), np.log(y) - np.log(y).mean()
    slope, freedom = x @ y / (x @ x), len(x) - 2
    half = t_quantile(freedom) * np.sqrt(np.square(y - slope * x).sum() / freedom / (x @ x))
    return float(slope), float(slope - half), float(slope + half)


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
        _at_least(1, size=size)
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
    _at_least(jax.device_count(), size=size)
    programs, work = {}, {}
    for devices in _teams():
        name, part = f"on {len(devices)}", size // len(devices)
        programs[name] = _sweeps(part, devices)
        work[name] = 12 * part * len(devices)
    times = compare(programs, repeats=repeats)
    return max(work[name] / times[name].median for name in programs)


def _at_least(least: int, **numbers: int) -> None:
    for name, number in numbers.items():
        if not (isinstance(number, int) and number >= least):
            raise ValueError(f"{name} must be a whole number >= {least}, got {number}")


def _seconds(program: Callable[[], Any], calls: int) -> float:
    """Return the mean seconds of so many calls in a row."""
    start = time.perf_counter()
    for _ in range(calls):
        jax.block_until_ready(program())
    return (time.perf_counter() - start) / calls


def _calls_for(program: Callable[[], Any], at_least: float) -> int:
    """Return the first power of two of calls that takes so many seconds."""
    calls = 1
    while calls * _seconds(program, calls) < at_least:
        calls *= 2
    return calls


def _resampled_medians(times: Times) -> np.ndarray:
    """Return medians of resampled repeats; of as many repeats, the same ones are always drawn."""
    repeats = len(times.seconds)
    if repeats < FEWEST:
        raise ValueError(f"an interval needs >= {FEWEST} repeats, got {repeats}")
    drawn = np.random.default_rng(0).integers(repeats, size=(2_000, repeats))
    return np.median(times.seconds[drawn], axis=1)


def _middle(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _use_cache_on_disk(use: bool) -> None:
    jax.config.update("jax_enable_compilation_cache", use)
    compilation_cache.reset_cache()  # else JAX, which asks once per process, would not notice


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
