"""Rewriting: tasks for an encoder and a decoder, in which one sequence determines another."""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp

from rnnlib.tasks.task import Example, check_at_least

Rule = Literal["reverse", "after the marker", "sort"]


class Rewrite(NamedTuple):
    """What an encoder and its decoder read."""

    source: jax.Array  # [S] tokens, of which the first `length` count
    length: jax.Array  # []
    before: jax.Array  # [T] tokens: what was written before each output


@dataclass(frozen=True)
class Rewriting:
    """Rewrite a source by a rule, and end.

    reverse: say the symbols from the last to the first
    after the marker: say the symbols behind the marker, of which there is at least one
    sort: say the symbols in rising order

    A source has `shortest` to `longest` tokens, the marker included, and is filled up with ends to
    `room`. The tokens are symbols 0 .. S - 1, the marker S, and the end S + 1, which stands behind
    the output, and before its first token, too.

    Example (the marker is 6, the end 7):
        >>> task = Rewriting("after the marker", shortest=4, longest=4, symbols=6)
        >>> (source, length, before), targets, mask = task(jax.random.key(0))
        >>> print(source, "->", targets[mask])
        [6 5 1 1] -> [5 1 1 7]

    `floor()` is the share of sources that the best constant output rewrites.

    Shapes: inputs of source[room], length[] and before[room + 1]; targets[room + 1].
    Raises: ValueError (an unknown rule, a size that is too small, not shortest <= longest <= room;
    sorting needs as many symbols as `longest`).
    Reference: after Sutskever, Vinyals & Le (2014), "Sequence to sequence learning with neural
    networks", and Graves, Wayne & Danihelka (2014), "Neural Turing machines" (sorting).
    """

    rule: Rule
    shortest: int = 2
    longest: int = 10
    symbols: int = 20
    room: int | None = None

    def __post_init__(self):
        if self.rule not in get_args(Rule):
            raise ValueError(f"rule must be one of {get_args(Rule)}, got {self.rule!r}")
        check_at_least(2 if self.rule == "after the marker" else 1, shortest=self.shortest)
        check_at_least(self.shortest, longest=self.longest)
        check_at_least(self.longest if self.rule == "sort" else 2, symbols=self.symbols)
        if self.room is not None:
            check_at_least(self.longest, room=self.room)

    def __call__(self, key: jax.Array) -> Example:
        for_symbols, for_length, for_marker = jax.random.split(key, 3)
        room = self.room or self.longest
        time = jnp.arange(room)
        length = jax.random.randint(for_length, (), self.shortest, self.longest + 1)
        source = jax.random.randint(for_symbols, (room,), 0, self.symbols)
        start = 0  # of what is said again
        if self.rule == "after the marker":
            start = jax.random.randint(for_marker, (), 0, length - 1) + 1
            source = source.at[start - 1].set(self.symbols)
        source = jnp.where(time < length, source, self._end)
        if self.rule == "sort":
            output = jnp.sort(source)  # the ends are the largest
        else:
            at = length - 1 - time if self.rule == "reverse" else start + time
            output = jnp.where(time < length - start, source[jnp.clip(at, 0, room - 1)], self._end)
        output = jnp.append(output, self._end)
        before = jnp.concatenate([jnp.array([self._end]), output[:-1]])
        mask = jnp.arange(room + 1) <= length - start
        return Example(Rewrite(source, length, before), jnp.where(mask, output, 0), mask)  # pyright: ignore[reportArgumentType]

    @property
    def _end(self) -> int:
        return self.symbols + 1

    @property
    def vocabulary_size(self) -> int:
        return self.symbols + 2

    def floor(self) -> float:
        lengths = range(self.shortest, self.longest + 1)
        if self.rule == "after the marker":  # one symbol
            return sum(1 / (n - 1) for n in lengths) / len(lengths) / self.symbols
        orders = math.factorial(self.shortest) if self.rule == "sort" else 1
        return orders / self.symbols**self.shortest / len(lengths)
