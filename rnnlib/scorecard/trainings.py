"""What a scorecard's networks are trained on, tuned by, and asked.

All trainings have one vocabulary and one of two shapes, and are drawn apart from any model: so a
model compiles what trains it and what reads with it twice, however many trainings there are.
"""

from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from rnnlib.tasks.binding import AssociativeRecall
from rnnlib.tasks.grammars import Agreement
from rnnlib.tasks.hidden_markov import HiddenMarkov, draw_hidden_markov
from rnnlib.tasks.task import Example, batches
from rnnlib.tasks.tracking import Parity
from rnnlib.texts import corpora
from rnnlib.texts.windows import Split, split, windows

VOCABULARY = 40  # of every training, however few tokens it needs
LETTERS = "\n !$&',-.:;?abcdefghijklmnopqrstuvwxyz"  # those of the plays, in lower case
SHORT, LONG = (64, 24), (32, 64)  # sequences in a batch, tokens in a sequence
ASKED = 512  # sequences that a network is tuned by, and asked


class Training:
    """A task to train on; where a subclass does not say otherwise, also to be tuned by and asked.

    Questions are an `Example` with leading axes [N, T], or have its fields in front.
    """

    shape = SHORT
    task: Any
    tuned_by: Any = None
    asked: Any = None

    def draw(self, key: jax.Array, step: jax.Array, pretraining: int) -> Any:
        """Draw the batch of a step."""
        return padded(batches(self.task, self.shape[0])(key))

    def tuning(self, key: jax.Array) -> Any:
        """Draw the questions by which the learning rate is chosen."""
        return padded(batches(self.tuned_by or self.task, ASKED)(key))

    def test(self, key: jax.Array) -> Any:
        """Draw the questions that are asked in the end."""
        return padded(batches(self.asked or self.task, ASKED)(key))

    def score(self, logits: jax.Array, questions: Any) -> jax.Array:
        """Return what the learning rate is chosen by; less is better: logits[N, T, V] -> []."""
        return cross_entropy(logits, questions)

    def mark(self, logits: jax.Array, questions: Any) -> jax.Array:
        """Return what stands in the row: logits[N, T, V] -> []."""
        right = logits.argmax(axis=-1) == questions.targets
        return right.mean(where=questions.mask)


class Binding(Training):
    """Six pairs of 16 keys and 16 values; then each key is asked for its value."""

    task = AssociativeRecall(6, keys=16, values=16, length=SHORT[1])


class PretrainedBinding(Binding):
    """The same behind a pretraining on its own questions, token by token (Amos et al., 2024)."""

    def draw(self, key: jax.Array, step: jax.Array, pretraining: int) -> Example:
        recall = super().draw(key, step, pretraining)
        ahead = jnp.roll(recall.inputs, -1, axis=1)
        counts = jnp.broadcast_to(jnp.arange(SHORT[1]) < SHORT[1] - 1, ahead.shape)
        itself = Example(recall.inputs, ahead, counts)
        return jax.tree.map(partial(jnp.where, step < pretraining), itself, recall)


class Late(Parity):
    """Parity, of which only the positions from 45 on count."""

    def __call__(self, key: jax.Array) -> Example:
        example = super().__call__(key)
        return example._replace(mask=jnp.arange(self.length) >= 44)


class Tracking(Training):
    """Parity at each of 24 positions; asked at positions 45 to 64."""

    task, asked = Parity(SHORT[1]), Late(LONG[1])


class Nesting(Training):
    """Sentences of up to 3 clauses, tuned by those of up to 4, asked with 5 for the main verb."""

    task, tuned_by, asked = (Agreement("centre", depths) for depths in ((0, 3), (0, 4), 5))

    def score(self, logits: jax.Array, questions: Any) -> jax.Array:
        return 1 - self._agreement(self.tuned_by, logits, questions).mean()

    def mark(self, logits: jax.Array, questions: Any) -> jax.Array:
        return (self._agreement(self.asked, logits, questions) > 0.5).mean()

    def _agreement(self, grammar: Agreement, logits: jax.Array, sentences: Any) -> jax.Array:
        return jax.vmap(grammar.agreement)(logits[..., : grammar.vocabulary_size], sentences)


class OwnText(Training):
    """A language whose true law is known: four Markov chains over eight tokens, by turns."""

    shape = LONG

    @property
    def task(self) -> HiddenMarkov:
        return hidden()


class Characters(Training):
    """Shakespeare's plays by characters, tuned and tested on parts that were not trained on."""

    shape = LONG

    def draw(self, key: jax.Array, step: jax.Array, pretraining: int) -> Example:
        return continued(windows(plays().train, LONG[1], LONG[0])(key))

    def tuning(self, key: jax.Array) -> Example:
        return continued(windows(plays().validation, LONG[1], ASKED)(key))

    def test(self, key: jax.Array) -> Example:
        return continued(windows(plays().test, LONG[1], ASKED)(key))

    def mark(self, logits: jax.Array, questions: Example) -> jax.Array:
        return cross_entropy(logits, questions) / jnp.log(2)


TRAININGS: dict[str, Training] = {
    "binding": Binding(), "tracking": Tracking(), "nesting": Nesting(),
    "binding, pretrained": PretrainedBinding(), "own text": OwnText(), "characters": Characters(),
}  # fmt: skip


def cross_entropy(logits: jax.Array, questions: Any) -> jax.Array:
    """Return the mean of -log p(target) over what counts, in nats: logits[N, T, V] -> []."""
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, questions.targets)
    return losses.mean(where=questions.mask)


def padded(questions: Any) -> Any:
    """Fill up sequences shorter than SHORT with tokens 0 that do not count."""
    missing = max(0, SHORT[1] - questions.inputs.shape[1])
    fill = lambda x: jnp.pad(x, ((0, 0), (0, missing)))  # noqa: E731
    whole = {name: fill(getattr(questions, name)) for name in Example._fields}
    return questions._replace(**whole)


def continued(tokens: jax.Array) -> Example:
    """Ask for each next token: tokens[N, T + 1] -> leaves [N, T]."""
    return Example(tokens[:, :-1], tokens[:, 1:], jnp.ones_like(tokens[:, 1:], bool))


def encode(text: str) -> np.ndarray:
    """Turn a text's characters into numbers, as in LETTERS, in lower case.

    Raises: ValueError (a character that is none of them).
    """
    number = {letter: n for n, letter in enumerate(LETTERS)}
    if unknown := set(text.lower()) - set(number):
        raise ValueError(f"these characters are not among LETTERS: {sorted(unknown)}")
    return np.array([number[letter] for letter in text.lower()], np.int32)


@cache
def plays() -> Split:
    """Return Shakespeare's plays as numbers, cut into train, validation and test."""
    return split(encode(corpora.load("shakespeare")))


@cache
def hidden() -> HiddenMarkov:
    """Return the language whose law is known; one and the same, so that rows can be compared."""
    with jax.ensure_compile_time_eval():
        return draw_hidden_markov(jax.random.key(16), switch=0.1, length=LONG[1])
