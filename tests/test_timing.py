"""Timing against programs whose time is known: a clock of our own, power laws, planned arrays."""

import itertools
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib import timing
from rnnlib.intervals import t_quantile
from rnnlib.timing import Times


class Clock:
    """A clock that only programs move: `program("a", 2.0)` makes one that takes 2 s a call."""

    def __init__(self):
        self.now, self.called = 0.0, []

    def perf_counter(self):
        return self.now

    def program(self, name, *seconds):
        takes = itertools.cycle(seconds)

        def call():
            self.called.append(name)
            self.now += next(takes)

        return call


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing, "time", clock)
    return clock


def test_each_program_gets_its_own_time_and_compiling_does_not_count(clock):
    programs = {"a": clock.program("a", 2.0), "b": clock.program("b", 100.0, *[3.0, 5.0] * 5)}
    times = timing.compare(programs, repeats=8, warmup=2)
    np.testing.assert_allclose(times["a"].seconds, np.full(8, 2.0))
    np.testing.assert_allclose(times["b"].seconds, [3.0, 5.0] * 4)
    assert times["b"].median == 4.0


def test_programs_take_turns_in_balanced_order(clock):
    programs = {name: clock.program(name, 1.0) for name in "abcd"}
    timing.compare(programs, repeats=40, warmup=3)
    assert clock.called[:16] == [*"aaabbbcccddd", *"abcd"]  # warming up, then counting calls
    rounds = ["".join(clock.called[i : i + 4]) for i in range(16, len(clock.called), 4)]
    assert len(rounds) == 40
    assert all(sorted(order) == list("abcd") for order in rounds)
    assert [order[::-1] for order in rounds[::2]] == rounds[1::2]
    neighbours = Counter(pair for order in rounds for pair in itertools.pairwise(order))
    assert len(neighbours) == 12  # everyone has followed everyone
    for one, other in itertools.combinations("abcd", 2):
        assert sum(order.index(one) < order.index(other) for order in rounds) == 20


@pytest.mark.parametrize(("takes", "calls"), [(1.0, 1), (0.5, 2), (0.25, 4), (0.2, 8), (3.0, 1)])
def test_short_programs_are_called_until_a_repeat_is_long_enough(clock, takes, calls):
    program = clock.program("a", takes)
    times = timing.compare({"a": program}, repeats=5, warmup=1, at_least=1.0)
    np.testing.assert_allclose(times["a"].seconds, takes)
    tried = sum(2**k for k in range(calls.bit_length()))
    assert len(clock.called) == 1 + tried + 5 * calls


def test_a_drift_of_the_machine_cancels_in_the_ratio(clock):
    drift = np.linspace(1, 2, 50)
    programs = {"a": clock.program("a", *drift), "b": clock.program("b", *3 * drift)}
    times = timing.compare(programs)
    low, high = times["a"].interval()
    assert high > 1.1 * low
    assert timing.ratio(times["b"], times["a"]) == pytest.approx((3, 3, 3))


def test_results_are_waited_for(clock):
    class Pending:
        def block_until_ready(self):
            clock.now += 7.0

    assert timing.compare({"a": Pending}, repeats=3)["a"].median == 7.0
    others = {"numpy": lambda: np.ones(3), "nothing": lambda: None, "jax": lambda: jnp.ones(3)}
    assert timing.compare(others, repeats=2, at_least=0).keys() == others.keys()


def lognormal(rng, *shape):
    return np.exp(0.3 * rng.normal(size=shape))  # its median is 1


def test_intervals_hold_the_truth_as_often_as_they_say():
    pairs = [(Times(2 * a), Times(b)) for a, b in lognormal(np.random.default_rng(1), 200, 2, 20)]
    medians = [times.interval() for _, times in pairs]
    assert 0.92 <= np.mean([low <= 1 <= high for low, high in medians]) <= 0.98
    ratios = [timing.ratio(*pair) for pair in pairs]
    assert 0.92 <= np.mean([low <= 2 <= high for _, low, high in ratios]) <= 0.99
    assert all(low < ratio < high for ratio, low, high in ratios)


@pytest.mark.parametrize("power", [0.0, 1.0, 2.5])
def test_the_exponent_of_an_exact_power_law(power):
    sizes = [64, 128, 512, 1000]
    seconds = np.outer(3e-6 * np.array(sizes) ** power, [0.9, 1.0, 1.1])
    assert timing.exponent(sizes, seconds) == pytest.approx((power, power, power), abs=1e-9)
    times = [Times(row) for row in seconds]
    assert timing.exponent(sizes, times) == timing.exponent(sizes, seconds)


@pytest.mark.parametrize("count", [3, 4, 7, 20])
def test_the_exponent_is_that_of_a_fitted_line(count):
    rng = np.random.default_rng(count)
    sizes = 2.0 ** np.arange(count)
    medians = sizes**1.5 * lognormal(rng, count)
    x, y = np.log(sizes), np.log(medians)
    (slope, _), (residual, *_), *_ = np.polyfit(x, y, 1, full=True)
    half = t_quantile(count - 2) * np.sqrt(residual / (count - 2) / (count * x.var()))
    found, low, high = timing.exponent(sizes, medians[:, None])
    assert found == pytest.approx(slope)
    assert (low - found, high - found) == pytest.approx((-half, half))


