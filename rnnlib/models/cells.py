"""Recurrent cells: RNN, GRU, LSTM and MinGRU.

A cell is `cell(state, x) -> (state, y)` with `init_state()`, which is exactly what `lax.scan`
takes. The weights of all gates stand side by side in one matrix, so that a step is one or two
matrix products, however many gates. Weights and states are float32, also where jax_enable_x64 is
on.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from rnnlib.models import scans


def _input_weights(key: jax.Array, inputs: int, outputs: int) -> nnx.Param:
    scale = inputs**-0.5  # keeps the variance of what comes in
    return nnx.Param(scale * jax.random.normal(key, (inputs, outputs), jnp.float32))


def _recurrent_weights(key: jax.Array, hidden: int, gates: int, gain: float) -> nnx.Param:
    keys = jax.random.split(key, gates)
    blocks = [jax.random.orthogonal(k, hidden, dtype=jnp.float32) for k in keys]
    return nnx.Param(jnp.float32(gain) * jnp.concatenate(blocks, axis=1))


def _zeros(size: int) -> jax.Array:
    return jnp.zeros(size, jnp.float32)


def _log_times(key: jax.Array, hidden: int, chrono: int) -> jax.Array:
    return jnp.log(jax.random.uniform(key, (hidden,), jnp.float32, 1, chrono - 1))


def _check_sizes(inputs: int, hidden: int, chrono: int | None = None) -> None:
    if min(inputs, hidden) < 1:
        raise ValueError(f"inputs and hidden must be >= 1, got {inputs} and {hidden}")
    if chrono is not None and chrono < 3:
        raise ValueError(f"chrono must be >= 3 steps, got {chrono}")


class RNN(nnx.Module):
    """The plain recurrent network: the new state is a squashed mixture of input and old state.

    h_t = tanh(x_t W_x + h_{t-1} W_h + b)

    Shapes: x[D], state h[H]. `gain` scales the orthogonal W_h.
    Raises: ValueError (a size under 1).
    Reference: Elman (1990), "Finding structure in time". Derived in lesson 01.
    """

    def __init__(self, inputs: int, hidden: int, *, gain: float = 1.0, rngs: nnx.Rngs):
        _check_sizes(inputs, hidden)
        self.hidden = hidden
        self.w_x = _input_weights(rngs.params(), inputs, hidden)  # [D, H]
        self.w_h = _recurrent_weights(rngs.params(), hidden, 1, gain)  # [H, H]
        self.b = nnx.Param(_zeros(hidden))  # [H]

    def init_state(self) -> jax.Array:
        """Return h_0 = 0, of shape [H]."""
        return _zeros(self.hidden)

    def __call__(self, h: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Take one step: state h[H], input x[D] -> new state, output y[H]."""
        h = jnp.tanh(x @ self.w_x[...] + h @ self.w_h[...] + self.b[...])
        return h, h


