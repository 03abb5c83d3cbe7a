"""The peers of the speed benchmark: one training step of one recurrent layer.

A training step is the forward pass, the gradient and Adam's update; the loss is the mean of
(ys - targets)^2, which does not depend on the order of the axes, so each peer holds its batch in
the order that it is fastest in. Each is written as its own manual recommends, with parameters and
optimiser state updated in place, and no loop over time is Python's. The variants named in the
makers' comments were no faster, in processor time on one x86-64 core at (B, T, D, H) =
(32, 64, 64, 128) and (16, 512, 64, 128); "the same" means within the noise, about 10 %.
"""

# The peers are not in the environment that is linted.
# pyright: reportMissingImports=false

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

LEARNING_RATE = 1e-3


class JaxTraining:
    """One jitted step for any library that has `predict(params, xs) -> ys`; a call takes it.

    A call returns the loss before the update: an array that is not waited for yet. The batch's
    rows are on axis `rows`: 1 where it is time-major, xs[T, B, D] and targets[T, B, H].
    """

    def __init__(
        self, predict: Callable, params: Any, xs: np.ndarray, targets: np.ndarray, rows: int = 1,
        loss: Callable = lambda ys, targets: jnp.mean((ys - targets) ** 2),
    ):  # fmt: skip
        optimizer = optax.adam(LEARNING_RATE)

        def loss_of(params, xs, targets):
            return loss(predict(params, xs), targets)

        def take(params, state, xs, targets, mean=lambda found: found):
            value, gradient = mean(jax.value_and_grad(loss_of)(params, xs, targets))
            updates, state = optimizer.update(gradient, state, params)
            return optax.apply_updates(params, updates), state, value

        self.parameters = sum(leaf.size for leaf in jax.tree.leaves(params))
        self.batch, self.rows = (jnp.asarray(xs), jnp.asarray(targets)), rows
        self.params, self.state = params, optimizer.init(params)
        self.take, self.step = take, jax.jit(take, donate_argnums=(0, 1))

    def __call__(self) -> jax.Array:
        self.params, self.state, loss = self.step(self.params, self.state, *self.batch)
        return loss


class TorchTraining:
    """The same step for a PyTorch layer, whose batch comes time-major; a call takes it.

    A call returns the loss before the update, as a float: all is done by then.
    """

    def __init__(self, layer: Any, optimizer: Any, xs: Any, targets: Any):
        from torch.nn.functional import mse_loss

        self._loss_of = mse_loss
        self.parameters = sum(weights.numel() for weights in layer.parameters())
        self._layer, self._optimizer, self._xs, self._targets = layer, optimizer, xs, targets

    def __call__(self) -> float:
        self._optimizer.zero_grad()
        loss = self._loss_of(self._layer(self._xs)[0], self._targets)
        loss.backward()
        self._optimizer.step()
        return loss.item()


Training = JaxTraining | TorchTraining


def _time_major(*arrays: np.ndarray) -> list[np.ndarray]:
    return [np.ascontiguousarray(array.swapaxes(0, 1)) for array in arrays]


def linen(cell: str, xs: np.ndarray, targets: np.ndarray) -> JaxTraining:
    """Flax Linen: `nn.RNN`, which wraps `nn.scan`."""
    from flax import linen as nn

    # Batch-major: up to 10 % slower. nn.LSTMCell, one product for each gate: the same.
    # unroll=2: 20 to 30 % slower.
    xs, targets = _time_major(xs, targets)
    cells = {"LSTM": nn.OptimizedLSTMCell, "GRU": nn.GRUCell}
    layer = nn.RNN(cells[cell](targets.shape[-1]), time_major=True)
    return JaxTraining(layer.apply, layer.init(jax.random.key(0), xs), xs, targets)


def flax_nnx(cell: str, xs: np.ndarray, targets: np.ndarray) -> JaxTraining:
    """Flax NNX: `nnx.RNN`, which wraps `nnx.scan`, split into weights and the rest."""
    from flax import nnx

    # nnx.jit with nnx.Optimizer and nnx.cached_partial, donated or not: the same, and it depends
    # on more of Flax. Weights broadcast over time (state_axes), not carried: the same.
    # Batch-major: up to 10 % slower. unroll=2: up to 30 % slower for the LSTM, 10 % for the GRU.
    xs, targets = _time_major(xs, targets)
    cells = {"LSTM": nnx.OptimizedLSTMCell, "GRU": nnx.GRUCell}
    rngs = nnx.Rngs(0)
    layer = nnx.RNN(cells[cell](xs.shape[-1], targets.shape[-1], rngs=rngs), time_major=True)
    form, weights, rest = nnx.split(layer, nnx.Param, ...)

    def predict(weights, xs):
        return nnx.merge(form, weights, rest, copy=True)(xs)

    return JaxTraining(predict, weights, xs, targets)


