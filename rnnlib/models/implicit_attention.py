"""The attention that is hidden in an LSTM: its cell state as a weighted sum over the past."""

import jax
import jax.numpy as jnp

from rnnlib.models.cells import LSTM


def implicit_attention(cell: LSTM, xs: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the weights on the past, and what they weigh, of every unit at every step.

    c_t = f_t c_{t-1} + i_t g_t = Σ_{j <= t} w_tj g_j,    w_tj = (Π_{j < k <= t} f_k) i_j

    A unit's weights lie in [0, 1], as attention's do, and need not sum to 1. w_tj is set when j is
    read; from then on it only shrinks, together with all weights before it.

    Shapes: xs[T, D] -> w[T, T, H], by t and j and 0 for j > t, and g[T, H].
    Reference: Levy et al. (2018), "Long short-term memory as a dynamically computed element-wise
    weighted sum". Derived in lesson 13.
    """

    def step(carry, now):
        (h, c), weights = carry
        t, x = now
        i, f, g, _ = jnp.split(x @ cell.w_x[...] + h @ cell.w_h[...] + cell.b[...], 4)
        i, f, g = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g)
        weights = (f[None] * weights).at[t].set(i)
        state, _ = cell((h, c), x)
        return (state, weights), (weights, g)

    nothing = jnp.zeros((len(xs), cell.hidden), jnp.float32)
    start = cell.init_state(), nothing
    return jax.lax.scan(step, start, (jnp.arange(len(xs)), xs))[1]
