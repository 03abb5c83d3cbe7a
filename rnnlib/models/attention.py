"""Attention three ways: all scores at once, block by block, and one query against a cache.

All give the same result, up to rounding. They differ in what they hold: `attend` the weights of all
pairs of positions, `attend_blockwise` those of one pair of blocks, `attend_cached` those of one
position.

Who may look where, and what else enters a score, are functions of two positions, t of the query and
s of the key. They get index arrays, t[T, 1] and s[1, S], and answer for all pairs at once:

    mask(t, s) -> bool[T, S]         causal is s <= t; another key may be barred by `known[s]`
    bias(t, s) -> [heads, T, S]      in nats, added to the scores: `slope[:, None, None] * (s - t)`

so that an array indexed by positions, which may be learned, serves every form, and blocks ask for
their own pairs only. A mask of None bars nothing. A query to which everything is barred gets zeros.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

OfPositions = Callable[[jax.Array, jax.Array], jax.Array]  # t[T, 1], s[1, S] -> a value per pair


def causal(t: jax.Array, s: jax.Array) -> jax.Array:
    """Let a position see itself and what came before: s <= t."""
    return s <= t


def rotate(x: jax.Array, positions: jax.Array) -> jax.Array:
    """Turn each pair of coordinates by an angle that grows with the position.

    Pair i of d/2 turns by θ_i = 10000^(-2i/d) radians per step, so that the product of a query
    turned to position m and a key turned to n depends on n - m only. A pair is coordinates i and
    i + d/2; the paper pairs neighbours, which numbers the same coordinates otherwise.

    Shapes: x[T, heads, d], positions[T] -> [T, heads, d].
    Raises: ValueError (an odd d, or another number of positions than T).
    Reference: Su et al. (2021), "RoFormer: enhanced transformer with rotary position embedding".
    """
    if x.shape[-1] % 2 or positions.shape != (len(x),):
        raise ValueError(
            f"needs x[T, heads, d], d even, and positions[T], got {x.shape} and {positions.shape}"
        )
    half = x.shape[-1] // 2
    speeds = 10000.0 ** (-jnp.arange(half, dtype=jnp.float32) / half)  # [d/2]
    angles = jnp.outer(positions, speeds)[:, None, :]  # [T, 1, d/2]
    cos, sin = jnp.cos(angles), jnp.sin(angles)
    u, v = jnp.split(x, 2, axis=-1)  # [T, heads, d/2] each
    return jnp.concatenate([u * cos - v * sin, u * sin + v * cos], axis=-1).astype(x.dtype)


def attend(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    *,
    mask: OfPositions | None = causal,
    bias: OfPositions | None = None,
) -> jax.Array:
    """Give each query the mean of the values that it sees, weighted by how well the keys match.

    y_t = Σ_s softmax_s(q_t · k_s / sqrt(d) + bias(t, s)) v_s, over the s with mask(t, s)

    Positions enter only by mask and bias; `rotate` queries and keys before, if they shall match by
    distance too.

    Shapes: q[T, heads, d], k[S, heads, d], v[S, heads, e] -> y[T, heads, e]; memory grows with
    heads * T * S.
    Raises: ValueError (q, k and v that do not fit, or another number of keys than of queries under
    `causal`).
    Reference: Vaswani et al. (2017), "Attention is all you need".
    """
    _check(q, k, v, mask)
    scores = _scores("thd,shd->hts", q, k)  # [heads, T, S]
    scores = _by_position(scores, jnp.arange(len(q)), jnp.arange(len(k)), mask, bias)
    p, share = _exponentials(scores)
    y = jnp.einsum("hts,she->the", p, v) * share.T[:, :, None]
    return y.astype(jnp.result_type(q, k, v))


def _check(q: jax.Array, k: jax.Array, v: jax.Array, mask: OfPositions | None) -> None:
    three = q.ndim == k.ndim == v.ndim == 3
    if not (three and q.shape[1:] == k.shape[1:] and k.shape[:2] == v.shape[:2]):
        raise ValueError(
            "attention needs q[T, heads, d], k[S, heads, d] and v[S, heads, e], "
            f"got {q.shape}, {k.shape} and {v.shape}"
        )
    if mask is causal and len(q) != len(k):
        raise ValueError(
            f"causal attention needs as many keys as queries, got {len(k)} and {len(q)}: "
            "mask=None lets every query see every key"
        )


def _scores(products: str, q: jax.Array, k: jax.Array) -> jax.Array:
    """Return q · k / sqrt(d), of 32 bits at least: in 16 a sum over many keys stands still."""
    wide = jnp.promote_types(jnp.result_type(q, k), jnp.float32)
    return jnp.einsum(products, q, k, preferred_element_type=wide) / math.sqrt(q.shape[-1])


def _by_position(
    scores: jax.Array,
    t: jax.Array,
    s: jax.Array,
    mask: OfPositions | None,
    bias: OfPositions | None,
) -> jax.Array:
    """Add the bias to scores[heads, T, S] at positions t[T] and s[S]; -inf where mask says no."""
    t, s = t[:, None], s[None, :]
    if bias is not None:
        scores = scores + jnp.broadcast_to(bias(t, s), scores.shape)
    if mask is not None:
        scores = jnp.where(jnp.broadcast_to(mask(t, s), scores.shape), scores, -jnp.inf)
    return scores


def _exponentials(scores: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return p = e^(score - max) and 1 / Σ_s p: their product is the softmax over the last axis.

    Of a row that is all -inf the exponentials are 0, not NaN, and so is what they weigh.
    """
    highest = jax.lax.stop_gradient(scores).max(axis=-1, keepdims=True)
    p = jnp.exp(scores - jnp.where(highest == -jnp.inf, 0, highest))
    total = p.sum(axis=-1)
    return p, 1 / jnp.where(total == 0, 1, total)


