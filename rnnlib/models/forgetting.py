"""Forgetting attention: the product of an LSTM's forget gates, inside attention's softmax."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx

from rnnlib.models.attention import attend
from rnnlib.models.transformer import Block, Transformer, rms_norm


class ForgettingBlock(Block):
    """A block whose attention fades with every gate that has closed since.

    f_t      = sigmoid(norm(x_t) W_f + b_f)                       a forget gate for each head
    weight_s = softmax_s(q_t · k_s / sqrt(d) + Σ_{s < r <= t} ln f_r)

    So a key's weight, before it is normalised, is multiplied by all gates behind it, as what an
    LSTM has written is. Queries and keys are not rotated: the gates tell near from far. With all
    gates open this is attention without positions.

    Shapes: xs[T, W] -> xs[T, W].
    Reference: Lin et al. (2025), "Forgetting transformer: softmax attention with a forget gate".
    Derived in lesson 13.
    """

    def __init__(self, width: int, heads: int, *, gain: float = 1.0, rngs: nnx.Rngs):
        super().__init__(width, heads, gain=gain, rngs=rngs)
        scale = width**-0.5
        self.w_f = nnx.Param(scale * jax.random.normal(rngs.params(), (width, heads), jnp.float32))
        self.b_f = nnx.Param(jnp.full(heads, 3.0, jnp.float32))  # starts open: f is about .95

    def log_gates(self, xs: jax.Array) -> jax.Array:
        """Return ln f: xs[T, W] -> [heads, T]."""
        gates = rms_norm(xs, self.norm_1[...]) @ self.w_f[...] + self.b_f[...][None]
        return jax.nn.log_sigmoid(gates).T

    def queries_keys_values(
        self, xs: jax.Array, positions: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Refuse to be cached: a score needs the gates of all positions, which no cache keeps."""
        raise NotImplementedError("forgetting attention has no cache: call the model on all tokens")

    def __call__(self, xs: jax.Array, attend: Callable[..., jax.Array] = attend) -> jax.Array:
        """Read and write the residual stream: xs[T, W] -> xs[T, W]."""
        since_start = jnp.cumsum(self.log_gates(xs), axis=1)  # [heads, T]
        bias = lambda t, s: since_start[:, t] - since_start[:, s]  # noqa: E731
        at_zero = jnp.zeros(len(xs), jnp.int32)  # which turns nothing
        q, k, v = super().queries_keys_values(xs, at_zero)
        return self.write(xs, attend(q, k, v, bias=bias))


class ForgettingTransformer(Transformer):
    """A Transformer of forgetting blocks; all else is as in `Transformer`.

    It looks back only, since a gate says nothing about what comes before it, and it cannot be read
    token by token with a cache. `attend` must take a `bias`, as all forms of attention here do.

    Shapes: tokens[T] -> logits[T, V].
    Raises: ValueError (what `Transformer` refuses).
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        *,
        layers: int = 2,
        heads: int = 4,
        attend: Callable[..., jax.Array] = attend,
        rngs: nnx.Rngs,
    ):
        super().__init__(
            vocabulary_size, width, layers=layers, heads=heads, attend=attend, rngs=rngs
        )
        keys, gain = jax.random.split(rngs.params(), layers), (2 * layers) ** -0.5
        block = lambda key: ForgettingBlock(width, heads, gain=gain, rngs=nnx.Rngs(key))  # noqa: E731
        self.blocks = jax.vmap(block)(keys)
