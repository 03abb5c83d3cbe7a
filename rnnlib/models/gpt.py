"""A GPT whose blocks mix positions by attention or by a recurrence, and are equal in all else.

What is compared is then the mixer alone: norms, the two-layer network, the residual stream and the
readout are the same. A mixer maps a batch of sequences, `mixer(xs[B, T, W]) -> ys[B, T, W]`, each
position from itself and what came before; and it reads one position after another, by
`init_state(context)` and `step(state, x[W]) -> (state, y[W])`, with the same outputs.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from rnnlib.models.attention import attend, attend_cached, rotate
from rnnlib.models.cells import GRU, LSTM, unroll
from rnnlib.models.embedding import Embedding
from rnnlib.models.fused import unroll_batch
from rnnlib.models.transformer import rms_norm


def linear(inputs: int, outputs: int, *, gain: float = 1.0, rngs: nnx.Rngs) -> nnx.Linear:
    """Return x -> x W; with gain 1, W keeps the variance of what comes in."""
    start = nnx.initializers.normal(gain * inputs**-0.5)
    return nnx.Linear(inputs, outputs, use_bias=False, kernel_init=start, rngs=rngs)


class Attention(nnx.Module):
    """Mix by attention: y_t is the mean of the values up to t, weighted by how keys match.

    With `rotary` queries and keys are turned by their positions; without, attention sees no order
    but that what comes later is hidden. The state is a cache of `context` keys and values.

    Raises: ValueError (no heads, a width that they do not divide, or an odd d with `rotary`).
    """

    def __init__(self, width: int, *, heads: int = 4, rotary: bool = True, rngs: nnx.Rngs):
        if heads < 1 or width % heads or (rotary and width // heads % 2):
            raise ValueError(
                f"heads must divide the width, into even parts if rotary, got {heads} and {width}"
            )
        self.heads, self.rotary = heads, rotary
        self.qkv = linear(width, 3 * width, rngs=rngs)  # the columns ordered q, k, v, each by head

    def read(self, rows: jax.Array, positions: jax.Array) -> tuple[jax.Array, ...]:
        """Return q, k and v[N, heads, d] of rows[N, W] at positions[N]."""
        qkv = self.qkv(rows).reshape(len(rows), 3 * self.heads, -1)
        q, k, v = jnp.split(qkv, 3, axis=1)
        return (rotate(q, positions), rotate(k, positions), v) if self.rotary else (q, k, v)

    def __call__(self, xs: jax.Array) -> jax.Array:
        batch, time, width = xs.shape
        read = self.read(xs.reshape(-1, width), jnp.tile(jnp.arange(time), batch))
        q, k, v = (x.reshape(batch, time, *x.shape[1:]) for x in read)
        return jax.vmap(attend)(q, k, v).reshape(xs.shape)

    def init_state(self, context: int) -> tuple[jax.Array, jax.Array, jax.Array]:
        empty = jnp.zeros((self.heads, self.qkv.in_features // self.heads, context), jnp.float32)
        return empty, empty, jnp.int32(0)

    def step(self, state: Any, x: jax.Array) -> tuple[Any, jax.Array]:
        keys, values, position = state  # [heads, d, context]
        q, k, v = self.read(x[None], position[None])
        keys = keys.at[:, :, position].set(k[0], mode="drop")  # no room: not written
        values = values.at[:, :, position].set(v[0], mode="drop")
        y = attend_cached(q[0], keys, values, position).reshape(-1)
        return (keys, values, position + 1), jnp.where(position < keys.shape[2], y, jnp.nan)


class Recurrence(nnx.Module):
    """Mix by a recurrent cell, from its zero state; whatever the context, the state is the cell's.

    A cell with a `parallel` form, such as `MinGRU`, runs in it; an LSTM or a GRU runs fused.
    """

    def __init__(self, width: int, *, cell: Callable[..., Any] = LSTM, rngs: nnx.Rngs):
        self.cell = cell(width, width, rngs=rngs)

    def __call__(self, xs: jax.Array) -> jax.Array:
        if type(self.cell) in (LSTM, GRU):
            return unroll_batch(self.cell, xs)
        parallel = getattr(self.cell, "parallel", lambda xs: unroll(self.cell, xs)[1])
        return jax.vmap(parallel)(xs)

    def init_state(self, context: int) -> Any:
        return self.cell.init_state()

    def step(self, state: Any, x: jax.Array) -> tuple[Any, jax.Array]:
        return self.cell(state, x)


class Block(nnx.Module):
    """One layer: the mixer mixes positions, then a two-layer network works on each alone.

    x <- x + mixer(norm(x)) W_o
    x <- x + gelu(norm(x) W_up) W_down

    With `shift`, the mixer reads u_t + m (u_{t-1} - u_t) in place of u_t = norm(x_t), with an m for
    each coordinate, at first 1/2, and u = 0 before the text (Peng et al., 2023, "RWKV").
    `gain` scales W_o and W_down, which write into the residual stream.
    Shapes: xs[B, T, W] -> xs[B, T, W].
    """

    def __init__(self, width: int, mixer: Any, *, gain: float, shift: bool, rngs: nnx.Rngs):
        self.norm_1 = nnx.Param(jnp.ones(width, jnp.float32))  # [W]
        self.shift = nnx.Param(jnp.full(width, 0.5, jnp.float32)) if shift else None
        self.mixer = mixer(width, rngs=rngs)
        self.out = linear(width, width, gain=gain, rngs=rngs)  # W_o
        self.norm_2 = nnx.Param(jnp.ones(width, jnp.float32))  # [W]
        self.up = linear(width, 4 * width, rngs=rngs)
        self.down = linear(4 * width, width, gain=gain, rngs=rngs)

    def shifted(self, us: jax.Array, previous: jax.Array | None) -> jax.Array:
        """Mix in what the position before has read: us[..., W], previous[..., W] -> [..., W]."""
        if self.shift is None or previous is None:
            return us
        return us + jnp.broadcast_to(self.shift[...], us.shape) * (previous - us)

    def write(self, rows: jax.Array, ys: jax.Array) -> jax.Array:
        """Write what was mixed, and the network's answer: rows[N, W], ys[N, W] -> rows[N, W]."""
        rows = rows + self.out(ys)
        up = jax.nn.gelu(self.up(rms_norm(rows, self.norm_2[...])))  # [N, 4W]
        return rows + self.down(up)

    def __call__(self, xs: jax.Array) -> jax.Array:
        rows = xs.reshape(-1, xs.shape[-1])
        us = rms_norm(rows, self.norm_1[...]).reshape(xs.shape)
        previous = jnp.pad(us, ((0, 0), (1, 0), (0, 0)))[:, :-1]
        ys = self.mixer(self.shifted(us, previous))
        return self.write(rows, ys.reshape(rows.shape)).reshape(xs.shape)

    def init_state(self, context: int) -> Any:
        """Return the mixer's state, and what the position before has read if that is mixed in."""
        previous = None if self.shift is None else jnp.zeros_like(self.norm_1[...])
        return previous, self.mixer.init_state(context)

    def step(self, state: Any, x: jax.Array) -> tuple[Any, jax.Array]:
        """Read one position: x[W] -> (new state, x[W])."""
        previous, mixed = state
        u = rms_norm(x[None], self.norm_1[...])[0]
        mixed, y = self.mixer.step(mixed, self.shifted(u, previous))
        return (None if self.shift is None else u, mixed), self.write(x[None], y[None])[0]