class _Running(NamedTuple):
    """The softmax of some queries over the keys so far, in a form that more keys can join.

    After keys 1 .. n: m = max_s score_s;  l = Σ_s e^(score_s - m);  o = Σ_s e^(score_s - m) v_s.
    The mean of the values is o / l.
    """

    m: jax.Array  # [heads, T], -inf where no key has been seen yet
    l: jax.Array  # [heads, T]
    o: jax.Array  # [heads, T, e]

    @classmethod
    def over_nothing(cls, q: jax.Array, v: jax.Array) -> "_Running":
        time, heads, _ = q.shape
        wide = jnp.promote_types(jnp.result_type(q, v), jnp.float32)
        zeros = jnp.zeros((heads, time), wide)
        return cls(zeros - jnp.inf, zeros, jnp.zeros((heads, time, v.shape[-1]), wide))

    def join(self, scores: jax.Array, v: jax.Array) -> "_Running":
        """Join a block of keys: scores[heads, T, S], v[S, heads, e]; see `attend_blockwise`."""
        # Any m gives the same mean, so no gradient need pass through it.
        m = jnp.maximum(self.m, jax.lax.stop_gradient(scores).max(axis=-1))
        base = jnp.where(m == -jnp.inf, 0, m)  # nothing seen: all exponentials are 0, not NaN
        shrink = jnp.exp(self.m - base)  # [heads, T], 0 for the first keys that are seen
        p = jnp.exp(scores - base[:, :, None])  # [heads, T, S]
        o = shrink[:, :, None] * self.o + jnp.einsum("hts,she->hte", p, v)
        return _Running(m, shrink * self.l + p.sum(axis=-1), o)

    def mean(self) -> jax.Array:
        """Return y[T, heads, e], zeros where no key was seen."""
        mean = self.o / jnp.where(self.l == 0, 1, self.l)[:, :, None]
        return mean.transpose(1, 0, 2)