class GRU(nnx.Module):
    """The gated recurrent unit: an update gate decides, unit by unit, how much of the past stays.

    r, z = sigmoid(x_t W_x + h_{t-1} W_h + b)        reset and update gate
    n    = tanh(x_t W_x + b + r (h_{t-1} W_h))     candidate
    h_t  = (1 - z) n + z h_{t-1}

    Shapes: x[D], state h[H]; the columns of W_x, W_h and b are ordered r, z, n.
    `gain` scales the three orthogonal blocks of W_h.
    Raises: ValueError (a size under 1).
    Reference: Cho et al. (2014), "Learning phrase representations using RNN encoder-decoder"; the
    reset gate acts after the matrix product, as in cuDNN and in Flax. Derived in lesson 01.
    """

    def __init__(self, inputs: int, hidden: int, *, gain: float = 1.0, rngs: nnx.Rngs):
        _check_sizes(inputs, hidden)
        self.hidden = hidden
        self.w_x = _input_weights(rngs.params(), inputs, 3 * hidden)  # [D, 3H]
        self.w_h = _recurrent_weights(rngs.params(), hidden, 3, gain)  # [H, 3H]
        self.b = nnx.Param(_zeros(3 * hidden))  # [3H]

    def init_state(self) -> jax.Array:
        """Return h_0 = 0, of shape [H]."""
        return _zeros(self.hidden)

    def __call__(self, h: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Take one step: state h[H], input x[D] -> new state, output y[H]."""
        x_r, x_z, x_n = jnp.split(x @ self.w_x[...] + self.b[...], 3)
        h_r, h_z, h_n = jnp.split(h @ self.w_h[...], 3)
        r, z = jax.nn.sigmoid(x_r + h_r), jax.nn.sigmoid(x_z + h_z)
        n = jnp.tanh(x_n + r * h_n)
        h = (1 - z) * n + z * h
        return h, h


class LSTM(nnx.Module):
    """Long short-term memory: a cell state that is only ever scaled and added to.

    i, f, o = sigmoid(x_t W_x + h_{t-1} W_h + b)   input, forget and output gate
    g       = tanh(x_t W_x + h_{t-1} W_h + b)      candidate
    c_t     = f c_{t-1} + i g
    h_t     = o tanh(c_t)

    Shapes: x[D], state (h[H], c[H]); the columns of W_x, W_h and b are ordered i, f, g, o.
    `gain` scales the four orthogonal blocks of W_h; `forget_bias` is the start value of b_f.
    `chrono=T` draws b_f = log U(1, T - 1) and sets b_i = -b_f instead, so that the units' time
    constants, 1 / (1 - f) at zero input, spread over 2 to T steps.
    Raises: ValueError (a size under 1, or chrono under 3).
    Reference: Hochreiter & Schmidhuber (1997), "Long short-term memory"; Gers et al. (2000),
    "Learning to forget"; Tallec & Ollivier (2018), "Can recurrent neural networks warp time?".
    Derived in lesson 01.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        gain: float = 1.0,
        forget_bias: float = 1.0,
        chrono: int | None = None,
        rngs: nnx.Rngs,
    ):
        _check_sizes(inputs, hidden, chrono)
        self.hidden = hidden
        self.w_x = _input_weights(rngs.params(), inputs, 4 * hidden)  # [D, 4H]
        self.w_h = _recurrent_weights(rngs.params(), hidden, 4, gain)  # [H, 4H]
        zeros, b_i = _zeros(hidden), _zeros(hidden)
        b_f = jnp.full(hidden, forget_bias, jnp.float32)
        if chrono is not None:
            b_f = _log_times(rngs.params(), hidden, chrono)
            b_i = -b_f
        self.b = nnx.Param(jnp.concatenate([b_i, b_f, zeros, zeros]))  # [4H]

    def init_state(self) -> tuple[jax.Array, jax.Array]:
        """Return h_0 = c_0 = 0, each of shape [H]."""
        return _zeros(self.hidden), _zeros(self.hidden)

    def __call__(
        self, state: tuple[jax.Array, jax.Array], x: jax.Array
    ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        """Take one step: state (h[H], c[H]), input x[D] -> new state, output y[H]."""
        h, c = state
        # x W_x + h W_h as one product: of two, XLA's CPU compiler makes one an ordinary loop when
        # there is but one row, and a step that writes a token takes ten times as long.
        w = jnp.concatenate([self.w_x[...], self.w_h[...]])
        i, f, g, o = jnp.split(jnp.concatenate([x, h]) @ w + self.b[...], 4)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h


class MinGRU(nnx.Module):
    """A GRU whose gate and candidate see the input only: the state enters linearly.

    z_t = sigmoid(x_t W_z + b_z)           update gate
    n_t = x_t W_n + b_n                    candidate
    h_t = (1 - z_t) h_{t-1} + z_t n_t

    Steps h -> a h + b chain to such a step again, so a whole sequence can be run in parallel.
    Here z_t is the share of the new, as in the paper; in the GRU above it is the share of the old.

    Shapes: x[D], state h[H]; the columns of W_x and b are ordered z, n.
    `chrono=T` draws b_z = -log U(1, T - 1), so that the units' time constants, 1 / z at zero
    input, spread over 2 to T steps.
    Raises: ValueError (a size under 1, or chrono under 3).
    Reference: Feng et al. (2024), "Were RNNs all we needed?"; `chrono` as in the LSTM. Derived in
    lesson 04.
    """

    def __init__(self, inputs: int, hidden: int, *, chrono: int | None = None, rngs: nnx.Rngs):
        _check_sizes(inputs, hidden, chrono)
        self.hidden = hidden
        self.w_x = _input_weights(rngs.params(), inputs, 2 * hidden)  # [D, 2H]
        b_z = b_n = _zeros(hidden)
        if chrono is not None:
            b_z = -_log_times(rngs.params(), hidden, chrono)
        self.b = nnx.Param(jnp.concatenate([b_z, b_n]))  # [2H]

    def init_state(self) -> jax.Array:
        """Return h_0 = 0, of shape [H]."""
        return _zeros(self.hidden)

    def _step(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return a[H] and b[H] of the step h -> a h + b that input x[D] asks for."""
        w = jnp.concatenate([self.w_x[...], self.b[...][None]])  # one product, as in the LSTM
        z, n = jnp.split(jnp.append(x, 1.0) @ w, 2)
        return jax.nn.sigmoid(-z), jax.nn.sigmoid(z) * n  # sigmoid(-z) is 1 - sigmoid(z), exactly

    def __call__(self, h: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Take one step: state h[H], input x[D] -> new state, output y[H]."""
        a, b = self._step(x)
        h = a * h + b
        return h, h

    def parallel(self, xs: jax.Array) -> jax.Array:
        """Run the whole sequence at once: xs[T, D] -> ys[T, H], as `unroll` gives them.

        The steps are chained two by two, in rounds whose number grows with log T. All a are at most
        1 and nothing is divided by them, so this needs no logarithms; the paper's closed form would
        divide by products of the a, and so works on logarithms, of a candidate that is made
        positive.
        """
        return scans.associative(*jax.vmap(self._step)(xs))


# The cell is an argument of what is compiled: a scan alone would remember its weights as they were.
@partial(jax.jit, static_argnames="chunk", inline=True)
def unroll(cell: Any, xs: jax.Array, chunk: int | None = None) -> tuple[Any, jax.Array]:
    """Run a cell over a whole sequence from its initial state.

    With `chunk`, a gradient keeps the states at the chunks' borders only, and computes each chunk
    of so many steps once more on the way back: a third more work, but T / chunk + chunk states in
    memory instead of T, fewest at chunk = sqrt(T).

    `cell` is a pytree, as modules are. Where its state is not of 64 bits, xs are read as 32.

    Shapes: xs[T, D] -> (last state, ys[T, H]).
    Raises: ValueError (chunk does not divide T).
    Reference: Chen et al. (2016), "Training deep nets with sublinear memory cost".
    """
    start = cell.init_state()
    if xs.dtype == jnp.float64 and jnp.result_type(*jax.tree.leaves(start)) != jnp.float64:
        xs = xs.astype(jnp.float32)
    if chunk is None:
        return jax.lax.scan(cell, start, xs)
    if chunk < 1 or len(xs) % chunk:
        raise ValueError(f"chunk must divide the {len(xs)} steps of xs, got {chunk}")
    run = jax.checkpoint(lambda state, xs: jax.lax.scan(cell, state, xs))
    chunks = xs.reshape(-1, chunk, *xs.shape[1:])
    state, ys = jax.lax.scan(run, start, chunks)
    return state, ys.reshape(len(xs), *ys.shape[2:])
