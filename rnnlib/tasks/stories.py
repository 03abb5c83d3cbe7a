"""Controlled tasks whose truth is known: each draws one example from a key; batch with `vmap`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

PEOPLE = ("mary", "john", "sandra")
PLACES = ("kitchen", "garden", "office", "bedroom", "hallway", "bathroom")
THINGS = ("milk", "football")
STORY_WORDS = (*PEOPLE, *PLACES, *THINGS, *"went to the picked up where is now . ?".split())
_ID = {word: i for i, word in enumerate(STORY_WORDS)}


def _ids(*words: str) -> jax.Array:
    return jnp.array([_ID[word] for word in words])


class Story(NamedTuple):
    """A story with its question: the tokens end with "?", and the next token is the answer."""

    tokens: jax.Array  # [6 * sentences + 5]
    answer: jax.Array  # the token of a place
    distractors: jax.Array  # how many sentences stand behind the oldest one that is needed


def story(key: jax.Array, *, sentences: int = 8, facts: int = 1) -> Story:
    """Draw a story in which people walk about and pick things up, and ask where one of them is.

    With `facts=1`: "mary went to the kitchen . [...] where is mary now ?" needs the last sentence
    that moves Mary. With `facts=2`: "john picked up the milk . [...] where is milk now ?" needs
    the last one who picked up the milk, and the last sentence that moves him. Every person is
    moved, and then, with two facts, every thing picked up, before the rest is drawn at random.

    Example: `story_text(story(key).tokens)`.

    Raises:
        ValueError: facts is not 1 or 2, or there are too few sentences to introduce everybody.
    Reference: Weston et al. (2015), "Towards AI-complete question answering", tasks 1 and 2; here
    things can be picked up from anywhere, so that two sentences always suffice.
    """
    shortest = len(PEOPLE) + (len(THINGS) if facts == 2 else 0)
    if facts not in (1, 2):
        raise ValueError(f"facts must be 1 or 2, got {facts}")
    if sentences < shortest:
        raise ValueError(f"with {facts} facts sentences must be >= {shortest}, got {sentences}")
    who, what, where, takes = _plot(key, sentences, facts)
    text = jnp.where(
        takes[:, None],
        _sentences(_ids(*PEOPLE)[who], "picked up the", _ids(*THINGS)[what]),
        _sentences(_ids(*PEOPLE)[who], "went to the", _ids(*PLACES)[where]),
    )
    order = jnp.arange(sentences)
    asked = jax.random.fold_in(key, 1)
    if facts == 1:
        person, taken = jax.random.randint(asked, (), 0, len(PEOPLE)), sentences
        subject = _ids(*PEOPLE)[person]
    else:
        thing = jax.random.randint(asked, (), 0, len(THINGS))
        taken = jnp.max(jnp.where(takes & (what == thing), order, -1))
        person, subject = who[taken], _ids(*THINGS)[thing]
    moved = jnp.max(jnp.where(~takes & (who == person), order, -1))
    question = jnp.concatenate([_ids("where", "is"), subject[None], _ids("now", "?")])
    tokens = jnp.concatenate([text.reshape(-1), question])
    return Story(tokens, _ids(*PLACES)[where[moved]], sentences - 1 - jnp.minimum(moved, taken))


def _plot(key: jax.Array, sentences: int, facts: int) -> tuple[jax.Array, ...]:
    """Draw who does what, where, in each sentence, and which sentences pick something up."""
    keys = jax.random.split(key, 6)
    people, things = len(PEOPLE), len(THINGS)
    who = jax.random.randint(keys[0], (sentences,), 0, people)
    who = who.at[:people].set(jax.random.permutation(keys[1], people))
    what = jax.random.randint(keys[2], (sentences,), 0, things)
    where = jax.random.randint(keys[3], (sentences,), 0, len(PLACES))
    if facts == 1:
        return who, what, where, jnp.zeros(sentences, bool)
    introduced = slice(people, people + things)
    what = what.at[introduced].set(jax.random.permutation(keys[4], things))
    takes = jax.random.bernoulli(keys[5], 0.5, (sentences,))
    takes = takes.at[:people].set(False).at[introduced].set(True)
    return who, what, where, takes


def _sentences(subject: jax.Array, verb: str, thing: jax.Array) -> jax.Array:
    """Write one sentence in each row: [sentences, 6]."""
    middle = jnp.broadcast_to(_ids(*verb.split())[None, :], (len(subject), 3))
    stop = jnp.full(len(subject), _ID["."])
    return jnp.concatenate([subject[:, None], middle, thing[:, None], stop[:, None]], axis=1)


def story_text(tokens: jax.Array) -> str:
    """Turn a story's tokens into sentences, one on each line."""
    words = " ".join(STORY_WORDS[i] for i in np.asarray(tokens))
    return words.replace(" . ", ".\n").replace(" ?", "?")
