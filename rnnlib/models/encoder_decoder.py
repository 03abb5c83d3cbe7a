"""An encoder and a decoder: one network reads a sequence, another writes one, and may look back."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.core
import jax.numpy as jnp
from flax import nnx

from rnnlib.models.cells import GRU
from rnnlib.models.embedding import Embedding

Attention = Literal["none", "uniform", "before", "after"]


class Memory(NamedTuple):
    """What the encoder leaves of a source."""

    states: jax.Array  # [S, H], one for each token
    keys: jax.Array  # [S, H]: what the decoder compares its question with
    known: jax.Array  # [S], False where the source is only filled up
    last: jax.Array  # [H], the state after the last token: the decoder's first


class EncoderDecoder(nnx.Module):
    """A GRU reads the source; another writes the output, with attention to all that was read.

    h_j  = GRU(h_{j-1}, x_j)                      the encoder, to the end of the source
    α_ij = softmax_j(v · tanh(s W_q + h_j W_k))   for output i, over the tokens that count
    c_i  = Σ_j α_ij h_j
    s_i  = GRU(s_{i-1}, [y_{i-1}, c_i]),   logits_i = [s_i, c_i] W_out + b

    `attention` is "before" as above, where s in the score is s_{i-1}, which has not read y_{i-1}
    yet; or "after", where it is s_i, and c_i enters the logits only. Two controls: with "uniform"
    all α are equal, and with "none" the decoder has h of the last token and nothing else.
    The encoder reads in one direction.

    Shapes: inputs (source[S], length[], before[T]) -> logits[T, V]; `before` is what was written
    before each output, a begin first. A batch is `jax.vmap(model)(inputs)`.
    Raises: ValueError (a size under 1, an unknown attention, an empty source, a length that is not
    1 to S). Under jit, where nothing can be raised for a length, the logits are NaN.
    Reference: Bahdanau, Cho & Bengio (2015), "Neural machine translation by jointly learning to
    align and translate"; Luong, Pham & Manning (2015), "Effective approaches to attention-based
    neural machine translation" ("after"). Derived in lesson 13.
    """

    def __init__(
        self,
        vocabulary_size: int,
        hidden: int,
        *,
        attention: Attention = "before",
        rngs: nnx.Rngs,
    ):
        if min(vocabulary_size, hidden) < 1:
            raise ValueError(
                f"vocabulary_size and hidden must be >= 1, got {vocabulary_size} and {hidden}"
            )
        if attention not in get_args(Attention):
            raise ValueError(f"attention must be one of {get_args(Attention)}, got {attention!r}")
        self.attention = attention
        self.embed = Embedding(vocabulary_size, hidden, rngs=rngs)
        self.encoder = GRU(hidden, hidden, rngs=rngs)
        wider = 2 if attention in ("uniform", "before") else 1
        self.decoder = GRU(wider * hidden, hidden, rngs=rngs)
        if attention in ("before", "after"):
            normal = partial(jax.random.normal, dtype=jnp.float32)
            self.w_q = nnx.Param(hidden**-0.5 * normal(rngs.params(), (hidden, hidden)))
            self.w_k = nnx.Param(hidden**-0.5 * normal(rngs.params(), (hidden, hidden)))
            self.v = nnx.Param(hidden**-0.5 * normal(rngs.params(), (hidden,)))
        features = hidden if attention == "none" else 2 * hidden
        self.readout = nnx.Linear(features, vocabulary_size, rngs=rngs)

    @property
    def vocabulary_size(self) -> int:
        return self.embed.embedding.shape[-2]

    def encode(self, source: jax.Array, length: int | jax.Array) -> Memory:
        """Read the first `length` tokens of source[S]."""
        if not len(source):
            raise ValueError("a source must have at least one token, got none")
        if not isinstance(length, jax.core.Tracer) and not 1 <= int(length) <= len(source):
            raise ValueError(f"length must be 1 to {len(source)}, the source's, got {length}")
        known = jnp.arange(len(source)) < length

        def step(state: jax.Array, now: Any) -> tuple[jax.Array, jax.Array]:
            x, known = now
            state = jnp.where(known, self.encoder(state, x)[0], state)
            return state, state

        start = self.encoder.init_state()
        last, states = jax.lax.scan(step, start, (self.embed(source), known))
        keys = states @ self.w_k[...] if self.attention in ("before", "after") else states
        right = (length >= 1) & (length <= len(source))
        return Memory(states, keys, known, jnp.where(right, last, jnp.nan))

    def align(self, memory: Memory, state: jax.Array) -> jax.Array:
        """Return the weights of all tokens, α[S], for a decoder in state s[H]; 0 with "none"."""
        if self.attention == "none":
            return jnp.zeros(len(memory.known), jnp.float32)
        scores = jnp.zeros(len(memory.known), jnp.float32)
        if self.attention != "uniform":
            scores = jnp.tanh((state @ self.w_q[...])[None] + memory.keys) @ self.v[...]
        return jax.nn.softmax(jnp.where(memory.known, scores, -jnp.inf))

    def step(
        self, memory: Memory, state: jax.Array, token: jax.Array
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """Read what was written last: state s[H] -> new state, (logits[V], α[S])."""
        x, context = self.embed(token), jnp.zeros(0, jnp.float32)
        weights = jnp.zeros(len(memory.known), jnp.float32)
        if self.attention in ("uniform", "before"):
            weights = self.align(memory, state)
            context = weights @ memory.states
        state, _ = self.decoder(state, jnp.concatenate([x, context]))
        if self.attention == "after":
            weights = self.align(memory, state)
            context = weights @ memory.states
        return state, (self.readout(jnp.concatenate([state, context])), weights)

    def decode(self, memory: Memory, before: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Write after what was written before each output: -> logits[T, V], α[T, S]."""
        return jax.lax.scan(lambda s, token: self.step(memory, s, token), memory.last, before)[1]

    def __call__(self, inputs: Any) -> jax.Array:
        """Return logits[T, V]; row i depends on the source and on before[: i + 1]."""
        source, length, before = inputs
        return self.decode(self.encode(source, length), before)[0]


@partial(jax.tree_util.register_dataclass, data_fields=["model", "memory"], meta_fields=[])
@dataclass(frozen=True)
class Writer:
    """An encoder-decoder that has read its source: what `generate` and `beam` write with.

    Their prompt is what stands before the first output: the task's begin.

    Shapes: state s[H], tokens[P] -> logits[V].
    """

    model: EncoderDecoder
    memory: Memory

    @property
    def vocabulary_size(self) -> int:
        return self.model.vocabulary_size

    def prefill(self, tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Read what was written so far: tokens[P] -> (state, logits[V] for what follows it)."""
        step = lambda s, token: self.model.step(self.memory, s, token)  # noqa: E731
        state, (logits, _) = jax.lax.scan(step, self.memory.last, tokens)
        return state, logits[-1]

    def step(self, state: jax.Array, token: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Read one token: -> (new state, logits[V] for the next one)."""
        state, (logits, _) = self.model.step(self.memory, state, token)
        return state, logits
