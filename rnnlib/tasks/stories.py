"""Stories with a question, whose answer is known."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnlib.tasks.task import answered_last

PEOPLE = ("mary", "john", "sandra")
PLACES = ("kitchen", "garden", "office", "bedroom", "hallway", "bathroom")
THINGS = ("milk", "football")
STORY_WORDS = (*PEOPLE, *PLACES, *THINGS, *"went to the picked up where is now . ?".split())
_ID = {word: i for i, word in enumerate(STORY_WORDS)}


def _ids(*words: str) -> jax.Array:
    return jnp.array([_ID[word] for word in words])


class Story(NamedTuple):
    """A story with its question, which ends with "?"; the answer is due there."""

    inputs: jax.Array  # [6 * sentences + 5] tokens
    targets: jax.Array  # [6 * sentences + 5], last the token of a place; 0 elsewhere
    mask: jax.Array  # [6 * sentences + 5], True at the last position
    distractors: jax.Array  # how many sentences stand behind the oldest one that is needed


@dataclass(frozen=True)
class Stories:
    """Say where somebody is, at the end of a story in which people walk about and pick things up.

    With `facts=1`: "mary went to the kitchen . [...] where is mary now ?" needs the last sentence
    that moves Mary. With `facts=2`: "john picked up the milk . [...] where is milk now ?" needs
    the last one who picked up the milk, and the last sentence that moves him. Every person is
    moved, and then, with two facts, every thing picked up, before the rest is drawn at random.

    Example (the answer is "kitchen"):
        >>> print(story_text(Stories(sentences=3)(jax.random.key(0)).inputs))
        mary went to the bedroom.
        john went to the kitchen.
        sandra went to the garden.
        where is john now?

    Shapes: inputs[6 sentences + 5], tokens. `floor()` is the accuracy of guessing, 1 / 6 places;
    whoever names the place that was named last is right more often (lesson 02 counts it).
    Raises: ValueError (facts other than 1 or 2, or too few sentences to introduce everybody).
    Reference: Weston et al. (2015), "Towards AI-complete question answering", tasks 1 and 2; here
    things can be picked up from anywhere, so that two sentences always suffice.
    """

    sentences: int = 8
    facts: int = 1

    def __post_init__(self):
        if self.facts not in (1, 2):
            raise ValueError(f"facts must be 1 or 2, got {self.facts}")
        shortest = len(PEOPLE) + (len(THINGS) if self.facts == 2 else 0)
        if not (isinstance(self.sentences, int) and self.sentences >= shortest):
            raise ValueError(
                f"with {self.facts} facts sentences must be >= {shortest}, got {self.sentences}"
            )

    def __call__(self, key: jax.Array) -> Story:
        *plot, asked = jax.random.split(key, 7)
        who, what, where, takes = self._plot(plot)
        text = jnp.where(
            takes[:, None],
            _sentences(_ids(*PEOPLE)[who], "picked up the", _ids(*THINGS)[what]),
            _sentences(_ids(*PEOPLE)[who], "went to the", _ids(*PLACES)[where]),
        )
        order = jnp.arange(self.sentences)
        if self.facts == 1:
            person, taken = jax.random.randint(asked, (), 0, len(PEOPLE)), self.sentences
            subject = _ids(*PEOPLE)[person]
        else:
            thing = jax.random.randint(asked, (), 0, len(THINGS))
            taken = jnp.max(jnp.where(takes & (what == thing), order, -1))
            person, subject = who[taken], _ids(*THINGS)[thing]
        moved = jnp.max(jnp.where(~takes & (who == person), order, -1))
        question = jnp.concatenate([_ids("where", "is"), subject[None], _ids("now", "?")])
        tokens = jnp.concatenate([text.reshape(-1), question])
        distractors = self.sentences - 1 - jnp.minimum(moved, taken)
        return Story(*answered_last(tokens, _ids(*PLACES)[where[moved]]), distractors)

    def _plot(self, keys: list[jax.Array]) -> tuple[jax.Array, ...]:
        """Draw who does what, where, in each sentence, and which sentences pick something up."""
        sentences, people, things = self.sentences, len(PEOPLE), len(THINGS)
        who = jax.random.randint(keys[0], (sentences,), 0, people)
        who = who.at[:people].set(jax.random.permutation(keys[1], people))
        what = jax.random.randint(keys[2], (sentences,), 0, things)
        where = jax.random.randint(keys[3], (sentences,), 0, len(PLACES))
        if self.facts == 1:
            return who, what, where, jnp.zeros(sentences, bool)
        introduced = slice(people, people + things)
        what = what.at[introduced].set(jax.random.permutation(keys[4], things))
        takes = jax.random.bernoulli(keys[5], 0.5, (sentences,))
        takes = takes.at[:people].set(False).at[introduced].set(True)
        return who, what, where, takes

    @property
    def vocabulary_size(self) -> int:
        return len(STORY_WORDS)

    def floor(self) -> float:
        return 1 / len(PLACES)


def _sentences(subject: jax.Array, verb: str, thing: jax.Array) -> jax.Array:
    """Write one sentence in each row: [sentences, 6]."""
    middle = jnp.broadcast_to(_ids(*verb.split())[None, :], (len(subject), 3))
    stop = jnp.full(len(subject), _ID["."])
    return jnp.concatenate([subject[:, None], middle, thing[:, None], stop[:, None]], axis=1)


def story_text(tokens: jax.Array) -> str:
    """Turn a story's tokens into sentences, one on each line."""
    words = " ".join(STORY_WORDS[i] for i in np.asarray(tokens))
    return words.replace(" . ", ".\n").replace(" ?", "?")