def test_misfit_widens_the_exponent_though_no_repeat_is_noisy():
    sizes = np.array([10.0, 100.0, 1000.0, 10000.0])
    seconds = np.tile((50 + sizes)[:, None], 9)  # linear, but for what each call costs
    slope, low, high = timing.exponent(sizes, seconds)
    assert slope < 0.8
    assert low < slope - 0.3
    assert high > 1


def test_compiling_is_timed_every_time(clock):
    def function(x):
        clock.now += 3.0  # while JAX traces it
        return jnp.sin(x)

    assert [timing.compile_seconds(function, jnp.ones(3)) for _ in range(2)] == [3.0, 3.0]


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
    timing.compilation_cache.reset_cache()
    yield tmp_path
    for name, value in before.items():
        jax.config.update(name, value)
    timing.compilation_cache.reset_cache()


def test_compiling_passes_the_cache_on_disk_by_and_gives_it_back(cache_on_disk):
    def function(x):
        return jnp.cos(x) + 2

    jax.jit(lambda x: jnp.sin(x) + 1).lower(jnp.ones(3)).compile()
    kept = set(cache_on_disk.iterdir())
    assert kept
    assert timing.compile_seconds(function, jnp.ones(3)) > 0
    with pytest.raises(ZeroDivisionError):
        timing.compile_seconds(lambda x: 1 / 0, jnp.ones(3))
    assert set(cache_on_disk.iterdir()) == kept
    jax.jit(function).lower(jnp.ones(3)).compile()
    assert set(cache_on_disk.iterdir()) > kept


def test_planned_bytes_are_those_of_the_arrays():
    numbers = jax.ShapeDtypeStruct((1000,), jnp.float32)
    assert timing.peak_bytes(lambda x: x + 1, numbers) == 4000
    assert timing.peak_bytes(lambda x: (x + 1, x.sum()), numbers) in range(4004, 4200)
    assert timing.peak_bytes(jax.jit(lambda x: x + 1, donate_argnums=0), numbers) == 0
    square = jax.ShapeDtypeStruct((100, 100), jnp.float32)
    assert timing.peak_bytes(lambda x: (x @ x) @ x, square) in range(80_000, 82_000)


def pretend(monkeypatch, seconds):
    """Have `compare` call each program twice and say that it took seconds(its results)."""
    results = {}

    def compare(programs, **plan):
        for name, program in programs.items():
            results[name] = [[np.asarray(part) for part in program()] for _ in range(2)]
        return {name: Times(np.full(6, seconds(result[0]))) for name, result in results.items()}

    monkeypatch.setattr(timing, "compare", compare)
    return results


@pytest.mark.parametrize("shared", [False, True])
def test_the_roof_of_matrix_products_counts_what_all_devices_do(monkeypatch, shared):
    """Devices that share their threads take as long as all their products one after the other."""
    results = pretend(monkeypatch, lambda parts: 1.5 * len(parts) - 0.5 if shared else 1.0)
    devices = 1 if shared else jax.device_count()
    assert timing.matmul_roof((8, 32, 16)) == 2 * 32**3 * devices
    x = np.random.default_rng(0).normal(size=(32, 32))
    for first, _ in (results[name] for name in results if name.startswith("32")):
        for part in first:
            np.testing.assert_allclose(part, x @ x, rtol=1e-4, atol=1e-4)


def test_the_roof_of_memory_counts_three_arrays(monkeypatch):
    results = pretend(monkeypatch, lambda parts: len(parts) * 0.5)
    devices, size = jax.device_count(), 24 * jax.device_count()
    assert timing.memory_roof(size) == 3 * 4 * size / 0.5
    assert {len(first) for first, _ in results.values()} == {1, devices}
    for first, second in results.values():
        assert sum(map(len, first)) == size
        assert all((part == 1.5).all() for part in first)
        assert all((part == 2.0).all() for part in second)
    sweep = timing._sweeps(8, jax.devices()[:1])
    first, _ = [*sweep()], sweep()
    assert first[0].is_deleted()  # its place is the second's


SIX = Times(np.ones(6))
PROGRAMS = {"a": lambda: None}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: timing.compare({}), "at least 1 program, got none"),
        (lambda: timing.compare(PROGRAMS, warmup=0), "warmup must be a whole number >= 1, got 0"),
        (lambda: timing.compare(PROGRAMS, repeats=2.5), "repeats must be .*, got 2.5"),
        (lambda: timing.compare(PROGRAMS, at_least=float("nan")), "seconds >= 0, got nan"),
        (lambda: Times(np.ones(5)).interval(), "needs >= 6 repeats, got 5"),
        (lambda: timing.ratio(SIX, Times(np.ones(7))), "one comparison, got 6 and 7"),
        (lambda: timing.exponent([1, 2, 3], [SIX, SIX]), ">= 3 sizes, got 2 for"),
        (lambda: timing.exponent([1, 2, 2], [SIX] * 3), ">= 3 sizes, got 3 for"),
        (lambda: timing.exponent([0, 1, 2], [SIX] * 3), "must be finite and > 0, got"),
        (lambda: timing.exponent([1, 2, 3], np.zeros((3, 6))), "must be finite and > 0, got"),
        (lambda: timing.exponent([1, 2, np.inf], [SIX] * 3), "must be finite and > 0, got"),
        (lambda: timing.matmul_roof((0,)), "size must be a whole number >= 1, got 0"),
        (lambda: timing.memory_roof(0), "size must be a whole number >= .*, got 0"),
    ],
)
def test_what_cannot_be_timed_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
