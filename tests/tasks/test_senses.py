"""Sentences with an ambiguous word: plain Python takes every sentence apart."""

import doctest
import math
from collections import Counter
from functools import cache

import jax
import numpy as np
import pytest

from rnnlib.tasks import senses
from rnnlib.tasks.senses import Senses
from rnnlib.tasks.task import batches

WORDS, TOPICS, CUES, FILLERS, PLACE = 8, 6, 8, 12, 5
SIDES = {"before": (4, 0), "behind": (0, 4), "both": (2, 2)}
each_side = pytest.mark.parametrize("side", [*SIDES, None])


@cache
def draw(task):
    """Draw 3,000 sentences as NumPy arrays."""
    return jax.tree.map(np.asarray, batches(task, 3000)(jax.random.key(0)))


def sentences(task):
    """Give tokens, word, sense and cues of each sentence, as Python's numbers."""
    return zip(*(part.tolist() for part in draw(task)), strict=True)


def topics(tokens, cues):
    """Name the topics of the cues in a sentence, in order."""
    return [(token - WORDS) // CUES for token, cue in zip(tokens, cues, strict=True) if cue]


def meanings(word):
    return word % TOPICS, (word % TOPICS + 1 + word // TOPICS) % TOPICS


def test_the_example_in_the_docstring():
    results = doctest.testmod(senses)
    assert results.attempted
    assert not results.failed


@each_side
@pytest.mark.parametrize("rule", ["same", "outer", None])
def test_the_cues_tell_the_topic_that_is_meant(rule, side):
    places, others = Counter(), Counter()
    for tokens, word, sense, cues in sentences(Senses(rule, side)):
        assert tokens[PLACE] == word < WORDS
        assert not cues[PLACE]
        meant, (first, second, third, last) = meanings(word)[sense], topics(tokens, cues)
        assert first == last == meant
        assert second == third
        if rule:
            assert (second == meant) == (rule == "same")
        others[(second - meant) % TOPICS] += 1
        places[sum(cues[:PLACE]), sum(cues[PLACE:])] += 1
        fillers = [t for t, cue in zip(tokens, cues, strict=True) if not cue and t != word]
        assert all(WORDS + TOPICS * CUES <= t < WORDS + TOPICS * CUES + FILLERS for t in fillers)
    assert set(places) == ({SIDES[side]} if side else set(SIDES.values()))
    assert set(others) == {"same": {0}, "outer": {1, 2, 3, 4, 5}, None: {0, 1, 2, 3, 4, 5}}[rule]
    if rule is None:
        assert others[0] / sum(others.values()) == pytest.approx(0.5, abs=0.05)


def test_all_is_drawn_evenly():
    drawn = draw(Senses())
    tokens, cues = drawn.tokens, drawn.cues
    for values, kinds in [
        (2 * drawn.word + drawn.sense, 2 * WORDS),
        (cues[:, :PLACE].sum(axis=1), 3),
        (tokens[cues] % CUES, CUES),
        (tokens[tokens >= WORDS + TOPICS * CUES], FILLERS),
    ]:
        _, counts = np.unique(values, return_counts=True)
        assert len(counts) == kinds
        expected = counts.sum() / kinds
        assert ((counts - expected) ** 2 / expected).sum() < kinds + 5 * math.sqrt(2 * kinds)
    behind = draw(Senses(side="behind")).cues[:, PLACE + 1 :].mean(axis=0)
    np.testing.assert_allclose(behind, 4 / 6, atol=0.05)


def test_a_bag_of_words_cannot_tell_which_topic_a_torn_word_means():
    bags = {0: Counter(), 1: Counter()}
    for tokens, word, sense, cues in sentences(Senses("outer", torn=True)):
        assert set(topics(tokens, cues)) == set(meanings(word))
        bags[sense][word, tuple(sorted(Counter(topics(tokens, cues)).items()))] += 1
    assert set(bags[0]) == set(bags[1])
    assert all(abs(bags[0][bag] - bags[1][bag]) < 5 * math.sqrt(bags[0][bag]) for bag in bags[0])


@pytest.mark.parametrize("rule", ["same", "outer"])
def test_halves_have_no_cue_in_common(rule):
    used = []
    for half in (0, 1):
        drawn = draw(Senses(rule, half=half))
        used.append(set(drawn.tokens[drawn.cues].tolist()))
    assert not used[0] & used[1]
    assert used[0] | used[1] == set(range(WORDS, WORDS + TOPICS * CUES))


def test_every_word_has_its_own_pair_of_topics():
    for topics_, words in [(6, 15), (5, 10), (2, 1), (7, 21)]:
        task = Senses(words=words, topics=topics_)
        pairs = {frozenset(int(task.topic(w, s)) for s in (0, 1)) for w in range(words)}
        assert len(pairs) == words
        assert all(len(pair) == 2 for pair in pairs)


def test_sizes_and_floors():
    task = Senses(words=3, topics=4, cues=6, fillers=5, length=11, place=4)
    drawn = draw(task)
    assert drawn.tokens.shape == (3000, 11)
    assert task.mask_token == 3 + 24 + 5 == task.vocabulary_size - 1
    assert drawn.tokens.max() == task.mask_token - 1
    assert task.floor() == pytest.approx(math.log(6))
    assert task.chance() == pytest.approx(math.log(24))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rule": "last"}, r"rule must be one of .* or None"),
        ({"side": "left"}, "side must be one of"),
        ({"half": 2}, "half must be 0, 1 or None"),
        ({"words": 0}, "words must be a whole number >= 1"),
        ({"fillers": 0}, "fillers must be"),
        ({"topics": 1}, "topics must be a whole number >= 2"),
        ({"cues": 7}, "even number of cues"),
        ({"words": 16}, "no more words than pairs"),
        ({"place": 3}, "place must be a whole number >= 4"),
        ({"length": 9}, "length must be a whole number >= 10"),
    ],
)
def test_bad_settings(settings, said):
    with pytest.raises(ValueError, match=said):
        Senses(**settings)
