"""Languages with an oracle: the true law of the next token is known after any prefix whatever."""

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.scipy.special import logsumexp

from rnnlib.tasks.task import Example, check_at_least


@partial(jax.tree_util.register_dataclass, data_fields=["chains", "switch"], meta_fields=["length"])
@dataclass(frozen=True, eq=False)
class HiddenMarkov:
    """Continue a text that K Markov chains write by turns, one of them at work at each step.

    z_1 and x_1 are uniform;  x_{t+1} ~ chains[z_t, x_t];  z_{t+1} = z_t with probability
    1 - switch, else one of the other chains, all equally likely.

    With switch = 0 the text has one topic for ever, and what was read first still tells of it; with
    more the past is forgotten. Which chain is at work is not shown. What all that has been read
    says of it is the belief, and belief and last token give the law of the next token:

        b_1(k) = 1 / K;   b_{t+1}(k) = Σ_j S_jk b_t(j) chains[j, x_t, x_{t+1}] / (Σ_k of the same)
        o(v | x_1 .. x_t) = Σ_k b_t(k) chains[k, x_t, v]

    with S the matrix of switching. `hidden_markov` makes one of given chains, and
    `draw_hidden_markov` draws them. Unlike other tasks it is a pytree, not hashable: sources of
    several seeds can be stacked. An example has inputs x_1 .. x_T and targets x_2 .. x_{T+1}.

    Shapes: chains[K, V, V], rows summing to 1, switch[] -> inputs[length], tokens.
    Reference: Rabiner (1989), "A tutorial on hidden Markov models", here with a state that emits
    along its own Markov chain.
    """

    chains: jax.Array
    switch: jax.Array
    length: int

    def __call__(self, key: jax.Array) -> Example:
        tokens = self.text(key, self.length + 1)
        return Example(tokens[:-1], tokens[1:], jnp.ones(self.length, bool))

    @property
    def vocabulary_size(self) -> int:
        return self.chains.shape[-1]

    def text(self, key: jax.Array, length: int) -> jax.Array:
        """Write a text of this length: -> tokens[length]."""
        count, size, _ = self.chains.shape
        first, topic, later = jax.random.split(key, 3)

        def step(now: tuple, key: jax.Array) -> tuple[tuple, jax.Array]:
            z, x = now
            word, turn, other = jax.random.split(key, 3)
            x = jax.random.categorical(word, jnp.log(self.chains[z, x]))
            moved = (z + jax.random.randint(other, (), 1, count)) % count
            z = jnp.where(jax.random.bernoulli(turn, self.switch), moved, z)
            return (z, x), x

        x = jax.random.randint(first, (), 0, size)
        z = jax.random.randint(topic, (), 0, count)
        _, xs = jax.lax.scan(step, (z, x), jax.random.split(later, length - 1))
        return jnp.concatenate([x[None], xs])

    def log_belief(self, tokens: jax.Array) -> jax.Array:
        """Return ln b_t(k): which chain is at work behind each token, given all up to it.

        The logarithms are exact to float32 also where a chain is all but ruled out. Inside jit,
        where nothing can be raised, they are NaN behind what the source cannot write.

        Shapes and units: tokens[T] -> [T, K], in nats.
        Raises: ValueError (an empty prefix, a token outside the vocabulary, or a prefix that the
        source cannot write).
        """
        size, concrete = self.vocabulary_size, not isinstance(tokens, Tracer)
        if not tokens.size:
            raise ValueError("a prefix must hold at least one token, got none")
        if concrete and not 0 <= (x := np.asarray(tokens)).min() <= x.max() < size:
            raise ValueError(f"tokens must be in 0 .. {size - 1}, got {x.min()} to {x.max()}")

        def step(belief: jax.Array, likelihood: jax.Array) -> tuple[jax.Array, jax.Array]:
            belief = self._read(belief, likelihood)
            return belief, belief

        start, _ = self.init_state()
        likelihoods = jnp.log(self.chains[:, tokens[:-1], tokens[1:]]).T  # [T - 1, K]
        beliefs = jnp.concatenate([start[None], jax.lax.scan(step, start, likelihoods)[1]])
        if concrete and not isinstance(beliefs, Tracer) and np.isnan(beliefs).any():
            at = int(np.isnan(np.asarray(beliefs)).any(axis=1).argmax())
            raise ValueError(
                f"the source cannot write this prefix: no chain that may be at work goes from "
                f"{tokens[at - 1]} to {tokens[at]}, at position {at}"
            )
        return beliefs

    def log_law(self, tokens: jax.Array) -> jax.Array:
        """Return ln o(v | x_1 .. x_t) at every position t of a prefix: the oracle.

        Shapes and units: tokens[T] -> [T, V], in nats.
        Raises: ValueError (what `log_belief` refuses).
        """
        steps = jnp.log(self.chains[:, tokens])  # [K, T, V]
        return logsumexp(self.log_belief(tokens).T[:, :, None] + steps, axis=0)

    def _read(self, belief: jax.Array, likelihood: jax.Array) -> jax.Array:
        """Update ln b[K] by the ln chains[k, x_t, x_{t+1}] of a token, [K]."""
        count = len(self.chains)
        stay = jnp.eye(count, dtype=bool)
        turn = jnp.log(jnp.where(stay, 1 - self.switch, self.switch / (count - 1)))  # ln S
        weight = belief + likelihood
        return logsumexp(jax.nn.log_softmax(weight)[:, None] + turn, axis=0)

    def init_state(self) -> tuple[jax.Array, jax.Array]:
        """Return the belief before anything is read, and -1 for no last token.

        With `step` and `prefill` the oracle has the interface of a `LanguageModel`: it can write.
        """
        count = len(self.chains)
        return jnp.full(count, -math.log(count)), jnp.int32(-1)

    def step(
        self, state: tuple[jax.Array, jax.Array], token: jax.Array
    ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        """Read one token: -> (new state, ln o[V] of the next one)."""
        belief, last = state
        read = self._read(belief, jnp.log(self.chains[:, last, token]))
        belief = jnp.where(last < 0, belief, read)
        law = logsumexp(belief[:, None] + jnp.log(self.chains[:, token]), axis=0)
        return (belief, token), law

    def prefill(self, tokens: jax.Array) -> tuple[tuple, jax.Array]:
        """Read a prompt tokens[P]: -> (state, ln o[V] of what follows it)."""
        return (self.log_belief(tokens)[-1], tokens[-1]), self.log_law(tokens)[-1]

    def entropy(self, tokens: jax.Array) -> jax.Array:
        """Return the entropy of the next token at every position: tokens[T] -> [T], in nats."""
        law = self.log_law(tokens)
        return -jnp.sum(jnp.exp(law) * jnp.where(law > -jnp.inf, law, 0), axis=1)

    def floor(self, texts: int = 1024) -> float:
        """Return the entropy of x_2 .. x_{T+1} in nats per token, below which no model gets.

        The mean of `entropy` over so many texts: its standard error shrinks with their root.
        """
        keys = jax.random.split(jax.random.key(0), texts)
        one = lambda key: self.entropy(self.text(key, self.length)).mean()  # noqa: E731
        return float(jax.jit(lambda keys: jax.lax.map(one, keys, batch_size=64).mean())(keys))


def hidden_markov(chains: jax.Array, switch: float, length: int) -> HiddenMarkov:
    """Make the language of these chains, checked.

    Shapes: chains[K, V, V], K >= 2.
    Raises: ValueError (chains of another shape or only one, rows that are no distributions, a
    switch under 0 or not under 1, a length under 1).
    """
    table = np.asarray(chains)
    if table.ndim != 3 or len(table) < 2 or table.shape[1] != table.shape[2]:
        raise ValueError(
            f"chains must be [K, V, V] with K >= 2, got {table.shape}: with one chain there is "
            "nothing to believe"
        )
    sums = table.sum(axis=2)
    if not (table >= 0).all() or not np.allclose(sums, 1, atol=1e-5):
        k, x = np.argwhere((table < 0).any(axis=2) | ~np.isclose(sums, 1, atol=1e-5))[0]
        raise ValueError(
            f"each row of a chain must be a distribution, got row {x} of chain {k}, which has sum "
            f"{sums[k, x]:.6g} and least entry {table[k, x].min():.6g}"
        )
    if not 0 <= switch < 1:
        raise ValueError(f"switch must be in [0, 1), got {switch}")
    check_at_least(1, length=length)
    return HiddenMarkov(jnp.asarray(table, jnp.float32), jnp.float32(switch), length)


def draw_hidden_markov(
    key: jax.Array,
    *,
    switch: float,
    length: int,
    chains: int = 4,
    tokens: int = 8,
    concentration: float = 0.3,
    uniform: float = 0.02,
) -> HiddenMarkov:
    """Draw a language: every row of every chain from a Dirichlet law, mixed with uniform noise.

    The smaller `concentration` is, the fewer tokens a row prefers. With `uniform` > 0 the source
    can write every prefix, so that the oracle answers for all that a model may write.

    Raises: ValueError (chains or tokens under 2, a concentration that is not > 0, uniform or
    switch under 0 or not under 1, a length under 1).
    """
    check_at_least(2, chains=chains, tokens=tokens)
    check_at_least(1, length=length)
    if not (concentration > 0 and 0 <= uniform < 1 and 0 <= switch < 1):
        raise ValueError(
            "concentration must be > 0, uniform and switch in [0, 1), "
            f"got {concentration}, {uniform} and {switch}"
        )
    rows = jax.random.dirichlet(key, jnp.full(tokens, concentration), (chains, tokens))
    table = (1 - uniform) * rows + uniform / tokens
    return HiddenMarkov(table / table.sum(axis=2, keepdims=True), jnp.float32(switch), length)
