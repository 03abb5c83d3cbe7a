"""Fast LSTM and GRU layers: what `cells.unroll` computes, in an order that suits the machine.

The plain cell says what is computed; this file says it again so that a training step takes less
time. Five things are done differently; lesson 06 climbs the first three as a ladder and times them:

1. The batch is one matrix that stands upright: a state is h[H, B], its columns are the sequences.
   A step is one product, gates[4H, B] = W[4H, D + H] [x; h], whose rows are whole gates. The
   weights are turned before the loop, for good: a product with a matrix that lies the other way
   is several times slower.
2. All gates take one tanh over one flat array, since sigmoid(u) = (1 + tanh(u / 2)) / 2; the
   halves go into the weights. A compiler vectorises that loop, and not the one that cuts out
   gates and squashes each.
3. The backward pass is written by hand. Its loop has one product, with W_h; the weights are left
   out of it: dL/dW = sum_t [x_t; h_{t-1}] du_t^T is one product after it, where automatic
   differentiation adds up T small ones.
4. An LSTM's way forward stores slopes, such as di/du_i g, and no gates: the way back multiplies
   each by what comes in. What several parts of a step need is not computed again in each.
5. Parts are written side by side into one array that the loop carries along: `concatenate` would
   ask of every number which part it belongs to.

The weights may be bfloat16: then products take bfloat16 numbers and add them up in float32, and
states and gates are float32. There is no forward-mode derivative (jax.jvp, jax.jacfwd).
Reference: Appleyard et al. (2016), "Optimizing performance of recurrent neural networks on GPUs".
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from rnnlib.models.cells import GRU, LSTM


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


def _einsum(axes: str, a: jax.Array, b: jax.Array) -> jax.Array:
    """Multiply, and add up in float32.

    On a CPU bfloat16 is widened first, which changes no result: not every jaxlib multiplies it.
    """
    if jax.default_backend() == "cpu":
        a, b = a.astype(jnp.float32), b.astype(jnp.float32)
    return jnp.einsum(axes, a, b, preferred_element_type=jnp.float32)


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return _einsum("ij,jk->ik", a, b)


def _turned(w: jax.Array) -> jax.Array:
    """Transpose for good: left alone, XLA would fold the transposition into each product again."""
    return jax.lax.optimization_barrier(w.T)


def _side_by_side(parts: Sequence[jax.Array], scratch: jax.Array) -> jax.Array:
    """Write parts[n] one after the other into one array: jnp.concatenate, but each its own loop."""
    for number, part in enumerate(parts):
        scratch = jax.lax.dynamic_update_slice(scratch, part, (number * part.size,))
    return scratch


def _back_to_xs(w_x: jax.Array, du: jax.Array) -> jax.Array:
    """Return dL/dxs[T, D, B]: w_x[D, G], du[T, B, G]."""
    return _einsum("dg,tbg->tdb", w_x, du.astype(w_x.dtype)).astype(w_x.dtype)


def _summed(seen: jax.Array, du: jax.Array) -> jax.Array:
    """Add up the outer products over steps and rows: seen[T, B, I], du[T, B, G] -> [I, G]."""
    flat = lambda a: a.reshape(-1, a.shape[-1])  # noqa: E731
    return _product(flat(seen).T, flat(du).astype(seen.dtype)).astype(seen.dtype)


@jax.custom_vjp
def _lstm(w_x: jax.Array, w_h: jax.Array, b: jax.Array, xs: jax.Array) -> jax.Array:
    """Run an LSTM: w_x[D, 4H], w_h[H, 4H], b[4H], xs[T, D, B] -> hs[T, B, H]."""
    return _lstm_forward(w_x, w_h, b, xs)[0]


def _lstm_forward(w_x: Any, w_h: Any, b: Any, xs: Any) -> tuple[jax.Array, Any]:
    hidden, batch = len(w_h), xs.shape[2]
    w = _turned(jnp.concatenate([w_x, w_h]))  # [4H, D + H]
    bias = b.astype(jnp.float32)[:, None]

    def step(state: Any, x: jax.Array) -> tuple[Any, Any]:
        h, c = state  # [H, B], [H B]
        seen = jnp.concatenate([x, h.astype(x.dtype)])
        gates = jnp.tanh((_product(w, seen) + bias).reshape(-1))  # [4 H B]
        i, f, g, o = gates.reshape(4, -1)
        new = 0.5 * ((1 + f) * c + (1 + i) * g)
        t = jnp.tanh(new)
        h = (0.5 * (1 + o) * t).reshape(hidden, batch)
        du = (1 - i * i) * g, (1 - f * f) * c, (1 - g * g) * (1 + i), (1 - o * o) * t
        slopes = *(0.5 * slope for slope in du), 0.5 * (1 + o) * (1 - t * t), 0.5 * (1 + f)
        return (h, new), (h.T, seen.T, slopes)

    start = jnp.zeros((hidden, batch), jnp.float32), jnp.zeros(hidden * batch, jnp.float32)
    hs, seen, slopes = jax.lax.scan(step, start, xs)[1]
    return hs, (w_x, w_h, b, seen, slopes)


def _lstm_backward(kept: Any, d_hs: jax.Array) -> tuple[jax.Array, ...]:
    w_x, w_h, b, seen, slopes = kept
    _, batch, hidden = d_hs.shape

    def step(ahead: Any, now: Any) -> tuple[Any, jax.Array]:
        dh, dc, du = ahead  # dL/dh and dL/dc by way of what comes later, [H B]
        d_y, (i, f, g, o, by_h, by_c) = now
        dh = dh + d_y.T.reshape(-1)
        dc = dc + dh * by_h
        du = _side_by_side([dc * i, dc * f, dc * g, dh * o], du)
        upright = du.reshape(4 * hidden, batch)
        dh = _product(w_h, upright.astype(w_h.dtype)).reshape(-1)
        return (dh, dc * by_c, du), upright.T

    zero = jnp.zeros(hidden * batch, jnp.float32)
    start = zero, zero, jnp.zeros(4 * hidden * batch, jnp.float32)
    du = jax.lax.scan(step, start, (d_hs, slopes), reverse=True)[1]  # [T, B, 4H]
    d_w = _summed(seen, du)  # [D + H, 4H]
    return (
        d_w[: len(w_x)],
        d_w[len(w_x) :],
        du.sum((0, 1)).astype(b.dtype),
        _back_to_xs(w_x, du),
    )


@jax.custom_vjp
def _gru(w_x: jax.Array, w_h: jax.Array, b: jax.Array, xs: jax.Array) -> jax.Array:
    """Run a GRU: w_x[D, 3H], w_h[H, 3H], b[3H], xs[T, D, B] -> hs[T, B, H]."""
    return _gru_forward(w_x, w_h, b, xs)[0]


def _gru_forward(w_x: Any, w_h: Any, b: Any, xs: Any) -> tuple[jax.Array, Any]:
    hidden, batch = len(w_h), xs.shape[2]
    from_x, from_h = _turned(w_x), _turned(w_h)  # [3H, D], [3H, H]
    bias = b.astype(jnp.float32)[:, None]
    squashed = 2 * hidden  # the rows of r and z; the reset gate comes between n's two halves

    def step(h: jax.Array, x: jax.Array) -> tuple[jax.Array, Any]:
        before, narrow = h.reshape(-1), h.astype(x.dtype)
        u_x = _product(from_x, x) + bias  # [3H, B]
        u_h = _product(from_h, narrow)
        gates = jnp.tanh((u_x[:squashed] + u_h[:squashed]).reshape(-1))  # [2 H B]
        r, z = gates.reshape(2, -1)
        n_h = u_h[squashed:].reshape(-1)
        n = jnp.tanh(u_x[squashed:].reshape(-1) + 0.5 * (1 + r) * n_h)
        h = (n + 0.5 * (1 + z) * (before - n)).reshape(hidden, batch)
        return h, (h.T, jnp.concatenate([x, narrow]).T, before, gates, n_h, n)

    start = jnp.zeros((hidden, batch), jnp.float32)
    hs, seen, before, gates, n_h, n = jax.lax.scan(step, start, xs)[1]
    return hs, (w_x, w_h, b, seen, before, gates, n_h, n)


def _gru_backward(kept: Any, d_hs: jax.Array) -> tuple[jax.Array, ...]:
    w_x, w_h, b, seen, before, gates, n_h, n = kept
    _, batch, hidden = d_hs.shape

    def step(ahead: Any, now: Any) -> tuple[Any, Any]:
        dh, du = ahead  # [H B], [3 H B]
        d_y, before, gates, n_h, n = now
        r, z = gates.reshape(2, -1)
        dh = dh + d_y.T.reshape(-1)
        dn = 0.5 * (1 - z) * dh * (1 - n * n)
        into_r = 0.5 * (1 - r * r) * n_h * dn
        into_z = 0.5 * (1 - z * z) * (before - n) * dh
        du = _side_by_side([into_r, into_z, 0.5 * (1 + r) * dn], du)
        upright = du.reshape(3 * hidden, batch)
        back = _product(w_h, upright.astype(w_h.dtype)).reshape(-1)
        return (back + 0.5 * (1 + z) * dh, du), (upright.T, dn.reshape(hidden, batch).T)

    start = jnp.zeros(hidden * batch, jnp.float32), jnp.zeros(3 * hidden * batch, jnp.float32)
    du_h, dn = jax.lax.scan(step, start, (d_hs, before, gates, n_h, n), reverse=True)[1]
    du_x = jnp.concatenate([du_h[..., : 2 * hidden], dn], axis=-1)
    d_wx = _summed(seen[..., : len(w_x)], du_x)
    d_wh = _summed(seen[..., len(w_x) :], du_h)
    d_b = jnp.concatenate([du_h.sum((0, 1))[: 2 * hidden], dn.sum((0, 1))])
    return d_wx, d_wh, d_b.astype(b.dtype), _back_to_xs(w_x, du_x)
