"""Penalties: what has been said is made less likely, before a decoder chooses.

A penalty is a function (logits[V], tokens[P + length]) -> logits[V], with tokens as in
`strategies`: the prompt and the text so far, the last one at the end; V, which is no token, stands
before the first. `greedy`, `sample` and `beam_search` all take it, as `penalties=`.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from rnnlib.decoding.strategies import Penalties, checked_count, checked_number


def penalties(
    repetition: float = 1.0, frequency: float = 0.0, block_ngrams: int | None = None
) -> Penalties:
    """Make the function that lowers the logits of what would repeat the prompt or the text so far.

    With c_w, how often w has been said, prompt included, in this order:

        l_w <- l_w / repetition if l_w > 0 else l_w * repetition    where c_w > 0
        l_w <- l_w - frequency * c_w
        l_w <- -inf    where the last n - 1 tokens and w make an n-gram that has been said

    A repetition of 1, a frequency of 0 and no n = `block_ngrams` change nothing; a repetition under
    1 or a frequency under 0 rewards. The first depends on where the model's logits have their zero,
    which no probability does. n = 1 blocks every token said, n > P + length none. A stop symbol is
    a token like others: where it can be blocked, a text may not end.

    Shapes and units: logits[V] in nats, tokens int[P + length] -> logits[V]. Another repetition or
    frequency compiles nothing, another n does.
    Raises: ValueError (a repetition that is not > 0 and finite, a frequency that is not finite,
    block_ngrams < 1), TypeError (what is not one number; a block_ngrams that is not a whole one).
    Reference: Keskar et al. (2019), CTRL, a conditional Transformer language model (repetition,
    there for positive logits only: divided, a negative one would become likelier); Paulus, Xiong
    and Socher (2017), A deep reinforced model for abstractive summarization (blocked trigrams).
    See lesson 10.
    """
    repetition = checked_number("repetition", repetition)
    if not (repetition > 0 and np.isfinite(repetition)):
        raise ValueError(f"repetition must be > 0 and finite, got {repetition}")
    if not np.isfinite(frequency := checked_number("frequency", frequency)):
        raise ValueError(f"frequency must be finite, got {frequency}")
    if (
        block_ngrams is not None
        and (block_ngrams := checked_count("block_ngrams", block_ngrams)) < 1
    ):
        raise ValueError(f"block_ngrams must be >= 1, got {block_ngrams}")
    return _Penalties(repetition, frequency, block_ngrams)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["repetition", "frequency"],
    meta_fields=["block_ngrams"],
)
@dataclass(frozen=True)
class _Penalties:
    """See `penalties`. A pytree of its numbers, which are traced; n is a size, part of its type."""

    repetition: float
    frequency: float
    block_ngrams: int | None

    def __call__(self, logits: jax.Array, tokens: jax.Array) -> jax.Array:
        said = jnp.zeros(len(logits)).at[tokens].add(1)  # [V]; the V before the first falls out
        lower = jnp.where(logits > 0, logits / self.repetition, logits * self.repetition)
        logits = jnp.where(said > 0, lower, logits) - self.frequency * said
        if self.block_ngrams is None:
            return logits
        return jnp.where(_completing(tokens, self.block_ngrams, len(logits)), -jnp.inf, logits)


def _completing(tokens: jax.Array, n: int, vocabulary_size: int) -> jax.Array:
    """Mark the tokens that would complete an n-gram that has been said: -> bool[V]."""
    none = jnp.zeros(vocabulary_size, bool)
    starts = len(tokens) - n + 1  # the number of n-grams, and where the last n - 1 tokens start
    if starts < 1:
        return none
    before = tokens[jnp.arange(starts)[:, None] + jnp.arange(n - 1)[None, :]]  # [starts, n - 1]
    # With fewer than n - 1 tokens a V is among the last ones, and only they themselves match them.
    again = (before == tokens[None, starts:]).all(axis=1)  # [starts]
    return none.at[tokens[n - 1 :]].max(again)
