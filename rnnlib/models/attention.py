"""Causal attention three ways: all scores at once, block by block, and one query against a cache.

All give the same result, up to rounding. They differ in what they hold: `attend` the weights of all
pairs of positions, `attend_blockwise` those of one pair of blocks, `attend_cached` those of one
position.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp


def rotate(x: jax.Array, positions: jax.Array) -> jax.Array:
    """Turn each pair of coordinates by an angle that grows with the position.

    Pair i of d/2 turns by θ_i = 10000^(-2i/d) radians per step, so that the product of a query
    turned to position m and a key turned to n depends on n - m only. A pair is coordinates i and
    i + d/2; the paper pairs neighbours, which numbers the same coordinates otherwise.

    Shapes: x[T, heads, d], positions[T] -> [T, heads, d].
    Reference: Su et al. (2021), "RoFormer: enhanced transformer with rotary position embedding".
    Derived in lesson 14.
    """
    half = x.shape[-1] // 2
    speeds = 10000.0 ** (-jnp.arange(half, dtype=jnp.float32) / half)  # [d/2]
    angles = jnp.outer(positions, speeds)[:, None, :]  # [T, 1, d/2]
    cos, sin = jnp.cos(angles), jnp.sin(angles)
    u, v = jnp.split(x, 2, axis=-1)  # [T, heads, d/2] each
    return jnp.concatenate([u * cos - v * sin, u * sin + v * cos], axis=-1)


def attend(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
    """Give each position the mean of the values up to it, weighted by how well the keys match.

    y_t = Σ_{s <= t} softmax_s(q_t · k_s / sqrt(d)) v_s, with q and k rotated to their positions

    Shapes: q, k, v[T, heads, d] -> y[T, heads, d]; memory grows with heads * T^2.
    Reference: Vaswani et al. (2017), "Attention is all you need". Derived in lesson 14.
    """
    time = jnp.arange(len(q))
    q, k = rotate(q, time), rotate(k, time)
    scores = jnp.einsum("thd,shd->hts", q, k) / math.sqrt(q.shape[-1])  # [heads, T, T]
    past = time[None, :, None] >= time[None, None, :]  # [1, T, T], True where s <= t
    scores = jnp.where(past, scores, -jnp.inf)
    weights = jax.nn.softmax(scores, axis=-1)  # [heads, T, T], each row sums to 1
    return jnp.einsum("hts,shd->thd", weights, v)


class _Running(NamedTuple):
    """The softmax of some queries over the keys so far, in a form that more keys can join.

    After keys 1 .. n: m = max_s score_s;  l = Σ_s e^(score_s - m);  o = Σ_s e^(score_s - m) v_s.
    The mean of the values is o / l.
    """

    m: jax.Array  # [T, heads]
    l: jax.Array  # [T, heads]
    o: jax.Array  # [T, heads, d]

    @classmethod
    def over_nothing(cls, q: jax.Array) -> "_Running":
        lowest = jnp.full(q.shape[:2], -jnp.inf, q.dtype)
        return cls(lowest, jnp.zeros(q.shape[:2], q.dtype), jnp.zeros_like(q))

    def join(self, q: jax.Array, k: jax.Array, v: jax.Array, seen: jax.Array) -> "_Running":
        """Join a block: q[T, heads, d], k, v[S, heads, d], seen[T, S]; see `attend_blockwise`."""
        scores = jnp.einsum("thd,shd->ths", q, k) / math.sqrt(q.shape[-1])  # [T, heads, S]
        scores = jnp.where(seen[:, None, :], scores, -jnp.inf)
        # Any m gives the same mean, so no gradient need pass through it.
        m = jnp.maximum(self.m, jax.lax.stop_gradient(scores).max(axis=-1))
        shrink = jnp.exp(self.m - m)  # [T, heads], 0 for the first block
        p = jnp.exp(scores - m[:, :, None])  # [T, heads, S]
        o = shrink[:, :, None] * self.o + jnp.einsum("ths,shd->thd", p, v)
        return _Running(m, shrink * self.l + p.sum(axis=-1), o)

    def mean(self) -> jax.Array:
        return self.o / self.l[:, :, None]


def attend_blockwise(q: jax.Array, k: jax.Array, v: jax.Array, block: int = 128) -> jax.Array:
    """Compute `attend` block by block, so that the T x T weights never stand in memory together.

    For each block of queries, one block of keys s after another, with running m, l, o:

    m' = max(m, max_s score_s)
    l' = e^(m - m') l + Σ_s e^(score_s - m')
    o' = e^(m - m') o + Σ_s e^(score_s - m') v_s;   y = o / l at the end

    Blocks of keys that lie wholly in the future are skipped. The gradient computes the weights of
    one block of queries again instead of storing all: memory grows with heads * T * block there,
    and with heads * (T d + block^2) without a gradient.

    Shapes: q, k, v[T, heads, d] -> y[T, heads, d]; any T, also one that `block` does not divide.
    Raises: ValueError for a block under 1, or for no position.
    Reference: Milakov & Gimelshein (2018), "Online normalizer calculation for softmax"; Rabe &
    Staats (2021), "Self-attention does not need O(n^2) memory"; Dao et al. (2022),
    "FlashAttention: fast and memory-efficient exact attention with IO-awareness".
    """
    if min(block, len(q)) < 1:
        raise ValueError(f"block and T must be >= 1, got {block} and {len(q)}")
    time = jnp.arange(len(q))
    q, k = rotate(q, time), rotate(k, time)
    block = min(block, len(q))
    padding = ((0, -len(q) % block), (0, 0), (0, 0))  # in everyone's future, and cut off at the end
    cut = lambda x: jnp.pad(x, padding).reshape(-1, block, *x.shape[1:])  # noqa: E731
    qs, ks, vs = cut(q), cut(k), cut(v)  # [blocks, block, heads, d]
    numbers, within = jnp.arange(len(qs)), jnp.arange(block)

    @jax.checkpoint
    def mean_for(number_and_q: tuple[jax.Array, jax.Array]) -> jax.Array:
        i, q = number_and_q

        def join(running: _Running, keys: tuple[jax.Array, ...]) -> tuple[_Running, None]:
            j, k, v = keys
            seen = (i * block + within)[:, None] >= (j * block + within)[None, :]
            joined = lambda: running.join(q, k, v, seen)  # noqa: E731
            return jax.lax.cond(j <= i, joined, lambda: running), None

        return jax.lax.scan(join, _Running.over_nothing(q), (numbers, ks, vs))[0].mean()

    ys = jax.lax.map(mean_for, (numbers, qs))  # [blocks, block, heads, d]
    return ys.reshape(-1, *q.shape[1:])[: len(q)]


def attend_cached(q: jax.Array, k: jax.Array, v: jax.Array, last: int | jax.Array) -> jax.Array:
    """Let one query look at the entries 0 to `last` of a cache, and at nothing else.

    y = Σ_{s <= last} softmax_s(q · k_s / sqrt(d)) v_s

    All C entries are read, and those behind `last` get no weight: the cost grows with the capacity.
    To cut out the filled part means to copy it, which on a CPU costs more than to read the rest.

    Shapes: q[heads, d], k, v[heads, d, C] -> y[heads, d], for 0 <= last < C: both sums run along
    the memory. Here q and k are rotated already, each to its own position.
    Raises: ValueError for a cache without room.
    Reference: Shazeer (2019), "Fast Transformer decoding: one write-head is all you need".
    """
    if not k.shape[-1]:
        raise ValueError("the cache's capacity must be >= 1, got 0")
    scores = jnp.einsum("hd,hds->hs", q, k) / math.sqrt(q.shape[-1])  # [heads, C]
    scores = jnp.where(jnp.arange(k.shape[-1])[None] <= last, scores, -jnp.inf)
    return jnp.einsum("hs,hds->hd", jax.nn.softmax(scores), v)
