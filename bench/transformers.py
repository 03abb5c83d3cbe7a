"""The peers of the benchmark's Transformer: one training step of one small language model.

All are the model of `rnnlib.models.transformer`, up to how positions enter: norms before each part
and at the end, no biases but the readout's, four times the width inside. rnnlib rotates queries and
keys; the peers get no positions at all, which costs them nothing. The loss is the cross-entropy
of the next token. The variants named in the comments were no faster on one x86-64 core.
"""

# The peers are not in the environment that is linted.
# pyright: reportMissingImports=false

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from bench.peers import LEARNING_RATE, JaxTraining
from rnnlib.models.batches import read_batch
from rnnlib.models.transformer import Transformer

VOCABULARY = 64
Shape = tuple[int, int, int, int, int]  # B, T, W, layers, heads


def cross_entropy(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """Return the mean over logits[B, T, V] and targets[B, T]."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean()


def tokens(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Draw what is read and what comes next: [B, T] each."""
    drawn = np.random.default_rng(0).integers(0, VOCABULARY, (shape[0], shape[1] + 1), np.int32)
    return drawn[:, :-1], drawn[:, 1:]


def rnnlib(shape: Shape, read: Callable = read_batch) -> JaxTraining:
    """Train rnnlib's model as `fit` does; or, with `read`, in its form of one sequence."""
    _, _, width, layers, heads = shape
    init = lambda key: Transformer(  # noqa: E731
        VOCABULARY, width, layers=layers, heads=heads, rngs=nnx.Rngs(key)
    )
    return JaxTraining(read, jax.jit(init)(jax.random.key(0)), *tokens(shape), 0, cross_entropy)


def one_by_one(model: Transformer, tokens: jax.Array) -> jax.Array:
    """Read each sequence as the lessons do: jax.vmap of the form of one sequence."""
    return jax.vmap(model)(tokens)


class FlaxBlock(nnx.Module):
    """A block of Flax's own layers."""

    def __init__(self, width: int, heads: int, rngs: nnx.Rngs):
        self.norm_1, self.norm_2 = (nnx.RMSNorm(width, rngs=rngs) for _ in range(2))
        self.attention = nnx.MultiHeadAttention(
            num_heads=heads, in_features=width, qkv_features=width, decode=False,
            use_bias=False, rngs=rngs,
        )  # fmt: skip
        self.up = nnx.Linear(width, 4 * width, use_bias=False, rngs=rngs)
        self.down = nnx.Linear(4 * width, width, use_bias=False, rngs=rngs)

    def __call__(self, xs: jax.Array, mask: jax.Array) -> jax.Array:
        xs = xs + self.attention(self.norm_1(xs), mask=mask)
        return xs + self.down(jax.nn.gelu(self.up(self.norm_2(xs))))


class FlaxModel(nnx.Module):
    """A language model of Flax's own layers."""

    def __init__(self, shape: Shape, rngs: nnx.Rngs):
        _, _, width, layers, heads = shape
        self.embed = nnx.Embed(VOCABULARY, width, rngs=rngs)
        self.blocks = nnx.List([FlaxBlock(width, heads, rngs) for _ in range(layers)])
        self.norm = nnx.RMSNorm(width, rngs=rngs)
        self.readout = nnx.Linear(width, VOCABULARY, rngs=rngs)

    def __call__(self, tokens: jax.Array) -> jax.Array:
        xs, mask = self.embed(tokens), nnx.make_causal_mask(tokens)
        for block in self.blocks:
            xs = block(xs, mask)
        return self.readout(self.norm(xs))


def flax_nnx(shape: Shape) -> JaxTraining:
    """Flax NNX: `nnx.MultiHeadAttention` under a causal mask, layers in a list."""
    # attention_fn=jax.nn.dot_product_attention: the same. Layers in nnx.scan: slower.
    form, weights, rest = nnx.split(FlaxModel(shape, nnx.Rngs(0)), nnx.Param, ...)

    def predict(weights: Any, tokens: jax.Array) -> jax.Array:
        return nnx.merge(form, weights, rest, copy=True)(tokens)

    return JaxTraining(predict, weights, *tokens(shape), 0, cross_entropy)


def flax_nnx_documented(shape: Shape) -> Callable[[], jax.Array]:
    """Flax NNX as in its basics: nnx.jit, and an nnx.Optimizer that updates in place."""
    model = FlaxModel(shape, nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(LEARNING_RATE), wrt=nnx.Param)
    batch = [jnp.asarray(part) for part in tokens(shape)]

    @nnx.jit
    def train_step(model: Any, optimizer: Any, tokens: jax.Array, targets: jax.Array) -> jax.Array:
        loss_of = lambda model: cross_entropy(model(tokens), targets)  # noqa: E731
        loss, grads = nnx.value_and_grad(loss_of)(model)
        optimizer.update(model, grads)
        return loss

    return lambda: train_step(model, optimizer, *batch)


def _equinox_model(shape: Shape) -> Any:
    import equinox as eqx

    _, _, width, layers, heads = shape
    keys = iter(jax.random.split(jax.random.key(0), 2 + 3 * layers))
    norm = lambda: eqx.nn.RMSNorm(width, use_bias=False)  # noqa: E731
    linear = lambda i, o: eqx.nn.Linear(i, o, use_bias=False, key=next(keys))  # noqa: E731
    block = lambda: {  # noqa: E731
        "norm_1": norm(),
        "attention": eqx.nn.MultiheadAttention(heads, width, key=next(keys)),
        "norm_2": norm(),
        "up": linear(width, 4 * width),
        "down": linear(4 * width, width),
    }
    return {
        "embed": eqx.nn.Embedding(VOCABULARY, width, key=next(keys)),
        "blocks": [block() for _ in range(layers)],
        "norm": norm(),
        "readout": eqx.nn.Linear(width, VOCABULARY, key=next(keys)),
    }


def _read_with_equinox(model: Any, tokens: jax.Array) -> jax.Array:
    """Read one sequence: tokens[T] -> logits[T, V]."""
    xs, mask = jax.vmap(model["embed"])(tokens), jnp.tril(jnp.ones((len(tokens),) * 2, bool))
    for block in model["blocks"]:
        ys = jax.vmap(block["norm_1"])(xs)
        xs = xs + block["attention"](ys, ys, ys, mask=mask)
        up = jax.vmap(lambda x, block=block: block["up"](block["norm_2"](x)))(xs)
        xs = xs + jax.vmap(block["down"])(jax.nn.gelu(up))
    return jax.vmap(lambda x: model["readout"](model["norm"](x)))(xs)


def equinox(shape: Shape) -> JaxTraining:
    """Equinox: `eqx.nn.MultiheadAttention` on one sequence, `vmap` over the batch."""
    import equinox as eqx

    weights, form = eqx.partition(_equinox_model(shape), eqx.is_inexact_array)

    def predict(weights: Any, tokens: jax.Array) -> jax.Array:
        return jax.vmap(partial(_read_with_equinox, eqx.combine(weights, form)))(tokens)

    return JaxTraining(predict, weights, *tokens(shape), 0, cross_entropy)


def equinox_documented(shape: Shape) -> Callable[[], jax.Array]:
    """Equinox as in its examples: eqx.filter_jit, a loss that filters, nothing donated."""
    import equinox as eqx

    model, batch = _equinox_model(shape), [jnp.asarray(part) for part in tokens(shape)]
    optimizer = optax.adam(LEARNING_RATE)
    state = optimizer.init(eqx.filter(model, eqx.is_inexact_array))

    @eqx.filter_jit
    def make_step(model: Any, state: Any, tokens: jax.Array, targets: jax.Array) -> Any:
        read = lambda model: jax.vmap(partial(_read_with_equinox, model))(tokens)  # noqa: E731
        loss_of = lambda model: cross_entropy(read(model), targets)  # noqa: E731
        loss, grads = eqx.filter_value_and_grad(loss_of)(model)
        updates, state = optimizer.update(grads, state, model)
        return eqx.apply_updates(model, updates), state, loss

    def call() -> jax.Array:
        nonlocal model, state
        model, state, loss = make_step(model, state, *batch)
        return loss

    return call


def _torch_model(shape: Shape) -> Any:
    from torch import nn
    from torch.nn import functional

    _, _, width, layers, heads = shape

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm_1, self.norm_2 = nn.RMSNorm(width), nn.RMSNorm(width)
            self.qkv, self.o = (nn.Linear(width, n * width, bias=False) for n in (3, 1))
            self.up = nn.Linear(width, 4 * width, bias=False)
            self.down = nn.Linear(4 * width, width, bias=False)

        def forward(self, xs: Any) -> Any:
            qkv = self.qkv(self.norm_1(xs)).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
            ys = functional.scaled_dot_product_attention(*qkv, is_causal=True)
            xs = xs + self.o(ys.transpose(1, 2).flatten(2))
            up = self.up(self.norm_2(xs))
            return xs + self.down(functional.gelu(up, approximate="tanh"))

    parts = [nn.Embedding(VOCABULARY, width), *(Block() for _ in range(layers))]
    return nn.Sequential(*parts, nn.RMSNorm(width), nn.Linear(width, VOCABULARY))


def pytorch(shape: Shape, fused: bool | None = True) -> Callable[[], float]:
    """PyTorch: `scaled_dot_product_attention`, which has its own causal kernel for the CPU."""
    import torch
    from torch.nn.functional import cross_entropy

    torch.manual_seed(0)
    model = _torch_model(shape)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=fused)
    inputs, targets = (torch.from_numpy(part.astype(np.int64)) for part in tokens(shape))

    def call() -> float:
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        return loss.item()

    return call


def pytorch_documented(shape: Shape) -> Callable[[], float]:
    """PyTorch with Adam as it comes."""
    return pytorch(shape, fused=None)


PEERS = {  # the best form, and as documented
    "Flax NNX": (flax_nnx, flax_nnx_documented),
    "Equinox": (equinox, equinox_documented),
    "PyTorch": (pytorch, pytorch_documented),
}
