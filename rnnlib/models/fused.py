"""Fast LSTM and GRU layers: what `cells.unroll` computes, in an order that suits the machine.

The plain cell says what is computed; this file says it again so that a training step takes less
time. What takes time, beside the matrix products, is memory: what the way forward stores for the
way back leaves the caches, and each number of it is written, and fetched, at the price of many
multiplications. So:

1. A step of a batch is one product of rows, [x, h] W for all gates at once, and one tanh for all
   of them, since sigmoid(u) = (1 + tanh(u / 2)) / 2; the halves go into the weights.
2. The backward pass is written by hand. The way forward stores no gates but slopes, such as
   di/du_i g, made when all that they are made of is at hand: the way back has nothing left to do
   but to multiply each, once, by what comes in. States are stored once, and serve as outputs too.
3. The way back has one product per step, with W_h^T, which is turned before the loop, for good.
   The weights stay out of it: dL/dW = sum_t [x_t, h_{t-1}]^T du_t is added up in chunks of
   16 steps, one product for each. With a product at every step, as automatic differentiation has
   it, they are too small; with a single one at the end, all du_t have left the caches by then.
4. Parts are written side by side into one array that the loop carries along: `concatenate` would
   ask of every number which part it belongs to.

The weights may be bfloat16: then products take bfloat16 numbers and add them up in float32, and
states and gates are float32. There is no forward-mode derivative (jax.jvp, jax.jacfwd).
Reference: Appleyard et al. (2016), "Optimizing performance of recurrent neural networks on GPUs".
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from rnnlib.models.cells import GRU, LSTM

CHUNK = 16  # steps of the way back that share a product: 32 were no faster, and 8 and 64 slower


def unroll_batch(cell: LSTM | GRU, xs: jax.Array) -> jax.Array:
    """Run a cell over a batch of sequences, each from the initial state.

    The outputs of `jax.vmap(lambda xs: cells.unroll(cell, xs)[1])(xs)`, and their gradients.

    Shapes: xs[B, T, D] -> ys[B, T, H].
    Raises: ValueError (a cell that is no LSTM or GRU, or xs of another shape). Derived in
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
    xs = xs.swapaxes(0, 1).astype(cell.w_x.dtype)  # [T, B, D]
    w_x, w_h = cell.w_x[...] * half[None], cell.w_h[...] * half[None]
    return layers[type(cell)](w_x, w_h, cell.b[...] * half, xs).swapaxes(0, 1)


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    """Multiply a[I, J] as numbers of b[J, K]'s type, and add up in float32.

    On a CPU bfloat16 is widened first, which changes no result: some jaxlibs do not multiply it,
    or more slowly.
    """
    a = a.astype(b.dtype)
    if jax.default_backend() == "cpu":
        a, b = a.astype(jnp.float32), b.astype(jnp.float32)
    return jnp.einsum("ij,jk->ik", a, b, preferred_element_type=jnp.float32)


def _turned(w: jax.Array) -> jax.Array:
    """Transpose for good: left alone, XLA would fold the transposition into each product again."""
    return jax.lax.optimization_barrier(w.T)


def _rows(a: jax.Array) -> jax.Array:
    return a.reshape(-1, a.shape[-1])


def _side_by_side(parts: Sequence[jax.Array], scratch: jax.Array) -> jax.Array:
    """Write parts[n][B, H] into scratch[B, nH]: jnp.concatenate, but each its own loop."""
    for number, part in enumerate(parts):
        scratch = jax.lax.dynamic_update_slice(scratch, part, (0, number * part.shape[1]))
    return scratch


def _along(step: Callable, states: int, xs: jax.Array, hidden: int) -> tuple[jax.Array, Any]:
    """Scan step(state, x[B, D]) -> state, slopes; a state is h[B, H], then what else there is.

    Return hs[T + 1, B, H], of which the first is the initial state, and all slopes.
    """
    steps, batch, _ = xs.shape
    zero = jnp.zeros((batch, hidden), jnp.float32)

    def put(carry: Any, now: Any) -> tuple[Any, Any]:
        (state, hs), (t, x) = carry, now
        state, slopes = step(state, x)
        return (state, jax.lax.dynamic_update_index_in_dim(hs, state[0], t + 1, 0)), slopes

    start = (zero,) * states, jnp.zeros((steps + 1, batch, hidden), jnp.float32)
    (_, hs), slopes = jax.lax.scan(put, start, (jnp.arange(steps), xs))
    return hs, slopes


