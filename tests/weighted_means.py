"""The oracle of the attention tests: attention in float64, one position and one head at a time."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from rnnlib.models.attention import rotate

HEADS, D = 2, 4


def drawn(length, scale=1.0):
    """Queries, keys and values; the scores are of size scale^2."""
    q, k, v = jax.random.normal(jax.random.key(length), (3, length, HEADS, D))
    return scale * q, scale * k, v


def rotated(q, k, v):
    time = jnp.arange(len(q))
    return rotate(q, time), rotate(k, time), v


def turned(x, position):
    """Rotate pairs of coordinates as complex numbers."""
    z = (x[: D // 2] + 1j * x[D // 2 :]) * np.exp(
        1j * position / 10000 ** (np.arange(D // 2) / (D // 2))
    )
    return np.concatenate([z.real, z.imag])


def by_hand(q, k, v, mask, bias=None):
    """Attention for mask, bias[heads, T, S]; zeros where nothing is seen."""
    q, k, v = (np.asarray(x, np.float64) for x in (q, k, v))
    ys = np.zeros((len(q), HEADS, v.shape[-1]))
    for t, h in np.ndindex(len(q), HEADS):
        seen = np.flatnonzero(mask[h, t])
        scores = np.array([q[t, h] @ k[s, h] / np.sqrt(D) for s in seen])
        scores = scores + (0 if bias is None else bias[h, t, seen])
        p = np.exp(scores - max(scores, default=0))
        ys[t, h] = p @ v[seen, h] / max(p.sum(), 1)
    return ys


def past(length):
    """The causal mask."""
    return np.tile(np.tri(length, dtype=bool), (HEADS, 1, 1))


def causal_by_hand(q, k, v):
    """Causal attention with rotated queries and keys."""
    q, k = (
        np.array([[turned(x, t) for x in row] for t, row in enumerate(np.asarray(xs, np.float64))])
        for xs in (q, k)
    )
    return by_hand(q, k, v, past(len(q)))


def summary(form, q, k, v):
    """A number that depends on every output, differently."""
    ys = form(q, k, v)
    return (jnp.cos(jnp.arange(ys.size, dtype=jnp.float32)).reshape(ys.shape) * ys**2).sum()


def gradients(form, inputs):
    return jax.jit(jax.grad(partial(summary, form), argnums=(0, 1, 2)))(*inputs)


def as_cache(entries):
    """Turn [C, heads, d] into the cache's [heads, d, C]."""
    return entries.transpose(1, 2, 0)
