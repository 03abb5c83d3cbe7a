"""A machine that writes its working: each move of a game is followed by the state it leads to."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from rnnlib.tasks.task import Example, check_at_least
from rnnlib.tasks.tracking import multiplication_table, permutations


@dataclass(frozen=True)
class Working:
    """Write behind every move of n things what all moves so far amount to.

    m_1 y_1 m_2 y_2 ...  with y_t = m_t after y_{t-1}, y_0 the identity, and moves m_t uniform over
    all n! permutations. A state is written with probability `errors` as another one, drawn at
    random; the next one is right again, whatever stands on the page. Only right states count as
    targets. A state on the page is judged in two ways: `wrong` asks whether it is the truth,
    `inconsistent` whether it follows from the state that the page shows before it.

    The tokens are moves 0 .. n! - 1, numbered as in `Composition`, and states n! .. 2 n! - 1.

    Example (three things; 6 is the state in which nothing has moved):
        >>> print(Working(4)(jax.random.key(0)).inputs)
        [ 1  7  5 10  1  8  1]

    Shapes: inputs[2 pairs - 1], tokens. `floor()` is the accuracy of guessing, 1 / n!.
    Raises: ValueError (pairs under 1, symbols outside of 2 to 6, errors under 0 or not under 1).
    Reference: the moves are those of Barrington (1989), see `Composition`; errors that are mended
    at once are those of DAgger, Ross, Gordon and Bagnell (2011), "A reduction of imitation
    learning and structured prediction to no-regret online learning".
    """

    pairs: int
    symbols: int = 3
    errors: float = 0.0

    def __post_init__(self):
        check_at_least(1, pairs=self.pairs)
        permutations(self.symbols)  # raises if there are too few or too many
        if not 0 <= self.errors < 1:
            raise ValueError(f"errors must be in [0, 1), got {self.errors}")

    def __call__(self, key: jax.Array) -> Example:
        play, slip, other = jax.random.split(key, 3)
        moves = jax.random.randint(play, (self.pairs,), 0, self.states)
        slips = jax.random.bernoulli(slip, self.errors, (self.pairs,))
        off = jax.random.randint(other, (self.pairs,), 1, self.states)
        truth = self.truth(moves)
        written = jnp.where(slips, (truth + off) % self.states, truth)
        text = jnp.stack([moves, self.states + written], axis=1).ravel()  # m_1 y_1 m_2 y_2 ...
        counts = jnp.stack([~slips, jnp.zeros(self.pairs, bool)], axis=1).ravel()[:-1]
        return Example(text[:-1], jnp.where(counts, text[1:], 0), counts)

    @property
    def states(self) -> int:
        """The number of states, and of moves: n!."""
        return len(permutations(self.symbols))

    @property
    def vocabulary_size(self) -> int:
        return 2 * self.states

    def floor(self) -> float:
        return 1 / self.states

    def truth(self, moves: jax.Array) -> jax.Array:
        """Return the state after each move: moves[T] -> [T], numbers 0 .. n! - 1."""
        table = jnp.array(multiplication_table(self.symbols))

        def step(y: jax.Array, move: jax.Array) -> tuple[jax.Array, jax.Array]:
            y = table[y, move]
            return y, y

        return jax.lax.scan(step, jnp.zeros((), table.dtype), moves)[1]

    def wrong(self, moves: jax.Array, written: jax.Array) -> jax.Array:
        """Tell which written states are not the truth: moves[T], written[T] -> bool[T]."""
        return written != self.truth(moves)

    def inconsistent(self, moves: jax.Array, written: jax.Array) -> jax.Array:
        """Tell which do not follow from the state written before: moves[T], written[T] -> bool[T].

        written_t != m_t after written_{t-1}, the identity before the first.
        """
        table = jnp.array(multiplication_table(self.symbols))
        before = jnp.concatenate([jnp.zeros(1, written.dtype), written[:-1]])
        return written != table[before, moves]
