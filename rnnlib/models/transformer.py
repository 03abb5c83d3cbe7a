"""A small causal Transformer: a language model in which each position looks back at all before it.

What carries the past here is no state but the past itself: position t compares its query with the
keys of positions 0 to t, and takes the mean of their values, weighted by how well they match.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from rnnlib.models.attention import attend, attend_cached, rotate
from rnnlib.models.embedding import Embedding

Attention = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]  # q, k, v[T, heads, d] -> y


def _weights(key: jax.Array, inputs: int, outputs: int, gain: float = 1.0) -> nnx.Param:
    scale = gain * inputs**-0.5  # with gain 1, keeps the variance of what comes in
    return nnx.Param(scale * jax.random.normal(key, (inputs, outputs), jnp.float32))


def rms_norm(xs: jax.Array, gain: jax.Array) -> jax.Array:
    """Scale each vector to a root mean square of 1, then each coordinate by its gain.

    y = gain x / sqrt(mean(x^2) + 1e-6)

    Shapes: xs[T, W], gain[W] -> ys[T, W].
    Reference: Zhang & Sennrich (2019), "Root mean square layer normalization": a layer norm
    without its mean and its bias.
    """
    mean_square = jnp.mean(xs**2, axis=-1, keepdims=True)  # [T, 1]
    return gain[None, :] * xs * jax.lax.rsqrt(mean_square + 1e-6)


class Block(nnx.Module):
    """One layer: attention mixes positions, then a two-layer network works on each alone.

    x <- x + attend(rotate(norm(x) W_q), rotate(norm(x) W_k), norm(x) W_v) W_o
    x <- x + gelu(norm(x) W_up) W_down

    Shapes: xs[T, W] -> xs[T, W]; the columns of W_qkv are ordered q, k, v, each by head.
    `gain` scales W_o and W_down, which write into the residual stream.
    """

    def __init__(self, width: int, heads: int, *, gain: float = 1.0, rngs: nnx.Rngs):
        self.heads = heads
        self.norm_1 = nnx.Param(jnp.ones(width, jnp.float32))  # [W]
        self.w_qkv = _weights(rngs.params(), width, 3 * width)  # [W, 3W]
        self.w_o = _weights(rngs.params(), width, width, gain)  # [W, W]
        self.norm_2 = nnx.Param(jnp.ones(width, jnp.float32))  # [W]
        self.w_up = _weights(rngs.params(), width, 4 * width)  # [W, 4W]
        self.w_down = _weights(rngs.params(), 4 * width, width, gain)  # [4W, W]

    def queries_keys_values(
        self, xs: jax.Array, positions: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Read the residual stream: xs[T, W] -> q, k, v[T, heads, d], q and k rotated."""
        qkv = rms_norm(xs, self.norm_1[...]) @ self.w_qkv[...]  # [T, 3W]
        q, k, v = jnp.split(qkv.reshape(len(xs), 3 * self.heads, -1), 3, axis=1)
        return rotate(q, positions), rotate(k, positions), v

    def write(self, xs: jax.Array, ys: jax.Array) -> jax.Array:
        """Write what attention brought, ys[T, heads, d], and the network's answer: -> xs[T, W]."""
        xs = xs + ys.reshape(xs.shape) @ self.w_o[...]
        up = jax.nn.gelu(rms_norm(xs, self.norm_2[...]) @ self.w_up[...])  # [T, 4W]
        return xs + up @ self.w_down[...]

    def __call__(self, xs: jax.Array, attend: Attention = attend) -> jax.Array:
        """Read and write the residual stream: xs[T, W] -> xs[T, W]."""
        return self.write(xs, attend(*self.queries_keys_values(xs, jnp.arange(len(xs)))))


