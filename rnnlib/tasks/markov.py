"""A language with an oracle and a short memory: the last two tokens say all about the next."""

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from numpy.typing import NDArray
from scipy.special import xlogy

from rnnlib.tasks.task import Example, check_at_least


@partial(jax.tree_util.register_dataclass, data_fields=["table"], meta_fields=["length"])
@dataclass(frozen=True, eq=False)
class Markov:
    """Continue a text that a Markov chain of order 2 writes.

    x_1 and x_2 are uniform and independent;  x_{t+1} ~ table[x_{t-1}, x_t].

    The law of the next token is known behind every prefix, also one that the chain itself cannot
    write, for only its last two tokens matter. `markov` makes one of a given table, and
    `draw_markov` draws one. It is a pytree, not hashable: sources of several seeds can be stacked.
    An example has inputs x_1 .. x_T and targets x_2 .. x_{T+1}.

    Shapes: table[V, V, V], rows summing to 1 -> inputs[length], tokens.
    Reference: Shannon (1948), "A mathematical theory of communication", section 3.
    """

    table: jax.Array
    length: int

    def __call__(self, key: jax.Array) -> Example:
        tokens = self.text(key, self.length + 1)
        return Example(tokens[:-1], tokens[1:], jnp.ones(self.length, bool))

    @property
    def vocabulary_size(self) -> int:
        return self.table.shape[-1]

    def text(self, key: jax.Array, length: int) -> jax.Array:
        """Write a text of this length: -> tokens[length]."""

        def write(two: tuple[jax.Array, jax.Array], noise: jax.Array) -> tuple[tuple, jax.Array]:
            token = jnp.argmax(self._law(*two) + noise)  # a draw: the Gumbel trick
            return (two[1], token), token

        # Drawn at once: a key for each token would take most of the time.
        noise = jax.random.gumbel(key, (length, self.vocabulary_size))
        none = self.init_state()
        return jax.lax.scan(write, (none, none), noise)[1]

    def _law(self, before: jax.Array, last: jax.Array) -> jax.Array:
        """Return ln o[..., V] behind two tokens[...]; while `before` is -1, none, it is uniform."""
        rows = jnp.log(self.table[before, last])
        return jnp.where(before[..., None] < 0, -math.log(self.vocabulary_size), rows)

    def log_law(self, tokens: jax.Array) -> jax.Array:
        """Return ln o(v | x_{t-1}, x_t) at every position t of a prefix: the oracle.

        At the first position it is -ln V; it is -inf for what cannot follow.

        Shapes and units: tokens[T] -> [T, V], in nats.
        Raises: ValueError (an empty prefix or a batch of them, a token outside the vocabulary).
        """
        if tokens.ndim != 1 or not tokens.size:
            raise ValueError(f"a prefix must be tokens[T], T >= 1, got shape {list(tokens.shape)}")
        size, concrete = self.vocabulary_size, not isinstance(tokens, Tracer)
        if concrete and not 0 <= (x := np.asarray(tokens)).min() <= x.max() < size:
            raise ValueError(f"tokens must be in 0 .. {size - 1}, got {x.min()} to {x.max()}")
        return self._law(jnp.append(self.init_state(), tokens[:-1]), tokens)

    def init_state(self) -> jax.Array:
        """Return -1, for no last token.

        With `step` and `prefill` the oracle has the interface of a `LanguageModel`: it can write.
        """
        return jnp.int32(-1)

    def step(self, last: jax.Array, token: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Read one token behind the last one: -> (the new last one, ln o[V] of the next)."""
        return token, self._law(last, token)

    def prefill(self, tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Read a prompt tokens[P]: -> (its last token, ln o[V] of what follows it)."""
        return tokens[-1], self.log_law(tokens)[-1]

    def entropy(self, tokens: jax.Array) -> jax.Array:
        """Return the entropy of the next token at every position: tokens[T] -> [T], in nats."""
        law = self.log_law(tokens)
        return -jnp.sum(jnp.exp(law) * jnp.where(law > -jnp.inf, law, 0), axis=1)

    def floor(self) -> float:
        """Return the entropy of x_2 .. x_{T+1} in nats per token, below which no model gets.

        Exact: the entropies of the rows, weighted by how often each pair of tokens is the last two.
        """
        table = np.asarray(self.table, np.float64)
        table = table / table.sum(axis=2, keepdims=True)
        entropies = -xlogy(table, table).sum(axis=2)  # [V, V]
        pairs = np.full_like(entropies, 1 / entropies.size)  # P(x_1, x_2)
        total = math.log(self.vocabulary_size)  # of x_2
        for _ in range(self.length - 1):
            total += (pairs * entropies).sum()
            pairs = np.einsum("ab,abc->bc", pairs, table)
        return float(total / self.length)

    def successor(self) -> NDArray[np.int64]:
        """Return the machine that writes greedily: its states are the pairs of last two tokens.

            a V + b -> b V + argmax_c table[a, b, c]

        Shapes: -> int[V²], as `texts.loops.cycles` takes it. Of a lap s of states, s // V are the
        tokens.
        """
        size = self.vocabulary_size
        # Of the logarithms, as `greedy` sees them: two that differ may have the same in float32.
        likeliest = np.asarray(jnp.log(self.table).argmax(axis=2), np.int64)
        return (np.arange(size) * size + likeliest).ravel()


def markov(table: jax.Array, length: int) -> Markov:
    """Make the language of this table, checked.

    Shapes: table[V, V, V]: before, last, next.
    Raises: ValueError (a table of another shape or with V < 2, rows that are no distributions, a
    length under 1).
    """
    rows = np.asarray(table)
    if rows.ndim != 3 or len(set(rows.shape)) > 1 or len(rows) < 2:
        raise ValueError(f"table must be [V, V, V] with V >= 2, got {list(rows.shape)}")
    sums = rows.sum(axis=2)
    wrong = ~(rows >= 0).all(axis=2) | ~np.isclose(sums, 1, atol=1e-5)  # NaN is wrong too
    for a, b in np.argwhere(wrong)[:1]:
        raise ValueError(
            f"each row of the table must be a distribution, got table[{a}, {b}] with sum "
            f"{sums[a, b]:.6g} and least entry {rows[a, b].min():.6g}"
        )
    check_at_least(1, length=length)
    return Markov(jnp.asarray(rows, jnp.float32), length)


def draw_markov(
    key: jax.Array, *, length: int, tokens: int = 32, concentration: float = 0.05
) -> Markov:
    """Draw a language: each of the V² rows of its table from a Dirichlet law.

    The smaller `concentration` is, the fewer tokens a row prefers; below about 0.1 the least
    probabilities are 0 in float32.

    Raises: ValueError (tokens under 2, a length under 1, a concentration not between 1e-6 and 1e6,
    beyond which float32 has no such law).
    """
    check_at_least(2, tokens=tokens)
    check_at_least(1, length=length)
    if not 1e-6 <= concentration <= 1e6:
        raise ValueError(f"concentration must be between 1e-6 and 1e6, got {concentration}")
    law = jnp.full(tokens, concentration)
    return Markov(jax.random.dirichlet(key, law, (tokens, tokens)), length)