def _back(step: Callable, gather: Callable, ahead: Any, kept: Any, d_hs: jax.Array) -> Any:
    """Go back over all steps, in chunks of CHUNK, the first one shorter; return all gradients.

    step(ahead, dL/dh[B, H], slopes) -> ahead, du, and gather(x, h, du) -> dL/dW_x, dL/dW_h, du_x
    of a chunk's steps, h being the state before each.
    """
    w_x, w_h, b, xs, hs, slopes = kept

    def chunk(carry: Any, first: Any, steps: int = CHUNK) -> tuple[Any, jax.Array]:
        def one(ahead: Any, t: jax.Array) -> tuple[Any, Any]:
            d_h, now = jax.tree.map(lambda a: a[t], (d_hs, slopes))
            return step(ahead, d_h, now)

        ahead, sums = carry
        ahead, du = jax.lax.scan(one, ahead, first + jnp.arange(steps), reverse=True)
        x, h = (jax.lax.dynamic_slice_in_dim(a, first, steps) for a in (xs, hs))
        *d_w, du_x = gather(x, h, du)
        d_x = _product(_rows(du_x), w_x.T).reshape(x.shape).astype(x.dtype)
        ones = jnp.ones((8, len(_rows(du_x))))  # XLA's sums are slower, and so is a single row
        d_b = _product(ones, _rows(du_x))[0]
        sums = jax.tree.map(jnp.add, sums, (*d_w, d_b))
        return (ahead, sums), d_x

    count, rest = divmod(len(xs), CHUNK)
    carry = ahead, tuple(jnp.zeros(w.shape, jnp.float32) for w in (w_x, w_h, b))
    d_xs = xs[:0]
    if count:
        carry, d_xs = jax.lax.scan(chunk, carry, rest + CHUNK * jnp.arange(count), reverse=True)
        d_xs = d_xs.reshape(xs[rest:].shape)
    if rest:
        carry, d_x = chunk(carry, 0, rest)
        d_xs = jnp.concatenate([d_x, d_xs])
    sums = (a.astype(w.dtype) for a, w in zip(carry[1], (w_x, w_h, b), strict=True))
    return *sums, d_xs


@jax.custom_vjp
def _lstm(w_x: jax.Array, w_h: jax.Array, b: jax.Array, xs: jax.Array) -> jax.Array:
    """Run an LSTM: w_x[D, 4H], w_h[H, 4H], b[4H], xs[T, B, D] -> hs[T, B, H]."""
    return _lstm_forward(w_x, w_h, b, xs)[0]


def _lstm_forward(w_x: Any, w_h: Any, b: Any, xs: Any) -> tuple[jax.Array, Any]:
    w, bias = jnp.concatenate([w_x, w_h]), b.astype(jnp.float32)[None]

    def step(state: Any, x: jax.Array) -> tuple[Any, Any]:
        h, c = state
        seen = jnp.concatenate([x, h.astype(x.dtype)], axis=1)
        i, f, g, o = jnp.split(jnp.tanh(_product(seen, w) + bias), 4, axis=1)
        new = 0.5 * ((1 + f) * c + (1 + i) * g)
        t = jnp.tanh(new)
        du = (1 - i * i) * g, (1 - f * f) * c, (1 - g * g) * (1 + i), (1 - o * o) * t
        slopes = *(0.5 * slope for slope in du), 0.5 * (1 + o) * (1 - t * t), 0.5 * (1 + f)
        return (0.5 * (1 + o) * t, new), slopes

    hs, slopes = _along(step, 2, xs, len(w_h))
    return hs[1:], (w_x, w_h, b, xs, hs, slopes)


