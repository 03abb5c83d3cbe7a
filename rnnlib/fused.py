"""Fast LSTM and GRU layers: what `cells.unroll` computes, in an order that suits the machine.

The plain cell says what is computed; this file says it again so that a training step takes about
half the time. Four things are done differently, and lesson 06 measures each:

1. The batch is one matrix that stands upright: a state is h[H, B], its columns are the sequences.
   A step is one product, gates[4H, B] = W[4H, D + H] [x; h], whose rows are whole gates.
2. All gates take one tanh over one flat array, since sigmoid(u) = (1 + tanh(u / 2)) / 2; the
   halves go into the weights. A compiler vectorises that loop, and not the one that cuts out
   gates and squashes each; `optimization_barrier` keeps it from fusing them again.
3. The backward pass is written by hand. It keeps what the gates were, so that no tanh is taken
   twice, and leaves the weights out of its loop: dL/dW = sum_t du_t [x_t; h_{t-1}]^T is one product
   after it, where automatic differentiation adds up T small ones.
4. Every step is one pass over memory that fits the cache; only what the way back needs is stored.

The weights may be bfloat16: then products take bfloat16 numbers and add them up in float32, and
states and gates are float32.
Reference: Appleyard et al. (2016), "Optimizing performance of recurrent neural networks on GPUs".
"""

from typing import Any

import jax
import jax.numpy as jnp

from rnnlib.cells import GRU, LSTM

_alone = jax.lax.optimization_barrier  # what is inside is computed by itself, in one wide loop


def unroll(cell: LSTM | GRU, xs: jax.Array) -> jax.Array:
    """Run a cell over a batch of sequences, each from the initial state.

    The outputs of `jax.vmap(lambda xs: cells.unroll(cell, xs)[1])(xs)`, and their gradients.

    Shapes: xs[B, T, D] -> ys[B, T, H].
    Raises: ValueError for a cell that is no LSTM or GRU, or xs of another shape. Derived in
    lesson 06.
    """
    layers = {LSTM: _lstm, GRU: _gru}
    if type(cell) not in layers:
        raise ValueError(f"the cell must be an LSTM or a GRU, got {type(cell).__name__}")
    inputs = cell.w_x.shape[0]
    if xs.ndim != 3 or xs.shape[2] != inputs:
        raise ValueError(f"xs must be [B, T, {inputs}], got {list(xs.shape)}")
    gates = cell.w_h.shape[1] // cell.hidden
    half = jnp.repeat(jnp.array([0.5, 0.5, 1.0, 0.5][:gates]), cell.hidden)  # i, f, g, o; r, z, n
    half = half.astype(cell.w_x.dtype)
    w_x, w_h = cell.w_x[...] * half[None], cell.w_h[...] * half[None]
    upright = xs.transpose(1, 2, 0).astype(w_x.dtype)  # [T, D, B]
    ys = layers[type(cell)](w_x, w_h, cell.b[...] * half, upright)  # [T, B, H]
    return ys.swapaxes(0, 1)


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, preferred_element_type=jnp.float32)


def _gradients(xs: Any, hs: Any, du_x: Any, du_h: Any, w_x: Any) -> tuple[Any, ...]:
    """Return the gradients of w_x, w_h, b and xs from those of the gates.

    Shapes: xs[T, D, B], hs[T, B, H], du_x and du_h[T, B, gates H].
    """
    before = jnp.concatenate([jnp.zeros_like(hs[:1]), hs[:-1]])  # h_{t-1}
    total = {"preferred_element_type": jnp.float32}
    narrow = w_x.dtype
    du_x_, du_h_ = du_x.astype(narrow), du_h.astype(narrow)
    d_wx = jnp.einsum("tdb,tbg->dg", xs, du_x_, **total)
    d_wh = jnp.einsum("tbh,tbg->hg", before.astype(narrow), du_h_, **total)
    d_xs = jnp.einsum("dg,tbg->tdb", w_x, du_x_, **total)
    grads = d_wx, d_wh, du_x.sum((0, 1)), d_xs
    return tuple(grad.astype(narrow) for grad in grads)


@jax.custom_vjp
def _lstm(w_x: jax.Array, w_h: jax.Array, b: jax.Array, xs: jax.Array) -> jax.Array:
    """Run an LSTM: w_x[D, 4H], w_h[H, 4H], b[4H], xs[T, D, B] -> hs[T, B, H]."""
    return _lstm_forward(w_x, w_h, b, xs)[0]


def _lstm_forward(w_x: Any, w_h: Any, b: Any, xs: Any) -> tuple[jax.Array, Any]:
    hidden, batch = len(w_h), xs.shape[2]
    w = jnp.concatenate([w_x, w_h]).T  # [4H, D + H]
    bias = b.astype(jnp.float32)[:, None]

    def step(state: Any, x: jax.Array) -> tuple[Any, Any]:
        h, c = state  # [H, B], [H B]
        u = _alone(_product(w, jnp.concatenate([x, h.astype(x.dtype)])))  # [4H, B]
        gates = _alone(jnp.tanh((u + bias).reshape(-1)))  # [4 H B]
        i, f, g, o = gates.reshape(4, -1)
        c = _alone(0.5 * ((1 + f) * c + (1 + i) * g))
        t = _alone(jnp.tanh(c))
        h = _alone((0.5 * (1 + o) * t).reshape(hidden, batch))
        return (h, c), (h.T, c, t, gates)

    start = jnp.zeros((hidden, batch), jnp.float32), jnp.zeros(hidden * batch, jnp.float32)
    hs, cs, ts, gates = jax.lax.scan(step, start, xs)[1]
    return hs, (w_x, w_h, xs, hs, cs, ts, gates)


