"""The peers once more, trained as their own documentation does it: what a reader would write.

The layer, loss and optimiser are those of bench/peers.py. The rest follows each library's example:
one step is one call of Python, compiled by the library's own jit, with the default order of the
axes; nothing is donated, no steps are in one scan, and no rows are shared out over devices. A call
takes a step and returns the loss.
"""

# The peers are not in the environment that is linted.
# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bench import peers

Step = Callable[[], Any]


def linen(cell: str, xs: np.ndarray, targets: np.ndarray) -> Step:
    """Flax Linen: jax.jit, and a TrainState, as in its quick start."""
    from flax import linen as nn
    from flax.training.train_state import TrainState

    cells = {"LSTM": nn.OptimizedLSTMCell, "GRU": nn.GRUCell}
    layer = nn.RNN(cells[cell](targets.shape[-1]))
    params, adam = layer.init(jax.random.key(0), xs), optax.adam(peers.LEARNING_RATE)
    state = TrainState.create(apply_fn=layer.apply, params=params, tx=adam)

    @jax.jit
    def train_step(state: Any, xs: jax.Array, targets: jax.Array) -> tuple[Any, jax.Array]:
        loss_of = lambda params: jnp.mean((state.apply_fn(params, xs) - targets) ** 2)  # noqa: E731
        loss, grads = jax.value_and_grad(loss_of)(state.params)
        return state.apply_gradients(grads=grads), loss

    return _carried(train_step, (state,), xs, targets)


def flax_nnx(cell: str, xs: np.ndarray, targets: np.ndarray) -> Step:
    """Flax NNX: nnx.jit, and an nnx.Optimizer that updates the layer in place, as in its basics."""
    from flax import nnx

    cells = {"LSTM": nnx.OptimizedLSTMCell, "GRU": nnx.GRUCell}
    rngs = nnx.Rngs(0)
    layer = nnx.RNN(cells[cell](xs.shape[-1], targets.shape[-1], rngs=rngs), rngs=rngs)
    optimizer = nnx.Optimizer(layer, optax.adam(peers.LEARNING_RATE), wrt=nnx.Param)
    batch = jnp.asarray(xs), jnp.asarray(targets)

    @nnx.jit
    def train_step(layer: Any, optimizer: Any, xs: jax.Array, targets: jax.Array) -> jax.Array:
        loss, grads = nnx.value_and_grad(lambda layer: jnp.mean((layer(xs) - targets) ** 2))(layer)
        optimizer.update(layer, grads)
        return loss

    return lambda: train_step(layer, optimizer, *batch)


def equinox(cell: str, xs: np.ndarray, targets: np.ndarray) -> Step:
    """Equinox: eqx.filter_jit, and jax.vmap over the batch, as in its example of an RNN."""
    import equinox as eqx

    hidden, key = targets.shape[-1], jax.random.key(0)
    layer = {"LSTM": eqx.nn.LSTMCell, "GRU": eqx.nn.GRUCell}[cell](xs.shape[-1], hidden, key=key)
    optimizer, zero = optax.adam(peers.LEARNING_RATE), jnp.zeros(hidden)
    start = (zero, zero) if cell == "LSTM" else zero

    @eqx.filter_value_and_grad
    def loss_of(layer: Any, xs: jax.Array, targets: jax.Array) -> jax.Array:
        def step(state: Any, x: jax.Array) -> tuple[Any, jax.Array]:
            state = layer(x, state)
            return state, state[0] if cell == "LSTM" else state

        ys = jax.vmap(lambda xs: jax.lax.scan(step, start, xs)[1])(xs)
        return jnp.mean((ys - targets) ** 2)

    @eqx.filter_jit
    def make_step(layer: Any, state: Any, xs: jax.Array, targets: jax.Array) -> tuple[Any, ...]:
        loss, grads = loss_of(layer, xs, targets)
        updates, state = optimizer.update(grads, state, eqx.filter(layer, eqx.is_array))
        return eqx.apply_updates(layer, updates), state, loss

    state = optimizer.init(eqx.filter(layer, eqx.is_array))
    return _carried(make_step, (layer, state), xs, targets)


def haiku(cell: str, xs: np.ndarray, targets: np.ndarray) -> Step:
    """Haiku: jax.jit around hk.transform's function, as in its examples; time comes first."""
    training = peers.haiku(cell, xs, targets)
    update = jax.jit(training.take)
    return _carried(update, (training.params, training.state), *training.batch)


def pytorch(cell: str, xs: np.ndarray, targets: np.ndarray) -> Step:
    """PyTorch: torch.optim.Adam as it comes; time first, which is the layer's default."""
    return peers.pytorch(cell, xs, targets, fused=None)


def _carried(train_step: Callable, state: tuple, xs: Any, targets: Any) -> Step:
    """Call step(*state, xs, targets) -> *state, loss again and again."""
    batch = jnp.asarray(xs), jnp.asarray(targets)

    def call() -> jax.Array:
        nonlocal state
        *after, loss = train_step(*state, *batch)
        state = tuple(after)
        return loss

    return call


PEERS = {
    "Flax Linen": linen,
    "Flax NNX": flax_nnx,
    "Equinox": equinox,
    "Haiku": haiku,
    "PyTorch": pytorch,
}
