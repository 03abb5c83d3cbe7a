"""Tasks that test the tracking of a state: what has a sequence of moves led to, so far?"""

import functools
import itertools
import math
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np

from rnnlib.tasks.task import Example

MOVES = ("all", "swaps")


@functools.cache
def permutations(symbols: int) -> tuple[tuple[int, ...], ...]:
    """List the permutations of n places: what stands at place i goes to place p[i].

    They are sorted, so the identity is number 0.

    Shapes: n! tuples of n places, 0 .. n - 1.

    Raises: ValueError (symbols outside of 2 to 6).
    """
    if not (isinstance(symbols, int) and 2 <= symbols <= 6):
        raise ValueError(f"symbols must be a whole number from 2 to 6, got {symbols}")
    return tuple(itertools.permutations(range(symbols)))


@functools.cache
def multiplication_table(symbols: int) -> np.ndarray:
    """Tabulate the symmetric group: table[p, q] is the number of first p, then q: i -> q[p[i]].

    Shapes: [n!, n!], read-only.
    Raises: ValueError (symbols outside of 2 to 6).
    """
    elements = permutations(symbols)
    number = {p: i for i, p in enumerate(elements)}
    table = np.array(
        [[number[tuple(q[place] for place in p)] for q in elements] for p in elements], np.int32
    )
    table.flags.writeable = False
    return table


@dataclass(frozen=True)
class Composition:
    """Say at each step what all moves so far amount to: the word problem of the symmetric group.

    y_t = x_t after y_{t-1}, with y_0 the identity. Inputs and targets are numbers of permutations
    of n things, sorted, 0 the identity. The moves are uniform over all n!, or, with
    `moves="swaps"`, over n of them: swapping two neighbours, as in the game with cups and a ball,
    or doing nothing. Were there only swaps, t alone would say whether y_t is an even permutation.

    Example (with three things, 1 swaps the last two, 2 the first two, and 5 reverses all):
        >>> inputs, targets, _ = Composition(7, symbols=3, moves="swaps")(jax.random.key(0))
        >>> print(inputs, "->", targets)
        [1 0 2 1 2 0 0] -> [1 1 3 5 4 4 4]

    Shapes: inputs[length], tokens.
    Raises: ValueError (a length under 1, symbols outside of 2 to 6, or moves of another name).
    Reference: Barrington (1989), "Bounded-width polynomial-size branching programs recognize
    exactly those languages in NC1": from 5 things on the problem is as hard as any in NC1. Liu et
    al. (2023), "Transformers learn shortcuts to automata"; Merrill, Petty & Sabharwal (2024), "The
    illusion of state in state-space models".
    """

    length: int
    symbols: int = 5
    moves: str = "all"

    def __post_init__(self):
        if not (isinstance(self.length, int) and self.length >= 1):
            raise ValueError(f"length must be a whole number >= 1, got {self.length}")
        if self.moves not in MOVES:
            raise ValueError(f"moves must be one of {MOVES}, got {self.moves!r}")
        permutations(self.symbols)  # raises if there are too few or too many

    def __call__(self, key: jax.Array) -> Example:
        moves, table = jnp.array(self.tokens), jnp.array(multiplication_table(self.symbols))
        inputs = moves[jax.random.randint(key, (self.length,), 0, len(moves))]

        def step(y: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
            y = table[y, x]
            return y, y

        identity = jnp.zeros((), table.dtype)
        return Example(inputs, jax.lax.scan(step, identity, inputs)[1], jnp.ones_like(inputs, bool))

    @property
    def elements(self) -> int:
        """The number of permutations, n!; every one can be a target, be the moves ever so few."""
        return math.factorial(self.symbols)

    @property
    def vocabulary_size(self) -> int:
        return self.elements  # inputs are numbered as the targets are

    @property
    def tokens(self) -> np.ndarray:
        """The moves that occur, by their numbers."""
        if self.moves == "all":
            return np.arange(self.elements, dtype=np.int32)
        swaps = [math.factorial(i) for i in range(1, self.symbols)]  # number i! swaps the two
        return np.array([0, *swaps], np.int32)  # neighbours that have i - 1 places behind them

    def odds(self) -> np.ndarray:
        """Return the probability of each y_t before anything is seen: [T + 1, n!], from t = 0 on.

        p_t = p_{t-1} P, the random walk on the group.
        """
        table, n = multiplication_table(self.symbols), self.elements
        walk = np.zeros((n, n))
        for token in self.tokens:
            walk[np.arange(n), table[:, token]] += 1 / len(self.tokens)
        steps = [np.eye(n)[0]]
        for _ in range(self.length):
            steps.append(steps[-1] @ walk)
        return np.array(steps)

    def floor(self, seen: int = 0) -> float:
        """Return the least loss of one who sees only t and the last `seen` moves, in nats per step.

        They say nothing about y_{t - seen}, and all that came after it: the loss is the
        entropy of p_{t - seen}, averaged over t. With `moves="all"` and none seen, that is ln n!.

        Raises: ValueError (a negative number of moves).
        """
        p = self._unseen(seen)
        return float(-(p * np.log(np.where(p > 0, p, 1))).sum(axis=1).mean())

    def chance(self, seen: int = 0) -> float:
        """Return the best accuracy of one who sees only t and the last `seen` moves."""
        return float(self._unseen(seen).max(axis=1).mean())

    def _unseen(self, seen: int) -> np.ndarray:
        """Return the odds of y_{t - seen}, of y_0 where t is smaller: [T, n!]."""
        if not (isinstance(seen, int) and seen >= 0):
            raise ValueError(f"seen must be a whole number of moves >= 0, got {seen}")
        return self.odds()[np.maximum(np.arange(1, self.length + 1) - seen, 0)]


@dataclass(frozen=True)
class Parity(Composition):
    """Say at each step whether the ones so far are odd in number: `Composition` of two things.

    A 1 swaps them, a 0 does not, and the target is 1 while they stand the other way round.

    Example:
        >>> inputs, targets, _ = Parity(8)(jax.random.key(0))
        >>> print(inputs, "->", targets)
        [1 0 0 1 1 1 0 1] -> [1 1 1 0 1 0 0 1]

    Shapes: inputs[length], bits.
    Raises: ValueError (a length under 1).
    Reference: Hahn (2020), "Theoretical limitations of self-attention in neural sequence models".
    """

    symbols: int = field(default=2, init=False)
    moves: str = field(default="all", init=False)