def _lstm_backward(kept: Any, d_hs: jax.Array) -> tuple[Any, ...]:
    w_x, w_h, xs, hs, cs, ts, gates = kept
    hidden, batch = len(w_h), xs.shape[2]

    def step(ahead: Any, now: Any) -> tuple[Any, jax.Array]:
        dh, dc = ahead  # dL/dh and dL/dc by way of what comes later, [H B]
        d_y, gates, c_before, t = now
        i, f, g, o = gates.reshape(4, -1)
        dh = dh + d_y.T.reshape(-1)
        dc = _alone(dc + dh * 0.5 * (1 + o) * (1 - t * t))
        into = jnp.concatenate([dc * g, dc * c_before, dc * (1 + i), dh * t])
        du = _alone(0.5 * (1 - gates * gates) * into).reshape(4 * hidden, batch)
        dh = _product(w_h, du.astype(w_h.dtype)).reshape(-1)
        return (dh, dc * 0.5 * (1 + f)), du.T

    zero = jnp.zeros(hidden * batch, jnp.float32)
    before = jnp.concatenate([zero[None], cs[:-1]])  # c_{t-1}
    du = jax.lax.scan(step, (zero, zero), (d_hs, gates, before, ts), reverse=True)[1]
    return _gradients(xs, hs, du, du, w_x)


_lstm.defvjp(_lstm_forward, _lstm_backward)


@jax.custom_vjp
def _gru(w_x: jax.Array, w_h: jax.Array, b: jax.Array, xs: jax.Array) -> jax.Array:
    """Run a GRU: w_x[D, 3H], w_h[H, 3H], b[3H], xs[T, D, B] -> hs[T, B, H]."""
    return _gru_forward(w_x, w_h, b, xs)[0]


def _gru_forward(w_x: Any, w_h: Any, b: Any, xs: Any) -> tuple[jax.Array, Any]:
    hidden, batch = len(w_h), xs.shape[2]
    bias = b.astype(jnp.float32)[:, None]
    squashed = 2 * hidden  # the rows of r and z; the reset gate comes between n's two halves

    def step(h: jax.Array, x: jax.Array) -> tuple[jax.Array, Any]:
        u_x = _alone(_product(w_x.T, x) + bias)  # [3H, B]
        u_h = _alone(_product(w_h.T, h.astype(x.dtype)))
        gates = _alone(jnp.tanh((u_x[:squashed] + u_h[:squashed]).reshape(-1)))  # [2 H B]
        r, z = gates.reshape(2, -1)
        n_h = u_h[squashed:].reshape(-1)
        n = _alone(jnp.tanh(_alone(u_x[squashed:].reshape(-1) + 0.5 * (1 + r) * n_h)))
        h = _alone(n + 0.5 * (1 + z) * (h.reshape(-1) - n)).reshape(hidden, batch)
        return h, (h.T, gates, n_h, n)

    hs, gates, n_h, n = jax.lax.scan(step, jnp.zeros((hidden, batch), jnp.float32), xs)[1]
    return hs, (w_x, w_h, xs, hs, gates, n_h, n)


def _gru_backward(kept: Any, d_hs: jax.Array) -> tuple[Any, ...]:
    w_x, w_h, xs, hs, gates, n_h, n = kept
    hidden, batch = len(w_h), xs.shape[2]
    before = jnp.concatenate([jnp.zeros_like(hs[:1]), hs[:-1]])  # h_{t-1}, [T, B, H]

    def step(dh: jax.Array, now: Any) -> tuple[jax.Array, Any]:
        d_y, h_before, gates, n_h, n = now
        r, z = gates.reshape(2, -1)
        dh = _alone(dh + d_y.T.reshape(-1))  # [H B]
        dn = _alone(0.5 * (1 - z) * dh * (1 - n * n))
        into = jnp.concatenate([dn * n_h, dh * (h_before.T.reshape(-1) - n)])
        du = 0.5 * (1 - gates * gates) * into
        du_h = _alone(jnp.concatenate([du, 0.5 * (1 + r) * dn])).reshape(3 * hidden, batch)
        back = _product(w_h, du_h.astype(w_h.dtype)).reshape(-1)
        return back + 0.5 * (1 + z) * dh, (du_h.T, dn.reshape(hidden, batch).T)

    zero = jnp.zeros(hidden * batch, jnp.float32)
    du_h, dn = jax.lax.scan(step, zero, (d_hs, before, gates, n_h, n), reverse=True)[1]
    du_x = jnp.concatenate([du_h[..., : 2 * hidden], dn], axis=-1)
    return _gradients(xs, hs, du_x, du_h, w_x)


_gru.defvjp(_gru_forward, _gru_backward)
