"""The roofs count what all devices do."""

import jax
import numpy as np
import pytest

from rnnlib.measuring import roofline
from rnnlib.measuring.timing import Times


def pretend(monkeypatch, seconds):
    """Have `compare` call each program twice and say that it took seconds(its results)."""
    results = {}

    def compare(programs, **plan):
        for name, program in programs.items():
            results[name] = [[np.asarray(part) for part in program()] for _ in range(2)]
        return {name: Times(np.full(6, seconds(result[0]))) for name, result in results.items()}

    monkeypatch.setattr(roofline, "compare", compare)
    return results


@pytest.mark.parametrize("shared", [False, True])
def test_the_roof_of_matrix_products_counts_what_all_devices_do(monkeypatch, shared):
    """Devices that share their threads take as long as all their products one after the other."""
    results = pretend(monkeypatch, lambda parts: 1.5 * len(parts) - 0.5 if shared else 1.0)
    devices = 1 if shared else jax.device_count()
    assert roofline.matmul_roof((8, 32, 16)) == 2 * 32**3 * devices
    x = np.random.default_rng(0).normal(size=(32, 32))
    for first, _ in (results[name] for name in results if name.startswith("32")):
        for part in first:
            np.testing.assert_allclose(part, x @ x, rtol=1e-4, atol=1e-4)


def test_the_roof_of_memory_counts_three_arrays(monkeypatch):
    results = pretend(monkeypatch, lambda parts: len(parts) * 0.5)
    devices, size = jax.device_count(), 24 * jax.device_count()
    assert roofline.memory_roof(size) == 3 * 4 * size / 0.5
    assert {len(first) for first, _ in results.values()} == {1, devices}
    for first, second in results.values():
        assert sum(map(len, first)) == size
        assert all((part == 1.5).all() for part in first)
        assert all((part == 2.0).all() for part in second)
    sweep = roofline._sweeps(8, jax.devices()[:1])
    first, _ = [*sweep()], sweep()
    assert first[0].is_deleted()  # its place is the second's
