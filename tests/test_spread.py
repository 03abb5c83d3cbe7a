"""Many seeds over many devices: each once, in order, and afterwards nobody can tell."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.spread import Spread


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_each_seed_runs_alone_and_the_padding_is_dropped(seeds):
    spread, values = Spread(seeds), jnp.arange(2.0 * seeds).reshape(seeds, 2)
    found = spread(lambda pair: pair / pair.sum())(spread.pad(values))
    assert len(found) % min(seeds, jax.device_count()) == 0
    expected = np.asarray(values) / np.asarray(values).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(spread.unpad(found), expected, rtol=1e-6)
    np.testing.assert_array_equal(spread.gather(found), spread.unpad(found))


def test_what_was_gathered_goes_into_a_run_over_other_devices():
    """JAX refuses arrays that keep another run's mesh in their type."""
    first, second = Spread(2), Spread(1)
    both = first.gather(first(lambda x: x + 1)(first.pad(jnp.zeros(2))))
    assert {device.id for device in both.devices()} == {0}
    last = both[1]
    started = second(lambda x: last)(second.pad(jnp.ones(1)))
    np.testing.assert_array_equal(second.gather(started), [1.0])
