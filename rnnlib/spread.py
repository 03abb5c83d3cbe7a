"""Many seeds at once: a function of one seed runs for all of them, over whatever devices there are.

The lessons meet it through `train.fit_seeds` only.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


class Spread:
    """Runs a function of one seed for all seeds: over the cores on CPU, batched on one GPU.

    Batched small matrix products are slow on CPU, so each core takes its seeds one by one.
    """

    def __init__(self, seeds: int):
        devices = jax.devices()
        self.seeds = seeds
        self.batched = devices[0].platform != "cpu"
        self.devices = devices[: min(len(devices), seeds)]
        self.padded = -(-seeds // len(self.devices)) * len(self.devices)

    def __call__(self, function: Callable) -> Callable:
        def for_each(*args: Any) -> Any:
            if self.batched:
                return jax.vmap(function)(*args)
            return jax.lax.map(lambda seed: function(*seed), args)

        mesh = Mesh(np.array(self.devices), ("seeds",))
        over = PartitionSpec("seeds")
        spread = jax.shard_map(for_each, mesh=mesh, in_specs=over, out_specs=over, check_vma=False)
        return jax.jit(spread, donate_argnums=0)

    def pad(self, values: jax.Array) -> jax.Array:
        """Repeat the last seed until every device has as many; lay the seeds over the devices."""
        rows = jnp.minimum(jnp.arange(self.padded), self.seeds - 1)
        mesh = Mesh(np.array(self.devices), ("seeds",))
        return jax.device_put(values[rows], NamedSharding(mesh, PartitionSpec("seeds")))

    def unpad(self, values: jax.Array) -> np.ndarray:
        """Drop what was padded, on the host."""
        return np.asarray(values)[: self.seeds]

    def gather(self, values: jax.Array) -> jax.Array:
        """Drop what was padded, and bring the rest to one device.

        By way of the host: an array that came straight from the devices would keep their mesh in
        its type, and could not be mixed with the arrays of a later run over other devices.
        """
        return jnp.asarray(self.unpad(values))
