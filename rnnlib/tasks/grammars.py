"""Small languages in which a noun decides a later verb: its number, or the very word."""

import math
from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

BRANCHINGS = ("right", "centre")
NOUNS = "dog cat bird horse girl boy nurse friend".split()
VERBS = "chase see hear like know help call meet".split()
WORDS = (".", "that", *NOUNS, *(f"{n}s" for n in NOUNS), *(f"{v}s" for v in VERBS), *VERBS)


class Sentence(NamedTuple):
    """A sentence for predicting each next token; full stops fill up what stands behind it."""

    inputs: jax.Array  # [L] tokens, from the full stop before the sentence on
    targets: jax.Array  # [L], the tokens one later
    mask: jax.Array  # [L], True where the target belongs to the sentence
    main: jax.Array  # targets[main] is the main verb
    depth: jax.Array  # how many relative clauses there are


class _Grammar:
    """Sentences with d relative clauses, in which the kind of a noun decides the kind of its verb.

    They are laid out as `Agreement` shows. The tokens are ".", "that", the nouns, kind by kind, and
    the verbs, kind by kind: of both there are `kinds` kinds with `each` words.
    """

    branching: str
    depths: int | tuple[int, int]
    kinds: int
    each: int
    words: tuple[str, ...]

    def __post_init__(self):
        if self.branching not in BRANCHINGS:
            raise ValueError(f"branching must be one of {BRANCHINGS}, got {self.branching!r}")
        depths = self._depths()
        whole = len(depths) == 2 and all(isinstance(depth, int) for depth in depths)
        if not (whole and 0 <= depths[0] <= depths[1]):
            raise ValueError(
                "depths must be a whole number d or a tuple (low, high) with 0 <= low <= high, "
                f"got {self.depths}"
            )

    def __call__(self, key: jax.Array) -> Sentence:
        low, high = self._depths()
        keys = jax.random.split(key, 3)
        depth = jax.random.randint(keys[0], (), low, high + 1)
        noun_at, verb_at, owner = self._layout(depth)
        kinds = self._kinds(keys[1], high + 1)
        kinds = jnp.stack([kinds, self.kinds + kinds[owner]])  # behind the nouns, the verbs
        words = jax.random.randint(keys[2], (2, high + 1), 0, self.each)
        nouns, verbs = 2 + self.each * kinds + words
        tokens = jnp.zeros(3 * high + 4, nouns.dtype)
        tokens = tokens.at[noun_at].set(nouns).at[noun_at + 1].set(1).at[verb_at].set(verbs)
        tokens = jnp.where(jnp.arange(len(tokens)) < 3 * depth + 3, tokens, 0)
        mask = jnp.arange(len(tokens) - 1) < 3 * depth + 3
        return Sentence(tokens[:-1], tokens[1:], mask, 3 * depth + 1, depth)

    def _depths(self) -> tuple[int, ...]:
        return self.depths if isinstance(self.depths, tuple) else (self.depths, self.depths)

    def _layout(self, depth: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Say where nouns and verbs stand, and to which noun each verb belongs: three [high + 1].

        Nouns, each with a "that", are written first, then verbs: what is too many is overwritten,
        or stands behind the sentence's end and is erased.
        """
        i = jnp.arange(self._depths()[1] + 1)
        if self.branching == "right":
            main = i == depth
            return 3 * i + 1, jnp.where(main, 3 * i + 2, 3 * i + 3), jnp.where(main, 0, i)
        return 2 * i + 1, 2 * depth + 2 + i, depth - i

    def _kinds(self, key: jax.Array, nouns: int) -> jax.Array:
        """Draw the kind of each noun."""
        return jax.random.randint(key, (nouns,), 0, self.kinds)

    def _noun_entropy(self, depth: float) -> float:
        """Return the nats in the nouns of a sentence."""
        return (depth + 1) * math.log(self.kinds * self.each)

    @property
    def vocabulary_size(self) -> int:
        return 2 + 2 * self.kinds * self.each

    def floor(self) -> float:
        """Return the entropy of the language, in nats per token that counts (where `mask` is True).

        The depth is one of high - low + 1; nouns are free, verbs within their kind; "that" and "."
        follow from the depth: (ln(high - low + 1) + E[H(nouns) + (d + 1) ln each]) / E[3d + 3].
        """
        low, high = self._depths()
        mean = (low + high) / 2
        verbs = (mean + 1) * math.log(self.each)
        return (math.log(high - low + 1) + self._noun_entropy(mean) + verbs) / (3 * mean + 3)

    def agreement(self, logits: jax.Array, sentence: Sentence) -> jax.Array:
        """Return P(verbs of the right kind) / P(all verbs) where the main verb is to come.

        Shapes: logits[L, V] of one sentence -> a share in 0 .. 1; knowing nothing gives 1 / kinds.
        Raises: ValueError (logits of another vocabulary).
        """
        if logits.shape[-1] != self.vocabulary_size:
            raise ValueError(f"logits must be [L, {self.vocabulary_size}], got {logits.shape}")
        verbs = self.kinds * self.each
        shares = jax.nn.softmax(logits[sentence.main, -verbs:]).reshape(self.kinds, self.each)
        kind = (sentence.targets[sentence.main] - 2 - verbs) // self.each
        return shares[kind].sum()

    def text(self, tokens: jax.Array) -> str:
        """Turn tokens[N] into words."""
        return " ".join(self.words[token] for token in np.asarray(tokens))


@dataclass(frozen=True)
class Agreement(_Grammar):
    """English sentences with d relative clauses, whose verbs agree with their nouns in number.

    right:   . N1 (that V N)^d V1 .                         V agrees with the noun before "that"
    centre:  . N1 that N2 ... that N_d+1 V_d+1 ... V2 V1 .  V_i agrees with N_i

    Either has 3d + 4 tokens, of which the last but one is the main verb, V1. `depths` is d, or
    (low, high), between which d is drawn uniformly. Numbers are independent; with `opposite` all
    nouns but N1 have the number that N1 has not, so that to follow the nearest noun is an error.
    WORDS are ".", "that", 8 nouns in the singular and in the plural, and 8 verbs likewise.

    Example (right, then centre):
        >>> for branching in BRANCHINGS:
        ...     grammar = Agreement(branching, 2)
        ...     sentence = grammar(jax.random.key(0))
        ...     print(grammar.text(sentence.inputs), "->", grammar.text(sentence.targets[-1:]))
        . horse that likes nurse that knows friend hears -> .
        . horse that nurse that friend likes knows hears -> .

    Shapes: inputs[3 high + 3], tokens.
    Raises: ValueError (another branching, or depths that are not 0 <= low <= high).
    Reference: after Elman (1991), "Distributed representations, simple recurrent networks, and
    grammatical structure", and Linzen, Dupoux and Goldberg (2016), "Assessing the ability of LSTMs
    to learn syntax-sensitive dependencies". Derived in lesson 05.
    """

    branching: str
    depths: int | tuple[int, int]
    _: KW_ONLY
    opposite: bool = False

    kinds = 2
    each = len(NOUNS)
    words = WORDS

    def _kinds(self, key: jax.Array, nouns: int) -> jax.Array:
        kinds = super()._kinds(key, nouns)
        return kinds.at[1:].set(1 - kinds[0]) if self.opposite else kinds

    def _noun_entropy(self, depth: float) -> float:
        return super()._noun_entropy(depth) - self.opposite * depth * math.log(2)


@dataclass(frozen=True)
class Selectional(_Grammar):
    """Sentences in which each noun has a verb of its own, so that a memory must hold every noun.

    The layout is that of `Agreement`; nouns are drawn independently and uniformly, and noun n7 has
    the verb v7. The words are ".", "that", n0 .. and v0 .. .

    Example:
        >>> grammar = Selectional(2)
        >>> print(grammar.text(grammar(jax.random.key(0)).inputs))
        . n14 that n6 that n8 v8 v6 v14

    Shapes: inputs[3 high + 3], tokens.
    Raises: ValueError (what `Agreement` refuses, or under 2 nouns).
    Reference: after Hewitt et al. (2020), "RNNs can generate bounded hierarchical languages with
    optimal memory", whose brackets are nouns and verbs here. Derived in lesson 05.
    """

    depths: int | tuple[int, int]
    nouns: int = 16
    _: KW_ONLY
    branching: str = "centre"

    each = 1

    def __post_init__(self):
        super().__post_init__()
        if self.nouns < 2:
            raise ValueError(f"nouns must be >= 2, got {self.nouns}")

    @property
    def kinds(self) -> int:
        return self.nouns

    @property
    def words(self) -> tuple[str, ...]:
        names = [f"{letter}{i}" for letter in "nv" for i in range(self.nouns)]
        return (".", "that", *names)

    def bits(self, depth: int) -> float:
        """Return the bits that must be held at the worst place, to know all verbs yet to come.

        centre: (depth + 1) log2(nouns), behind the last noun; right: those of N1 and, from depth
        2 on, of one noun more.
        """
        held = depth + 1 if self.branching == "centre" else min(max(depth, 1), 2)
        return held * math.log2(self.nouns)