def attend_blockwise(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    block: int = 128,
    *,
    mask: OfPositions | None = causal,
    bias: OfPositions | None = None,
) -> jax.Array:
    """Compute `attend` block by block, so that the T x S weights never stand in memory together.

    For each block of queries, one block of keys s after another, with running m, l, o:

    m' = max(m, max_s score_s)
    l' = e^(m - m') l + Σ_s e^(score_s - m')
    o' = e^(m - m') o + Σ_s e^(score_s - m') v_s;   y = o / l at the end

    Blocks of keys that no query of the block sees are skipped. The gradient computes the weights of
    one block of queries again instead of storing all: memory grows with heads * S * block there,
    and with heads * (T d + block^2) without a gradient.

    Shapes: q[T, heads, d], k[S, heads, d], v[S, heads, e] -> y[T, heads, e]; any T and S, also one
    that `block` does not divide.
    Raises: ValueError (a block under 1, no position, or what `attend` refuses).
    Reference: Milakov & Gimelshein (2018), "Online normalizer calculation for softmax"; Rabe &
    Staats (2021), "Self-attention does not need O(n^2) memory"; Dao et al. (2022),
    "FlashAttention: fast and memory-efficient exact attention with IO-awareness".
    """
    _check(q, k, v, mask)
    if min(block, len(q), len(k)) < 1:
        raise ValueError(f"block, T and S must be >= 1, got {block}, {len(q)} and {len(k)}")
    queries = [_blocks(x, block) for x in (q, jnp.arange(len(q)))]
    keys = [_blocks(x, block) for x in (k, v, jnp.arange(len(k)))]
    real = jnp.arange(keys[-1].size).reshape(keys[-1].shape) < len(k)  # False: only fills a block

    def sees(t: jax.Array, s: jax.Array, real: jax.Array) -> jax.Array:
        pairs = (q.shape[1], len(t), len(s))
        allowed = True if mask is None else mask(t[:, None], s[None, :])
        return jnp.broadcast_to(allowed, pairs) & jnp.broadcast_to(real, pairs)

    @jax.checkpoint
    def mean_for(queries: list[jax.Array]) -> jax.Array:
        q, t = queries

        def join(running: _Running, keys: list[jax.Array]) -> tuple[_Running, None]:
            k, v, s, real = keys
            seen = sees(t, s, real)

            def joined() -> _Running:
                scores = _scores("thd,shd->hts", q, k)
                return running.join(_by_position(scores, t, s, lambda t, s: seen, bias), v)

            return jax.lax.cond(seen.any(), joined, lambda: running), None

        return jax.lax.scan(join, _Running.over_nothing(q, v), [*keys, real])[0].mean()

    ys = jax.lax.map(mean_for, queries)  # [blocks, block, heads, e]
    return ys.reshape(-1, *ys.shape[2:])[: len(q)].astype(jnp.result_type(q, k, v))


def _blocks(x: jax.Array, block: int) -> jax.Array:
    """Cut x[T, ...] into [blocks, block, ...]; the last of x fills up the last block."""
    block = min(block, len(x))
    x = jnp.pad(x, [(0, -len(x) % block)] + [(0, 0)] * (x.ndim - 1), mode="edge")
    return x.reshape(-1, block, *x.shape[1:])


def attend_cached(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    last: int | jax.Array,
    *,
    mask: OfPositions | None = None,
    bias: OfPositions | None = None,
) -> jax.Array:
    """Let one query, at position `last`, look at the entries 0 to `last` of a cache.

    y = Σ_{s <= last} softmax_s(q · k_s / sqrt(d) + bias(last, s)) v_s

    All C entries are read, and those behind `last` get no weight: the cost grows with the capacity.
    To cut out the filled part means to copy it, which on a CPU costs more than to read the rest.
    A mask bars more of them.

    Shapes: q[heads, d], k[heads, d, C], v[heads, e, C] -> y[heads, e], for 0 <= last < C: both sums
    run along the memory.
    Raises: ValueError (a cache without room).
    Reference: Shazeer (2019), "Fast Transformer decoding: one write-head is all you need".
    """
    if not k.shape[-1]:
        raise ValueError("the cache's capacity must be >= 1, got 0")
    t, s = jnp.reshape(last, 1), jnp.arange(k.shape[-1])
    scores = _scores("hd,hds->hs", q, k)[:, None]  # [heads, 1, C]
    scores = _by_position(scores, t, s, causal, bias)  # behind `last` nothing is known
    p, share = _exponentials(_by_position(scores, t, s, mask, None))
    y = jnp.einsum("hs,hes->he", p[:, 0], v) * share
    return y.astype(jnp.result_type(q, k, v))