def equinox(cell: str, xs: np.ndarray, targets: np.ndarray) -> JaxTraining:
    """Equinox: a cell that sees one example, in `lax.scan` over time, in `vmap` over the batch."""
    import equinox as eqx

    # vmap of the cell inside of the scan: the same. Batch-major: the same.
    # unroll=2: up to 20 % slower for the LSTM, the same for the GRU.
    xs, targets = _time_major(xs, targets)
    hidden, key = targets.shape[-1], jax.random.key(0)
    layer = {"LSTM": eqx.nn.LSTMCell, "GRU": eqx.nn.GRUCell}[cell](xs.shape[-1], hidden, key=key)
    weights, form = eqx.partition(layer, eqx.is_inexact_array)
    zero = jnp.zeros(hidden)
    start = (zero, zero) if cell == "LSTM" else zero

    def predict(weights, xs):
        layer = eqx.combine(weights, form)

        def step(state, x):
            state = layer(x, state)
            return state, state[0] if cell == "LSTM" else state

        def run(xs):
            return jax.lax.scan(step, start, xs)[1]

        return jax.vmap(run, in_axes=1, out_axes=1)(xs)

    return JaxTraining(predict, weights, xs, targets)


def haiku(cell: str, xs: np.ndarray, targets: np.ndarray) -> JaxTraining:
    """Haiku: `hk.dynamic_unroll`, which wraps `lax.scan`."""
    with warnings.catch_warnings():  # importing it reads what JAX has deprecated
        warnings.filterwarnings("ignore", r"jax\.core\.", DeprecationWarning)
        import haiku as hk

    # Batch-major: the same. unroll=2: up to 10 % slower.
    xs, targets = _time_major(xs, targets)

    def unroll(xs):
        layer = {"LSTM": hk.LSTM, "GRU": hk.GRU}[cell](targets.shape[-1])
        return hk.dynamic_unroll(layer, xs, layer.initial_state(xs.shape[1]))[0]

    layer = hk.without_apply_rng(hk.transform(unroll))
    return JaxTraining(layer.apply, layer.init(jax.random.key(0), xs), xs, targets)


def pytorch(
    cell: str, xs: np.ndarray, targets: np.ndarray, fused: bool | None = True
) -> TorchTraining:
    """PyTorch on the CPU, on all cores; `fused` is Adam's, None its default."""
    import torch

    # Adam with foreach, or neither: the same. batch_first: the same. Without oneDNN: slower (LSTM).
    # torch.compile leaves recurrent layers as they are, unless told to unroll them over time.
    torch.set_num_threads(len(jax.devices("cpu")))  # as many as rnnlib counts
    torch.manual_seed(0)
    layer = {"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}[cell](xs.shape[-1], targets.shape[-1])
    optimizer = torch.optim.Adam(layer.parameters(), LEARNING_RATE, fused=fused)
    return TorchTraining(layer, optimizer, *map(torch.from_numpy, _time_major(xs, targets)))


@dataclass(frozen=True)
class Peer:
    """One library: a call makes its training.

    Shapes: cell "LSTM" or "GRU", xs[B, T, D] and targets[B, T, H] in float32 -> a training. Each of
    its calls takes one step and returns the loss; `parameters` is how many numbers it trains.
    Raises: ValueError (another cell; arrays of other shapes or types).
    """

    package: str
    build: Callable[[str, np.ndarray, np.ndarray], Training]

    def __call__(self, cell: str, xs: np.ndarray, targets: np.ndarray) -> Training:
        if cell not in ("LSTM", "GRU"):
            raise ValueError(f'cell must be "LSTM" or "GRU", got {cell!r}')
        if xs.ndim != 3 or targets.ndim != 3 or xs.shape[:2] != targets.shape[:2]:
            shapes = f"{xs.shape} and {targets.shape}"
            raise ValueError(f"xs and targets must be [B, T, D] and [B, T, H], got {shapes}")
        if not xs.dtype == targets.dtype == np.float32:
            raise ValueError(f"xs and targets must be float32, got {xs.dtype} and {targets.dtype}")
        return self.build(cell, xs, targets)


PEERS = {
    "Flax Linen": Peer("flax", linen),
    "Flax NNX": Peer("flax", flax_nnx),
    "Equinox": Peer("equinox", equinox),
    "Haiku": Peer("dm-haiku", haiku),
    "PyTorch": Peer("torch", pytorch),
}


def available() -> tuple[dict[str, Peer], list[str]]:
    """Return the peers that are installed, and a line about every peer: its version or absence."""
    makers, notes = {}, []
    for name, peer in PEERS.items():
        try:
            notes.append(f"{name}: {peer.package} {version(peer.package)}")
            makers[name] = peer
        except PackageNotFoundError:
            notes.append(f"{name}: not installed, skipped")
    return makers, notes
