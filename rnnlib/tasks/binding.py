"""Associative recall: pairs of a key and a value, then a key, whose value is asked for."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import jax
import jax.numpy as jnp

from rnnlib.tasks.task import Example, check_at_least

Order = Literal["pairs first", "query first", "pairs twice"]


@dataclass(frozen=True)
class AssociativeRecall:
    """Say for each key that is asked for which value stood behind it.

    pairs first: k_1 v_1 ... k_N v_N, blanks, then the queries; a query's target is its value
    pairs twice: the same, but all pairs are shown a second time, in the same order
    query first: one query, the pairs, blanks; the value is asked for at the last position

    The keys of a sequence are different ones, and so are its values, and its queries. Where
    answers are `shown`, each query is followed by its value. The tokens are keys 0 .. K - 1, values
    K .. K + V - 1, and the blank K + V, which fills the sequence up to `length`, or not at all (in
    "query first" once, to answer in).

    Example (the keys are 0 to 3, the values 4 to 7; key 2 has the value 7):
        >>> example = AssociativeRecall(2, keys=4, values=4)(jax.random.key(0))
        >>> print(example.inputs, "->", example.targets)
        [0 6 2 7 2 0] -> [0 0 0 0 7 6]

    `floor()` is the loss, in nats per answer, of a model that knows which values were shown, and
    not which key has which: ln N, or ln(N!) / N where all answers are asked for and shown. No model
    gets below it without binding values to keys. `chance()` is the loss of one that knows of the
    values only that they are values, `bits()` what a state must hold to answer everything.

    Shapes: inputs[length], tokens. `queries` are all pairs, unless told; in "query first", one.
    Raises: ValueError (a size under 1, more pairs than keys or than values, more queries than
    pairs, more than the length holds, an unknown order, answers shown in "query first").
    Reference: Ba et al. (2016), "Using fast weights to attend to the recent past"; Arora et al.
    (2023), "Zoology: measuring and improving recall in efficient language models".
    """

    pairs: int
    keys: int = 16
    values: int = 16
    queries: int | None = None
    order: Order = "pairs first"
    shown: bool = False
    length: int | None = None

    def __post_init__(self):
        check_at_least(1, pairs=self.pairs, keys=self.keys, values=self.values)
        if self.order not in get_args(Order):
            raise ValueError(f"order must be one of {get_args(Order)}, got {self.order!r}")
        if self.pairs > min(self.keys, self.values):
            raise ValueError(
                f"{self.pairs} pairs need as many different keys and values, got {self.keys} keys "
                f"and {self.values} values"
            )
        check_at_least(1, queries=self.asked)
        first = self.order == "query first"
        if self.asked > (1 if first else self.pairs) or (first and self.shown):
            raise ValueError(
                "there are at most as many queries as pairs; in 'query first' there is one, and "
                f"its answer is not shown; got queries={self.queries} and shown={self.shown}"
            )
        if self.length is not None:
            check_at_least(self._least, length=self.length)

    @property
    def asked(self) -> int:
        """The number of queries."""
        if self.queries is None:
            return 1 if self.order == "query first" else self.pairs
        return self.queries

    @property
    def _least(self) -> int:
        """The length without blanks."""
        laps = 2 if self.order == "pairs twice" else 1
        behind = self.asked * (2 if self.shown or self.order == "query first" else 1)
        return 2 * self.pairs * laps + behind

    def __call__(self, key: jax.Array) -> Example:
        for_keys, for_values, for_queries = jax.random.split(key, 3)
        keys = _some(for_keys, self.pairs, self.keys)
        values = self.keys + _some(for_values, self.pairs, self.values)
        places = _some(for_queries, self.asked, self.pairs)
        asked, answers = keys[places], values[places]
        pairs = jnp.stack([keys, values], axis=1).ravel()
        first = self.order == "query first"
        spare = (self.length or self._least) - self._least
        blanks = jnp.full(spare + first, self.keys + self.values, pairs.dtype)
        if first:
            inputs = jnp.concatenate([asked, pairs, blanks])
            at = jnp.array([len(inputs) - 1])
        else:
            laps = [pairs, pairs] if self.order == "pairs twice" else [pairs]
            behind = jnp.stack([asked, answers], axis=1).ravel() if self.shown else asked
            inputs = jnp.concatenate([*laps, blanks, behind])
            at = len(inputs) - len(behind) + jnp.arange(self.asked) * (1 + self.shown)
        nothing = jnp.zeros_like(inputs)
        return Example(inputs, nothing.at[at].set(answers), nothing.at[at].set(1) == 1)

    @property
    def vocabulary_size(self) -> int:
        return self.keys + self.values + 1

    def floor(self) -> float:
        return self._mean_log(self.pairs)

    def chance(self) -> float:
        """Return the loss of guessing among all values, without those already shown as answers."""
        return self._mean_log(self.values)

    def bits(self) -> float:
        """Return how many bits at least a state needs, after the pairs, to answer every question.

        log2(V (V - 1) ... (V - N + 1)), which is a little less than N log2 V, since no value comes
        twice: a state answers with one value for each key, so that it is right for no more than one
        choice of values for the N keys. To tell *which* keys were shown, too, would take
        log2 C(K, N) more. Where the query comes first, its answer is enough: log2 V.
        """
        if self.order == "query first":
            return math.log2(self.values)
        return sum(math.log2(self.values - j) for j in range(self.pairs))

    def _mean_log(self, among: int) -> float:
        """Return the mean loss of guesses among so many values."""
        left = [among - j * self.shown for j in range(self.asked)]
        return sum(map(math.log, left)) / self.asked


def _some(key: jax.Array, count: int, of: int) -> jax.Array:
    """Draw `count` different numbers below `of`, in random order: a permutation compiles slower."""
    return jax.lax.top_k(jax.random.uniform(key, (of,), jnp.float32), count)[1]
