"""Stories: the answer that a reader would give, by reading the words."""

import doctest

import jax
import numpy as np
import pytest

from rnnlib.tasks import stories
from rnnlib.tasks.stories import PEOPLE, PLACES, STORY_WORDS, Stories, story_text
from rnnlib.tasks.task import batches


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


def test_the_example_in_the_docstring():
    found = doctest.testmod(stories)
    assert found.attempted == 1
    assert found.failed == 0


def draw(task, size, seed):
    """Draw stories as NumPy arrays."""
    return jax.tree.map(np.asarray, jax.jit(batches(task, size))(jax.random.key(seed)))


@pytest.mark.slow
@pytest.mark.parametrize(("sentences", "facts"), [(3, 1), (9, 1), (5, 2), (12, 2)])
def test_the_answer_is_what_a_reader_would_say(sentences, facts):
    drawn = draw(Stories(sentences, facts), 200, seed=facts)
    assert drawn.inputs.shape == (200, 6 * sentences + 5)
    for inputs, targets, mask, distractors in zip(*drawn, strict=True):
        assert (STORY_WORDS[targets[-1]], distractors) == read(story_text(inputs))
        assert mask.tolist() == [False] * (len(inputs) - 1) + [True]


@pytest.mark.slow
def test_places_and_people_are_asked_for_evenly():
    drawn = draw(Stories(), 6000, seed=0)
    counts = np.bincount(drawn.targets[:, -1] - len(PEOPLE), minlength=len(PLACES))
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000 * 5 / 6)  # five standard deviations
    asked = np.bincount(drawn.inputs[:, -3], minlength=3)
    assert np.abs(asked - 2000).max() < 5 * np.sqrt(2000 * 2 / 3)
    assert Stories().floor() == pytest.approx(counts.mean() / 6000)


def test_a_story_needs_room_for_everybody():
    with pytest.raises(ValueError, match="with 2 facts sentences must be >= 5, got 4"):
        Stories(sentences=4, facts=2)
    with pytest.raises(ValueError, match="facts must be 1 or 2, got 3"):
        Stories(facts=3)
