"""Stories: the answer that a reader would give, by reading the words."""

import jax
import numpy as np
import pytest

from rnnlib.tasks.stories import PEOPLE, PLACES, STORY_WORDS, story, story_text


def read(text):
    """Answer a story's question in plain Python: (place, sentences behind the oldest needed)."""
    *sentences, question = text.split("\n")
    place, moved, holder, taken = {}, {}, {}, {}
    for i, sentence in enumerate(sentences):
        who, *_, last = sentence.rstrip(".").split()
        if "picked up" in sentence:
            holder[last], taken[last] = who, i
        else:
            place[who], moved[who] = last, i
    subject = question.split()[2]
    person = holder.get(subject, subject)
    oldest = min(moved[person], taken.get(subject, len(sentences)))
    return place[person], len(sentences) - 1 - oldest


@pytest.mark.slow
@pytest.mark.parametrize(("sentences", "facts"), [(3, 1), (9, 1), (5, 2), (12, 2)])
def test_the_answer_is_what_a_reader_would_say(sentences, facts):
    keys = jax.random.split(jax.random.key(facts), 200)
    drawn = jax.vmap(lambda key: story(key, sentences=sentences, facts=facts))(keys)
    assert drawn.tokens.shape == (200, 6 * sentences + 5)
    for tokens, answer, distractors in zip(*map(np.asarray, drawn), strict=True):
        assert (STORY_WORDS[answer], distractors) == read(story_text(tokens))


@pytest.mark.slow
def test_places_and_people_are_asked_for_evenly():
    drawn = jax.vmap(story)(jax.random.split(jax.random.key(0), 6000))
    counts = np.bincount(drawn.answer - len(PEOPLE), minlength=len(PLACES))
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000 * 5 / 6)  # five standard deviations


def test_a_story_needs_room_for_everybody():
    with pytest.raises(ValueError, match="with 2 facts sentences must be >= 5, got 4"):
        story(jax.random.key(0), sentences=4, facts=2)
    with pytest.raises(ValueError, match="facts must be 1 or 2, got 3"):
        story(jax.random.key(0), facts=3)