def _lstm_backward(kept: Any, d_hs: jax.Array) -> tuple[jax.Array, ...]:
    w_x, w_h, *_ = kept
    back = _turned(w_h)

    def step(ahead: Any, d_h: jax.Array, slopes: Any) -> tuple[Any, jax.Array]:
        dh, dc, du = ahead  # dL/dh and dL/dc by way of what comes later, [B, H]
        i, f, g, o, by_h, by_c = slopes
        dh = dh + d_h
        dc = dc + dh * by_h
        du = _side_by_side([dc * i, dc * f, dc * g, dh * o], du)
        return (_product(du, back), dc * by_c, du), du

    def gather(x: jax.Array, h: jax.Array, du: jax.Array) -> tuple[jax.Array, ...]:
        seen = jnp.concatenate([x, h.astype(x.dtype)], axis=2)
        d_w = _product(_turned(_rows(seen)), _rows(du).astype(x.dtype))
        return d_w[: len(w_x)], d_w[len(w_x) :], du

    zero = jnp.zeros(d_hs.shape[1:], jnp.float32)
    ahead = zero, zero, jnp.zeros((len(zero), w_h.shape[1]), jnp.float32)
    return _back(step, gather, ahead, kept, d_hs)


_lstm.defvjp(_lstm_forward, _lstm_backward)


@jax.custom_vjp
def _gru(w_x: jax.Array, w_h: jax.Array, b: jax.Array, xs: jax.Array) -> jax.Array:
    """Run a GRU: w_x[D, 3H], w_h[H, 3H], b[3H], xs[T, B, D] -> hs[T, B, H]."""
    return _gru_forward(w_x, w_h, b, xs)[0]


def _gru_forward(w_x: Any, w_h: Any, b: Any, xs: Any) -> tuple[jax.Array, Any]:
    bias, squashed = b.astype(jnp.float32)[None], 2 * len(w_h)  # the columns of r and z

    def step(state: Any, x: jax.Array) -> tuple[Any, Any]:
        (h,) = state
        u_x, u_h = _product(x, w_x) + bias, _product(h, w_h)  # r comes between n's two halves
        r, z = jnp.split(jnp.tanh(u_x[:, :squashed] + u_h[:, :squashed]), 2, axis=1)
        n_h = u_h[:, squashed:]
        n = jnp.tanh(u_x[:, squashed:] + 0.5 * (1 + r) * n_h)
        by_n = 0.5 * (1 - z) * (1 - n * n)
        du = 0.5 * (1 - r * r) * n_h * by_n, 0.5 * (1 - z * z) * (h - n), 0.5 * (1 + r) * by_n
        return (n + 0.5 * (1 + z) * (h - n),), (*du, by_n, 0.5 * (1 + z))

    hs, slopes = _along(step, 1, xs, len(w_h))
    return hs[1:], (w_x, w_h, b, xs, hs, slopes)


def _gru_backward(kept: Any, d_hs: jax.Array) -> tuple[jax.Array, ...]:
    w_h, squashed = kept[1], 2 * len(kept[1])
    back = _turned(w_h)

    def step(ahead: Any, d_h: jax.Array, slopes: Any) -> tuple[Any, Any]:
        dh, du = ahead  # [B, H], [B, 3H]
        r, z, n_h, by_n, by_h = slopes
        dh = dh + d_h
        du = _side_by_side([dh * r, dh * z, dh * n_h], du)
        return (_product(du, back) + dh * by_h, du), (du, dh * by_n)

    def gather(x: jax.Array, h: jax.Array, du: Any) -> tuple[jax.Array, ...]:
        du_h, dn = du
        du_x = jnp.concatenate([du_h[..., :squashed], dn], axis=2)
        pairs = ((x, du_x), (h, du_h))
        d_w = (_product(_turned(_rows(a)), _rows(d).astype(x.dtype)) for a, d in pairs)
        return *d_w, du_x

    zero = jnp.zeros(d_hs.shape[1:], jnp.float32)
    ahead = zero, jnp.zeros((len(zero), w_h.shape[1]), jnp.float32)
    return _back(step, gather, ahead, kept, d_hs)


_gru.defvjp(_gru_forward, _gru_backward)
