"""A small causal Transformer: a language model in which each position looks back at all before it.

What carries the past here is no state but the past itself: position t compares its query with the
keys of positions 0 to t, and takes the mean of their values, weighted by how well they match.
"""

import math

import jax
import jax.numpy as jnp
from flax import nnx


def _weights(key: jax.Array, inputs: int, outputs: int, gain: float = 1.0) -> nnx.Param:
    scale = gain * inputs**-0.5  # with gain 1, keeps the variance of what comes in
    return nnx.Param(scale * jax.random.normal(key, (inputs, outputs), jnp.float32))


def normalise(xs: jax.Array, gain: jax.Array) -> jax.Array:
    """Scale each vector to a root mean square of 1, then each coordinate by its gain.

    y = gain x / sqrt(mean(x^2) + 1e-6)

    Shapes: xs[T, W], gain[W] -> ys[T, W].
    Reference: Zhang & Sennrich (2019), "Root mean square layer normalization": a layer norm
    without its mean and its bias. Derived in lesson 14.
    """
    mean_square = jnp.mean(xs**2, axis=-1, keepdims=True)  # [T, 1]
    return gain[None, :] * xs * jax.lax.rsqrt(mean_square + 1e-6)


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


class Block(nnx.Module):
    """One layer: attention mixes positions, then a two-layer network works on each alone.

    x <- x + attend(norm(x) W_q, norm(x) W_k, norm(x) W_v) W_o
    x <- x + gelu(norm(x) W_up) W_down

    Shapes: xs[T, W] -> xs[T, W]; the columns of W_qkv are ordered q, k, v, each by head.
    `gain` scales W_o and W_down, which write into the residual stream. Derived in lesson 14.
    """

    def __init__(self, width: int, heads: int, *, gain: float = 1.0, rngs: nnx.Rngs):
        self.heads = heads
        self.norm_1 = nnx.Param(jnp.ones(width, jnp.float32))  # [W]
        self.w_qkv = _weights(rngs.params(), width, 3 * width)  # [W, 3W]
        self.w_o = _weights(rngs.params(), width, width, gain)  # [W, W]
        self.norm_2 = nnx.Param(jnp.ones(width, jnp.float32))  # [W]
        self.w_up = _weights(rngs.params(), width, 4 * width)  # [W, 4W]
        self.w_down = _weights(rngs.params(), 4 * width, width, gain)  # [4W, W]

    def __call__(self, xs: jax.Array) -> jax.Array:
        """Read and write the residual stream: xs[T, W] -> xs[T, W]."""
        qkv = normalise(xs, self.norm_1[...]) @ self.w_qkv[...]  # [T, 3W]
        q, k, v = jnp.split(qkv.reshape(len(xs), 3 * self.heads, -1), 3, axis=1)  # [T, heads, d]
        xs = xs + attend(q, k, v).reshape(xs.shape) @ self.w_o[...]
        up = jax.nn.gelu(normalise(xs, self.norm_2[...]) @ self.w_up[...])  # [T, 4W]
        return xs + up @ self.w_down[...]


class Transformer(nnx.Module):
    """A causal Transformer's model of p(next token | all tokens so far).

    x_t = sqrt(W) E[token_t];  xs = blocks(xs);  logits_t = norm(x_t) W_out + b

    Positions enter only as rotations inside attention, so that any length T can be read. The
    matrices that write into the residual stream start smaller by 1/sqrt(2 layers), as in GPT-2.

    Shapes: tokens[T] -> logits[T, V]; a batch is `jax.vmap(model)(tokens)`.
    Raises: ValueError for a size under 1, or a width that 2 * heads does not divide.
    Reference: Vaswani et al. (2017), "Attention is all you need"; Radford et al. (2019),
    "Language models are unsupervised multitask learners" (norms before, not after, each part).
    Derived in lesson 14.
    """

    def __init__(
        self, vocabulary: int, width: int, *, layers: int = 2, heads: int = 4, rngs: nnx.Rngs
    ):
        if min(vocabulary, width, layers, heads) < 1:
            raise ValueError(
                "vocabulary, width, layers and heads must be >= 1, "
                f"got {vocabulary}, {width}, {layers} and {heads}"
            )
        if width % (2 * heads):
            raise ValueError(
                f"width must be a multiple of 2 * heads, got {width} and {heads} heads"
            )
        self.embed = nnx.Embed(vocabulary, width, rngs=rngs)
        keys = jax.random.split(rngs.params(), layers)
        gain = (2 * layers) ** -0.5
        block = lambda key: Block(width, heads, gain=gain, rngs=nnx.Rngs(key))  # noqa: E731
        self.blocks = jax.vmap(block)(keys)
        self.norm = nnx.Param(jnp.ones(width, jnp.float32))  # [W]
        self.readout = nnx.Linear(width, vocabulary, rngs=rngs)

    def __call__(self, tokens: jax.Array) -> jax.Array:
        """Return logits[T, V]; row t depends on tokens 0 to t."""
        xs = self.embed.features**0.5 * self.embed(tokens)  # [T, W], of variance 1 at the start
        xs, _ = jax.lax.scan(lambda xs, block: (block(xs), None), xs, self.blocks)
        return self.readout(normalise(xs, self.norm[...]))  # [T, V]
