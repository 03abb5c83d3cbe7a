"""Many seeds at once: a function of one seed runs for all of them, over whatever devices there are.

The lessons meet it through `fit_seeds` only.
"""

import zlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.multihost_utils import process_allgather
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P


def _layout(seeds: int, split_batch: bool) -> np.ndarray:
    """Lay out the devices of all processes as [seeds, rows]."""
    devices = np.array(jax.devices())
    across = min(len(devices), seeds)
    if split_batch:
        across = max(n for n in range(1, across + 1) if len(devices) % n == 0)
        return devices.reshape(across, -1)
    if jax.process_count() > 1:  # every process takes part, if only to repeat the last seed
        across = len(devices)
    return devices[:across, None]


class Spread:
    """Runs a function of one seed for all seeds: over the cores on CPU, batched on one GPU.

    Batched small matrix products are slow on CPU, so each core takes its seeds one by one.

    The mesh is (seeds, rows). Devices along "seeds" have different seeds. Devices along "rows" have
    the same ones, and take each its share of a batch's rows; without `split_batch` there is one.
    After `jax.distributed.initialize` the devices are those of all processes.
    """

    def __init__(self, seeds: int, split_batch: bool = False):
        self.mesh = Mesh(_layout(seeds, split_batch), ("seeds", "rows"))
        across, self.rows = self.mesh.devices.shape
        self.batched = self.mesh.devices[0, 0].platform != "cpu"
        self.seeds = seeds
        self.padded = -(-seeds // across) * across

    def __call__(self, function: Callable) -> Callable:
        def for_each(*args: Any) -> Any:
            if self.batched:
                return jax.vmap(function)(*args)
            return jax.lax.map(lambda seed: function(*seed), args)

        # JAX is not asked to prove that devices along "rows" agree. They do: they start from the
        # same key, and move by the same mean.
        over: Any = {"in_specs": P("seeds"), "out_specs": P("seeds"), "check_vma": False}
        return jax.jit(jax.shard_map(for_each, mesh=self.mesh, **over), donate_argnums=0)

    def check_agreement(self, **settings: Any) -> None:
        """Raise ValueError unless all processes were given the same: else they would wait forever.

        Also the version of JAX must be the same, so that all compile the same program.
        """
        mine = np.uint32(zlib.crc32(repr((jax.__version__, settings)).encode()))
        if np.any(process_allgather(mine) != mine):
            raise ValueError(
                "all processes must have the same version of JAX and the same settings, "
                f"got {jax.__version__} and {settings} in process {jax.process_index()}"
            )

    def check_rows(self, sample: Callable[[jax.Array], Any], key: jax.Array) -> None:
        """Raise ValueError unless the devices along "rows" can take equal shares of a batch."""
        if self.rows == 1:
            return
        shapes = [leaf.shape for leaf in jax.tree.leaves(jax.eval_shape(sample, key))]
        sizes = {shape[0] if shape else 1 for shape in shapes}
        if len(sizes) > 1 or any(size % self.rows for size in sizes):
            raise ValueError(
                "with split_batch every array of a batch must have the same number of rows, "
                f"a multiple of {self.rows} devices, got shapes {shapes}"
            )

    def value_and_grad(self, loss: Callable[[Any, Any], jax.Array]) -> Callable:
        """Differentiate a loss that is a mean over rows, each device for its share of them.

        mean over all rows = mean over the devices of the mean over a device's rows, since the
        shares are equal; and so for the gradients.
        """
        gradient = jax.value_and_grad(loss)
        if self.rows == 1:
            return gradient
        return lambda model, batch: jax.lax.pmean(gradient(model, self._share(batch)), "rows")

    def _share(self, batch: Any) -> Any:
        def cut(leaf: jax.Array) -> jax.Array:
            size = len(leaf) // self.rows
            return jax.lax.dynamic_slice_in_dim(leaf, jax.lax.axis_index("rows") * size, size)

        return jax.tree.map(cut, batch)

    def pad(self, values: jax.Array) -> jax.Array:
        """Repeat the last seed until every device has as many; lay the seeds over the devices."""
        padded = values[jnp.minimum(jnp.arange(self.padded), self.seeds - 1)]
        over = NamedSharding(self.mesh, P("seeds"))  # each process fills in what it holds of it
        return jax.make_array_from_callback(padded.shape, over, lambda part: padded[part])

    def unpad(self, tree: Any) -> Any:
        """Drop what was padded, on every host."""
        return jax.tree.map(lambda leaf: process_allgather(leaf, tiled=True)[: self.seeds], tree)

    def gather(self, tree: Any) -> Any:
        """Drop what was padded, and bring the rest to one device.

        By way of the host: an array that came straight from the devices would keep their mesh in
        its type, and could not be mixed with the arrays of a later run over other devices.
        """
        return jax.tree.map(jnp.asarray, self.unpad(tree))
