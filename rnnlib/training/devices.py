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


class SeedSharding:
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
        settings = {"version of JAX": jax.__version__, **settings}
        mine = np.array([zlib.crc32(repr(value).encode()) for value in settings.values()])
        agreed = process_allgather(mine.astype(np.uint32)).reshape(-1, len(mine)) == mine
        for (name, value), same in zip(settings.items(), agreed.all(axis=0), strict=True):
            if not same:
                raise ValueError(
                    f"all processes must be given the same {name}, "
                    f"got {value} in process {jax.process_index()}"
                )

    def check_split(self, loss: Callable[[Any, Any], jax.Array], first: Callable) -> None:
        """Raise ValueError unless the devices along "rows" can take equal shares of a batch.

        `first()` gives a model and a batch, whose loss must be the mean of its shares' losses.
        """
        if self.rows == 1:
            return
        found = [leaf.shape for leaf in jax.tree.leaves(jax.eval_shape(first)[1])]
        sizes = {shape[0] if shape else 1 for shape in found}
        if len(sizes) > 1 or any(size % self.rows for size in sizes):
            raise ValueError(
                "with split_batch every array of a batch must have the same number of rows, "
                f"a multiple of {self.rows} devices, got shapes {found}"
            )

        def losses() -> tuple[jax.Array, jax.Array]:
            model, batch = first()
            cut = lambda leaf: leaf.reshape(self.rows, -1, *leaf.shape[1:])  # noqa: E731
            shares = jax.lax.map(lambda share: loss(model, share), jax.tree.map(cut, batch))
            return loss(model, batch), shares.mean()

        with jax.default_matmul_precision("highest"):  # equal up to rounding, also on a GPU
            whole, mean = map(float, jax.jit(losses)())
        if not np.isclose(mean, whole, rtol=1e-4, atol=1e-6, equal_nan=True):
            raise ValueError(
                "with split_batch loss must be a plain mean over a batch's rows, got one whose "
                f"first value is {whole:.6g}, while the mean over {self.rows} equal shares of the "
                f"batch is {mean:.6g}"
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
