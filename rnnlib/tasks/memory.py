"""Tasks that test a memory: each instance draws one example from a key, and knows its floor."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from rnnlib.tasks.task import Example, answered_last, check_at_least


@dataclass(frozen=True)
class Recall:
    """Name the first token again, after `delay` tokens of noise.

    y, then `delay` of the `noise` other tokens, then the query; the target there is y. The tokens
    are symbols 0 .. S - 1, noise S .. S + N - 1, and the query S + N.

    Example (the answer to the query 16 is 7):
        >>> print(Recall(delay=3)(jax.random.key(0)).inputs)
        [ 7 14 14  8 16]

    Shapes: inputs[delay + 2], tokens. `floor()` is the accuracy of guessing, 1 / S.
    Raises: ValueError (delay or noise under 1, or symbols under 2).
    Reference: after Hochreiter and Schmidhuber (1997), "Long short-term memory", experiment 2.
    """

    delay: int
    symbols: int = 8
    noise: int = 8

    def __post_init__(self):
        check_at_least(1, delay=self.delay, noise=self.noise)
        check_at_least(2, symbols=self.symbols)

    def __call__(self, key: jax.Array) -> Example:
        first, between = jax.random.split(key)
        query = self.symbols + self.noise
        answer = jax.random.randint(first, (1,), 0, self.symbols)
        noise = jax.random.randint(between, (self.delay,), self.symbols, query)
        return answered_last(jnp.concatenate([answer, noise, jnp.array([query])]), answer[0])

    @property
    def vocabulary_size(self) -> int:
        return self.symbols + self.noise + 1

    def floor(self) -> float:
        return 1 / self.symbols


@dataclass(frozen=True)
class Adding:
    """Add the two marked numbers of a sequence.

    Column 0 holds numbers uniform in [0, 1), column 1 a 1 at one position of the first half
    (T // 2 positions) and at one of the second, else 0; the target at the end is the marked sum.

    Example:
        >>> inputs, targets, _ = Adding(length=4)(jax.random.key(0))
        >>> [f"{number:.2f} {mark:.0f}" for number, mark in inputs], f"{targets[-1]:.2f}"
        (['0.84 1', '0.18 0', '0.23 0', '0.12 1'], '0.96')

    Shapes: inputs[T, 2]. `floor()` is the squared error of always answering 1: 2 / 12 = 1/6.
    Raises: ValueError (a length under 2).
    Reference: Hochreiter and Schmidhuber (1997), "Long short-term memory"; in the version of
    Le, Jaitly and Hinton (2015), "A simple way to initialize recurrent networks of rectified linear
    units", with a mark in each half as in Arjovsky, Shah and Bengio (2016).
    """

    length: int

    def __post_init__(self):
        check_at_least(2, length=self.length)

    def __call__(self, key: jax.Array) -> Example:
        keys, half = jax.random.split(key, 3), self.length // 2
        numbers = jax.random.uniform(keys[0], (self.length,), jnp.float32)
        early = jax.random.randint(keys[1], (), 0, half)
        late = jax.random.randint(keys[2], (), half, self.length)
        marks = jnp.zeros_like(numbers).at[early].set(1).at[late].set(1)
        return answered_last(jnp.stack([numbers, marks], axis=1), numbers[early] + numbers[late])

    @property
    def vocabulary_size(self) -> int:
        return 0  # numbers, not tokens

    def floor(self) -> float:
        return 1 / 6


@dataclass(frozen=True)
class Copying:
    """Repeat the first `items` symbols in order, after a go sign `delay` behind the last of them.

    The symbols, delay - 1 blanks, the go sign, `items` blanks; the targets are blank up to the go
    sign, then the symbols. The tokens are symbols 0 .. S - 1, the blank S and the go sign S + 1.
    All positions count; the answers stand where targets < S.

    Example (blank is 8, go is 9):
        >>> example = Copying(delay=3, items=3)(jax.random.key(0))
        >>> print(example.inputs, "->", example.targets)
        [7 1 7 8 8 9 8 8 8] -> [8 8 8 8 8 8 7 1 7]

    Shapes: inputs[delay + 2 items], tokens. `floor()` is the loss without any memory of the
    symbols, in nats per position: items ln S / (delay + 2 items).
    Raises: ValueError (delay or items under 1, or symbols under 2).
    Reference: Arjovsky, Shah and Bengio (2016), "Unitary evolution recurrent neural networks",
    from Hochreiter and Schmidhuber (1997), "Long short-term memory".
    """

    delay: int
    items: int = 10
    symbols: int = 8

    def __post_init__(self):
        check_at_least(1, delay=self.delay, items=self.items)
        check_at_least(2, symbols=self.symbols)

    def __call__(self, key: jax.Array) -> Example:
        which, where = jax.random.split(key)
        items = jax.random.randint(which, (self.items,), 0, self.symbols)
        blanks = jnp.full(self.delay + 2 * self.items, self.symbols, items.dtype)
        inputs = blanks.at[self._places(where)].set(items)
        inputs = inputs.at[-self.items - 1].set(self.symbols + 1)
        return Example(inputs, blanks.at[-self.items :].set(items), jnp.ones_like(inputs, bool))

    def _places(self, key: jax.Array) -> jax.Array:
        """Say where the symbols stand: [items], rising."""
        return jnp.arange(self.items)

    @property
    def vocabulary_size(self) -> int:
        return self.symbols + 2

    def floor(self) -> float:
        return self.items * math.log(self.symbols) / (self.delay + 2 * self.items)


class SelectiveCopying(Copying):
    """Repeat the symbols in order, though blanks stand between them: `Copying` at random places.

    The symbols stand in order at random places among the first items + delay - 1, the others are
    blank; then the go sign and `items` blanks. Tokens, targets, shapes, floor and what is raised
    are those of `Copying`.

    Example (blank is 8, go is 9):
        >>> example = SelectiveCopying(delay=3, items=3)(jax.random.key(0))
        >>> print(example.inputs, "->", example.targets)
        [7 1 8 7 8 9 8 8 8] -> [8 8 8 8 8 8 7 1 7]

    Reference: Gu and Dao (2023), "Mamba"; the denoising task of Jing et al. (2019), "Gated
    orthogonal recurrent units".
    """

    def _places(self, key: jax.Array) -> jax.Array:
        return jnp.sort(jax.random.permutation(key, self.items + self.delay - 1)[: self.items])