class GPT(nnx.Module):
    """A model of p(next token | all tokens so far): blocks with one kind of mixer.

    x_t = sqrt(W) E[token_t] (+ P[t]);  xs = blocks(xs);  logits_t = norm(x_t) W_out + b

    `mixer` makes one of a width, as `partial(Attention, heads=2)` and `partial(Recurrence,
    cell=MinGRU)` do. With `learned` positions each place in the context has a vector P[t] of its
    own, and no more than `context` tokens can be read; else `context` is only the cache's room.
    It has the interface of a `LanguageModel`, so that `generate` can write with it.

    Shapes: tokens[T] -> logits[T, V]; a batch, sooner than by `jax.vmap`, is `read_batch`.
    Raises: ValueError (a size under 1; more tokens than learned positions). The logits of a step
    beyond the context are NaN, where anything depends on it.
    Reference: Radford et al. (2019), "Language models are unsupervised multitask learners".
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        *,
        mixer: Callable[..., Any] = Attention,
        layers: int = 2,
        context: int = 128,
        learned: bool = False,
        shift: bool = False,
        rngs: nnx.Rngs,
    ):
        if min(vocabulary_size, width, layers, context) < 1:
            raise ValueError(
                "vocabulary_size, width, layers and context must be >= 1, "
                f"got {vocabulary_size}, {width}, {layers} and {context}"
            )
        self.context = context
        self.embed = Embedding(vocabulary_size, width, rngs=rngs)
        places = jax.random.normal(rngs.params(), (context, width), jnp.float32)
        self.positions = nnx.Param(places) if learned else None  # [context, W]
        gain = (2 * layers) ** -0.5
        block = lambda key: Block(width, mixer, gain=gain, shift=shift, rngs=nnx.Rngs(key))  # noqa: E731
        self.blocks = jax.vmap(block)(jax.random.split(rngs.params(), layers))
        self.norm = nnx.Param(jnp.ones(width, jnp.float32))  # [W]
        self.readout = nnx.Linear(width, vocabulary_size, rngs=rngs)

    @property
    def vocabulary_size(self) -> int:
        return self.embed.embedding.shape[-2]

    def logits(self, rows: jax.Array) -> jax.Array:
        """Score every token: rows[N, W] -> logits[N, V]."""
        return self.readout(rms_norm(rows, self.norm[...]))

    def layers(self) -> list[Block]:
        """Return the blocks one by one: a scan over them would stack what each stores."""
        count = len(self.blocks.norm_1)
        return [jax.tree.map(lambda w, at=n: w[at], self.blocks) for n in range(count)]

    def __call__(self, tokens: jax.Array) -> jax.Array:
        """Return logits[T, V]; row t depends on tokens 0 to t."""
        return self.read_batch(tokens[None])[0]

    def read_batch(self, tokens: jax.Array) -> jax.Array:
        """Read a batch of sequences: tokens[B, T] -> logits[B, T, V]."""
        xs, (batch, time) = self.embed(tokens), tokens.shape
        if self.positions is not None:
            if time > self.context:
                raise ValueError(f"{self.context} positions were learned, got {time} tokens")
            xs = xs + jnp.broadcast_to(self.positions[...][:time], xs.shape)
        for block in self.layers():
            xs = block(xs)
        return self.logits(xs.reshape(batch * time, -1)).reshape(batch, time, -1)

    def init_state(self) -> Any:
        """Return the state before the first token: how many were read, and each block's."""
        return jnp.int32(0), [block.init_state(self.context) for block in self.layers()]

    def step(self, state: Any, token: jax.Array) -> tuple[Any, jax.Array]:
        """Read one token: -> (new state, logits[V] for the next one)."""
        (position, states), x, new = state, self.embed(token), []
        if self.positions is not None:
            x = x + jnp.take(self.positions[...], position, axis=0)  # NaN beyond the context
        for block, past in zip(self.layers(), states, strict=True):
            past, x = block.step(past, x)
            new.append(past)
        return (position + 1, new), self.logits(x[None])[0]

    def prefill(self, tokens: jax.Array) -> tuple[Any, jax.Array]:
        """Read a prompt tokens[P], token by token: -> (state, logits[V] for what follows it)."""
        state, logits = jax.lax.scan(self.step, self.init_state(), tokens)
        return state, logits[-1]
