"""Sentences with an ambiguous word: which of its two topics is meant, other words tell."""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp

from rnnlib.tasks.task import check_at_least

Side = Literal["before", "behind", "both"]
Rule = Literal["same", "outer"]
CUES = 4  # in a sentence


class Sentence(NamedTuple):
    """A sentence, and what it says of its ambiguous word."""

    tokens: jax.Array  # [T]
    word: jax.Array  # [] the token of the ambiguous word
    sense: jax.Array  # [] 0 or 1: which of its topics is meant
    cues: jax.Array  # [T] True where a cue stands


@dataclass(frozen=True)
class Senses:
    """Draw sentences in which four cues tell which topic an ambiguous word means.

    A word belongs to two topics, a topic has cues of its own, and all else is fillers. By `rule`,

    same: all four cues are of the topic that is meant
    outer: the first and the last are of the topic that is meant, the two between of another

    so that in "outer" the order tells. The other topic is any; where the word is `torn`, it is the
    word's own other one, and no bag of the sentence's words tells which is meant. By `side`, the
    cues stand before the word, behind it, or two on either side. What is not said is drawn. With
    `half` 0 or 1 only that half of each topic's cues is used: sentences of different halves share
    none.

    The tokens are words 0 .. W - 1, the cues of topic 0, of topic 1, ..., the fillers, and last
    `mask_token`, which stands in no sentence.

    Example (word 7 means topic 1, whose cues are 16 to 23, or topic 3, with 32 to 39):
        >>> tokens, word, sense, _ = Senses("outer", "behind", torn=True)(jax.random.key(0))
        >>> print(tokens, "word", word, "sense", sense)
        [64 62 56 56 67  7 38 20 20 66 65 33] word 7 sense 1

    `floor()` is the loss, in nats per cue, of a model that knows the topic of each cue, and
    `chance()` of one that knows only that it is a cue.

    Shapes: tokens[length].
    Raises: ValueError (an unknown rule, side or half, a size that is too small, an odd number of
    cues, more words than pairs of topics, less than four places on a side of the word).
    """

    rule: Rule | None = None
    side: Side | None = None
    half: int | None = None
    torn: bool = False
    words: int = 8
    topics: int = 6
    cues: int = 8
    fillers: int = 12
    length: int = 12
    place: int = 5

    def __post_init__(self):
        if self.rule not in (None, *get_args(Rule)):
            raise ValueError(f"rule must be one of {get_args(Rule)} or None, got {self.rule!r}")
        if self.side not in (None, *get_args(Side)):
            raise ValueError(f"side must be one of {get_args(Side)} or None, got {self.side!r}")
        if self.half not in (None, 0, 1):
            raise ValueError(f"half must be 0, 1 or None, got {self.half!r}")
        check_at_least(1, words=self.words, fillers=self.fillers)
        check_at_least(2, topics=self.topics, cues=self.cues)
        check_at_least(CUES, place=self.place)
        check_at_least(self.place + 1 + CUES, length=self.length)
        if self.cues % 2 or self.words > math.comb(self.topics, 2):
            raise ValueError(
                "a topic has an even number of cues, and there are no more words than pairs of "
                f"topics; got cues={self.cues}, words={self.words} and topics={self.topics}"
            )

    def __call__(self, key: jax.Array) -> Sentence:
        drawn = jax.random.uniform(key, (5 + 2 * self.length,), jnp.float32)
        upto = lambda u, n: jnp.minimum(u * n, n - 1).astype(int)  # noqa: E731
        for_word, for_sense, for_other, for_rule, for_side = drawn[:5]
        ranks, kinds = drawn[5:].reshape(2, self.length)
        word, sense = upto(for_word, self.words), upto(for_sense, 2)
        meant, own_other = (self.topic(word, s) for s in (sense, 1 - sense))
        other = (meant + 1 + upto(for_other, self.topics - 1)) % self.topics
        rule = upto(for_rule, 2) if self.rule is None else get_args(Rule).index(self.rule)
        cues = self._places(ranks, upto(for_side, 3))
        number = jnp.cumsum(cues) - 1  # of each cue, from 0
        between = (rule == 1) & (number > 0) & (number < CUES - 1)
        topic = jnp.where(between, own_other if self.torn else other, meant)
        some = self.cues if self.half is None else self.cues // 2
        cue = self.words + self.cues * topic + upto(kinds, some) + (self.half or 0) * some
        filler = self.words + self.cues * self.topics + upto(kinds, self.fillers)
        tokens = jnp.where(cues, cue, filler).at[self.place].set(word)
        return Sentence(tokens, word, sense, cues)

    def topic(self, word: jax.Array, sense: jax.Array) -> jax.Array:
        """Return the topic that a word means in one of its senses: every word has its own pair."""
        return (word + sense * (1 + word // self.topics)) % self.topics

    def _places(self, ranks: jax.Array, side: jax.Array) -> jax.Array:
        """Choose where cues stand: ranks[T], any numbers, and side[], the one drawn -> bool[T]."""
        if self.side is not None:
            side = jnp.array(get_args(Side).index(self.side))
        time, before = jnp.arange(self.length), jnp.array([CUES, 0, CUES // 2])[side]
        chosen = jnp.zeros(self.length, bool)
        for there, count in ((time < self.place, before), (time > self.place, CUES - before)):
            lower = there[None] & (ranks[None] < ranks[:, None])  # [T, T]
            chosen |= there & (lower.sum(axis=1) < count)
        return chosen

    @property
    def vocabulary_size(self) -> int:
        return self.mask_token + 1

    @property
    def mask_token(self) -> int:
        return self.words + self.topics * self.cues + self.fillers

    def floor(self) -> float:
        return math.log(self.cues)

    def chance(self) -> float:
        return math.log(self.topics * self.cues)
