"""Lookup: items, each with a key and a value, and a question about one of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from rnnlib.tasks.task import Example, answered_last, check_at_least


@dataclass(frozen=True)
class Lookup:
    """Name the value of the item that a question asks for, before, between or behind the items.

    A text has slots, a step each, some of which hold an item: a key *and* its value. The question
    comes `asked_after` so many slots, and the answer is due at the end: with the question itself if
    it comes last, else at a sign to go. (If it comes last, the sign stands in front, so that all
    texts are equally long.) The number of `items` is drawn from 1 to all slots, unless told; which
    slots are filled, their keys and their values are drawn, too, and no key or value comes twice.

    A step is two tokens: keys are 0 .. K - 1, values K .. K + V - 1, then come the blank, the
    question mark and the sign to go, K + V up. An item is (key, value), an empty slot (blank,
    blank), a question (key, question mark), and the sign comes doubled.

    Example (of two slots one is filled: key 1 has the value 2 + 0):
        >>> example = Lookup(items=1, asked_after=2, keys=2, values=3, slots=2)(jax.random.key(0))
        >>> print(example.inputs.tolist(), "->", example.targets)
        [[7, 7], [1, 2], [5, 5], [1, 6]] -> [0 0 0 2]

    `floor()` is the accuracy of a model that knows which values were shown, and not which key has
    which: 1 / N for N items, and its mean where N is drawn.

    Shapes: inputs[slots + 2, 2], targets[slots + 2]; only the last one counts.
    Raises: ValueError (a size under 1, more items than slots, more slots than keys or than values,
    a question behind more slots than there are).
    Reference: after Ba et al. (2016), "Using fast weights to attend to the recent past".
    """

    items: int | None = None
    asked_after: int = 0
    keys: int = 8
    values: int = 8
    slots: int = 8

    def __post_init__(self):
        check_at_least(1, keys=self.keys, values=self.values, slots=self.slots)
        check_at_least(0, asked_after=self.asked_after)
        if self.items is not None:
            check_at_least(1, items=self.items)
        if not max(self.items or 1, self.asked_after) <= self.slots <= min(self.keys, self.values):
            raise ValueError(
                "there are at most as many items as slots, a question after at most all of them, "
                "and as many keys and values as slots or more; got "
                f"items={self.items}, asked_after={self.asked_after}, slots={self.slots}, "
                f"keys={self.keys} and values={self.values}"
            )

    def __call__(self, key: jax.Array) -> Example:
        for_keys, for_values, for_places, for_items = jax.random.split(key, 4)
        keys = _order(for_keys, self.keys)[: self.slots]
        values = self.keys + _order(for_values, self.values)[: self.slots]
        places = _order(for_places, self.slots)  # the slots with a number below `items` are filled
        items = self.items or jax.random.randint(for_items, (), 1, self.slots + 1)
        filled = jnp.stack([keys, values], axis=1)
        slots = jnp.where((places < items)[:, None], filled, self._blank)
        asked = jnp.argmin(places)
        return self._text(slots, keys[asked], values[asked])

    def text(self, items: Sequence[tuple[int, int] | None], asked: int) -> Example:
        """Return the text with these items, None for an empty slot, and a question for one key.

        Keys are 0 .. K - 1, and values 0 .. V - 1. Slots that are not given are empty.

        Raises: ValueError (more items than slots, an unknown or a second key, an unknown value, or
        a question that names no item).
        """
        answers = dict(item for item in items if item is not None)
        known = all(0 <= k < self.keys and 0 <= v < self.values for k, v in answers.items())
        given = sum(item is not None for item in items)
        if len(items) > self.slots or len(answers) < given or not known:
            raise ValueError(
                f"needs up to {self.slots} items of different keys below {self.keys} and values "
                f"below {self.values}, got {items}"
            )
        if asked not in answers:
            raise ValueError(f"the question must name an item, one of {[*answers]}, got {asked}")
        slots = [
            (self._blank, self._blank) if item is None else (item[0], self.keys + item[1])
            for item in [*items, *[None] * (self.slots - len(items))]
        ]
        value = jnp.array(self.keys + answers[asked], jnp.int32)
        return self._text(jnp.array(slots), jnp.array(asked, jnp.int32), value)

    def _text(self, slots: jax.Array, asked: jax.Array, answer: jax.Array) -> Example:
        """Put the question among slots[slots, 2]."""
        question = jnp.stack([asked, jnp.full_like(asked, self._blank + 1)])[None]
        go = jnp.full_like(question, self._blank + 2)
        before, behind = slots[: self.asked_after], slots[self.asked_after :]
        last = self.asked_after == self.slots
        parts = [go, slots, question] if last else [before, question, behind, go]
        return answered_last(jnp.concatenate(parts), answer)

    @property
    def _blank(self) -> int:
        return self.keys + self.values

    @property
    def vocabulary_size(self) -> int:
        return self.keys + self.values + 3

    def floor(self) -> float:
        if self.items is not None:
            return 1 / self.items
        return sum(1 / n for n in range(1, self.slots + 1)) / self.slots


def _order(key: jax.Array, count: int) -> jax.Array:
    """Draw an order of 0 .. count - 1; `jax.random.permutation` takes longer to compile."""
    return jnp.argsort(jax.random.uniform(key, (count,), jnp.float32))