class Transformer(nnx.Module):
    """A causal Transformer's model of p(next token | all tokens so far).

    x_t = sqrt(W) E[token_t];  xs = blocks(xs);  logits_t = norm(x_t) W_out + b

    Positions enter only as rotations of queries and keys and in attention's mask, so that any
    length T can be read. The matrices that write into the residual stream start smaller by
    1/sqrt(2 layers), as in GPT-2. `attend` is how attention is computed: `attend_blockwise` needs
    less memory, `partial(attend, mask=None)` looks both ways. To read one token at a time, see
    `CachedTransformer`.

    Shapes: tokens[T] -> logits[T, V]; a batch is `jax.vmap(model)(tokens)`.
    Raises: ValueError (a size under 1, or a width that 2 * heads does not divide).
    Reference: Vaswani et al. (2017), "Attention is all you need"; Radford et al. (2019),
    "Language models are unsupervised multitask learners" (norms before, not after, each part).
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        *,
        layers: int = 2,
        heads: int = 4,
        attend: Attention = attend,
        rngs: nnx.Rngs,
    ):
        if min(vocabulary_size, width, layers, heads) < 1:
            raise ValueError(
                "vocabulary_size, width, layers and heads must be >= 1, "
                f"got {vocabulary_size}, {width}, {layers} and {heads}"
            )
        if width % (2 * heads):
            raise ValueError(
                f"width must be a multiple of 2 * heads, got {width} and {heads} heads"
            )
        self.attend = attend
        self.embed = Embedding(vocabulary_size, width, rngs=rngs)
        keys = jax.random.split(rngs.params(), layers)
        gain = (2 * layers) ** -0.5
        block = lambda key: Block(width, heads, gain=gain, rngs=nnx.Rngs(key))  # noqa: E731
        self.blocks = jax.vmap(block)(keys)
        self.norm = nnx.Param(jnp.ones(width, jnp.float32))  # [W]
        self.readout = nnx.Linear(width, vocabulary_size, rngs=rngs)

    @property
    def vocabulary_size(self) -> int:
        return self.embed.embedding.shape[-2]

    def logits(self, ys: jax.Array) -> jax.Array:
        """Score every token: ys[T, W] -> logits[T, V]."""
        return self.readout(rms_norm(ys, self.norm[...]))

    def __call__(self, tokens: jax.Array) -> jax.Array:
        """Return logits[T, V]; row t depends on tokens 0 to t."""
        layer = lambda xs, block: (block(xs, self.attend), None)  # noqa: E731
        xs, _ = jax.lax.scan(layer, self.embed(tokens), self.blocks)
        return self.logits(xs)

    def states(self, tokens: jax.Array) -> jax.Array:
        """Return the residual stream after each block: tokens[T] -> [L, T, W]."""

        def layer(xs: jax.Array, block: Block) -> tuple[jax.Array, jax.Array]:
            xs = block(xs, self.attend)
            return xs, xs

        return jax.lax.scan(layer, self.embed(tokens), self.blocks)[1]


class KVCache(NamedTuple):
    """What a `CachedTransformer` remembers: a key and a value for each position, head and layer.

    A position takes 2 * L * heads * d = 2 L W numbers.
    """

    keys: tuple[jax.Array, ...]  # L of [heads, d, C], each rotated to its position
    values: tuple[jax.Array, ...]  # L of [heads, d, C]
    position: jax.Array  # [], how many tokens have been read


class CachedTransformer(nnx.Module):
    """A Transformer that reads one token after another, and works nothing out twice.

    K_p, V_p = rotate(norm(x_p) W_k, p), norm(x_p) W_v    written down once, in every layer
    y_p      = Σ_{s <= p} softmax_s(rotate(norm(x_p) W_q, p) · K_s / sqrt(d)) V_s

    It has the interface of a `LanguageModel`, so that `generate` can write with it.
    The cache has room for `capacity` tokens, prompt included; it never grows, and every step reads
    all of it. Inside a scan an entry is written in place; a step that is jitted on its own copies
    the cache, unless it is given away (`donate_argnums`). For gradients call the model.

    Shapes: tokens[P] -> logits[V]; L layers, C = capacity.
    Raises: ValueError (a capacity under 1). The logits of a step beyond the capacity are NaN.
    Reference: Shazeer (2019), "Fast Transformer decoding: one write-head is all you need".
    """

    def __init__(self, model: Transformer, capacity: int):
        if capacity < 1:
            raise ValueError(f"capacity must be >= 1 token, got {capacity}")
        self.model = model
        self.capacity = capacity

    @property
    def vocabulary_size(self) -> int:
        return self.model.vocabulary_size

    def init_state(self) -> KVCache:
        """Return the empty cache, before the first token."""
        layers, width, _ = self.model.blocks.w_qkv.shape
        heads = self.model.blocks.heads
        shape = heads, width // heads, self.capacity
        empty = lambda: tuple(jnp.zeros(shape, jnp.float32) for _ in range(layers))  # noqa: E731
        return KVCache(empty(), empty(), jnp.int32(0))

    def prefill(self, tokens: jax.Array) -> tuple[KVCache, jax.Array]:
        """Read a prompt tokens[P] in one pass: -> (cache, logits[V] for what follows it).

        Raises: ValueError (an empty prompt, or one longer than the capacity).
        """
        length, time = len(tokens), jnp.arange(len(tokens))
        if not 1 <= length <= self.capacity:
            raise ValueError(f"a prompt must have 1 to {self.capacity} tokens, got {length}")

        def layer(xs: jax.Array, block: Block) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
            q, k, v = block.queries_keys_values(xs, time)
            return block.write(xs, self.model.attend(q, k, v)), (k, v)

        xs, read = jax.lax.scan(layer, self.model.embed(tokens), self.model.blocks)
        room = ((0, 0), (0, 0), (0, 0), (0, self.capacity - length))
        keys, values = (tuple(jnp.pad(part.transpose(0, 2, 3, 1), room)) for part in read)
        return KVCache(keys, values, jnp.int32(length)), self.model.logits(xs[-1:])[0]

    def step(self, cache: KVCache, token: jax.Array) -> tuple[KVCache, jax.Array]:
        """Read one token: -> (new cache, logits[V] for the next one, or NaN if it had no room)."""
        position = cache.position
        xs, keys, values = self.model.embed(jnp.reshape(token, 1)), [], []  # xs[1, W]
        # One array for each layer, and no scan over layers: that would copy all that it carries.
        for number, (past_k, past_v) in enumerate(zip(cache.keys, cache.values, strict=True)):
            block = jax.tree.map(lambda weights, at=number: weights[at], self.model.blocks)
            q, k, v = block.queries_keys_values(xs, position[None])  # [1, heads, d]
            keys.append(past_k.at[:, :, position].set(k[0], mode="drop"))  # no room: not written
            values.append(past_v.at[:, :, position].set(v[0], mode="drop"))
            xs = block.write(xs, attend_cached(q[0], keys[-1], values[-1], position)[None])
        logits = jnp.where(position < self.capacity, self.model.logits(xs)[0], jnp.nan)
        return KVCache(tuple(keys), tuple(values), position + 1), logits
