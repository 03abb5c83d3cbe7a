"""A batch of sequences at once: what `jax.vmap(model)` computes, in an order that is faster.

The model of one sequence says what is computed; this file says it again for a batch of Transformers
so that a training step takes less time. On a CPU three things take time beside the products that
must be made, and are avoided here:

1. A weight's gradient is a sum over all positions of all sequences. Under `vmap` it runs over two
   axes, and XLA turns both factors around in memory before each product. Here the B * T positions
   are the rows of one matrix, and nothing is turned.
2. A `scan` over layers stacks what each layer stores for the way back into arrays for all layers,
   and takes it apart again. Here up to 8 layers are a loop in Python: their arrays stay apart.
3. All T x T weights of all heads leave the caches, each is written and fetched several times, and
   half of them are barred. Beyond 128 positions attention goes here from head to head, and within
   a head from block to block of queries, which meets no key behind its end. The weights are
   computed again on the way back (`jax.checkpoint`): exponentials in a cache cost less than
   fetching them from memory.

On a GPU heads run side by side, as under `vmap`: one after another they would leave it idle.
Reference: Rabe & Staats (2021), "Self-attention does not need O(n^2) memory"; Dao et al. (2022),
"FlashAttention: fast and memory-efficient exact attention with IO-awareness".
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from rnnlib.models.attention import attend
from rnnlib.models.transformer import Block, Transformer

BLOCK = 128  # queries that share a product: 64 were as fast, and take twice as long to compile
BLOCKS = 8  # at most so many, since each is compiled for itself; of a longer text they are larger
LAYERS = 8  # at most so many are compiled one by one


def read_batch(model: Callable[[jax.Array], jax.Array], inputs: jax.Array) -> jax.Array:
    """Return what `jax.vmap(model)(inputs)` returns; for a `Transformer` sooner.

    Shapes: inputs[B, T, ...] -> [B, ...], for a `Transformer` tokens[B, T] -> logits[B, T, V].
    """
    if type(model) is not Transformer:  # a subclass may read otherwise
        return jax.vmap(model)(inputs)
    xs, layers = jax.vmap(model.embed)(inputs), model.blocks.w_qkv.shape[0]
    if layers > LAYERS:
        read = lambda xs, block: (read_block(block, xs, model.attend), None)  # noqa: E731
        xs, _ = jax.lax.scan(read, xs, model.blocks)
    else:
        for number in range(layers):
            block = jax.tree.map(lambda weights, at=number: weights[at], model.blocks)
            xs = read_block(block, xs, model.attend)
    return model.logits(xs.reshape(-1, xs.shape[-1])).reshape(*xs.shape[:2], -1)


def read_block(block: Block, xs: jax.Array, attend: Callable = attend) -> jax.Array:
    """Return what `jax.vmap(lambda xs: block(xs, attend))(xs)` returns: xs[B, T, W] -> [B, T, W].

    Raises: ValueError (another layer than a `Block`). Measured in lesson 06.
    """
    if type(block) is not Block:
        raise ValueError(f"the layer must be a Block, got {type(block).__name__}")
    batch, time, width = xs.shape
    rows = xs.reshape(-1, width)
    read = block.queries_keys_values(rows, jnp.tile(jnp.arange(time), batch))
    ys = _attend(attend, *(x.reshape(batch, time, *x.shape[1:]) for x in read))
    return block.write(rows, ys).reshape(xs.shape)


def _attend(form: Callable, q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
    """Let queries q[B, T, heads, d] look at what came before them: -> y[B, T, heads, d]."""
    if form is not attend or q.shape[1] <= BLOCK or jax.default_backend() != "cpu":
        return jax.vmap(form)(q, k, v)
    wide = jnp.promote_types(q.dtype, jnp.float32)  # sums of 16 bits would stand still
    heads = [x.astype(wide).swapaxes(1, 2) for x in (q, k, v)]  # [B, heads, T, d]
    alone: Any = [x.reshape(-1, *x.shape[2:]) for x in heads]
    ys = jax.lax.map(lambda head: _attend_head(*head), alone)
    return ys.reshape(heads[0].shape).swapaxes(1, 2).astype(q.dtype)


@jax.checkpoint
def _attend_head(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
    """Compute causal attention of one head block by block: q, k, v[T, d] -> y[T, d]."""
    block = max(BLOCK, -(-len(q) // BLOCKS))
    q = q / q.shape[-1] ** 0.5

    def mean(first: int) -> jax.Array:
        queries = q[first : first + block]
        last = first + len(queries)
        barred = jnp.arange(first, last)[:, None] < jnp.arange(last)[None]
        scores = jnp.where(barred, -jnp.inf, queries @ k[:last].T)
        highest = jax.lax.stop_gradient(scores).max(axis=-1, keepdims=True)
        p = jnp.exp(scores - highest)
        return (p @ v[:last]) / p.sum(axis=-1, keepdims=True)

    return jnp.concatenate([mean(first) for first in range(0, len(q), block)])
