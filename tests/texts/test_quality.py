"""Distinct n-grams and words, counted by hand."""

import numpy as np
import pytest

from rnnlib.texts.quality import distinct_n, share_of_words


# abaacab: a b c; ab ba aa ac ca (ab); aba baa aac aca cab.
@pytest.mark.parametrize(("n", "share"), [(1, 3 / 7), (2, 5 / 6), (3, 5 / 5), (7, 1 / 1)])
def test_distinct_n_by_hand(n, share):
    assert distinct_n("abaacab", n) == share
    assert distinct_n(np.array([0, 1, 0, 0, 2, 0, 1]), n) == share


def test_distinct_n_of_words():
    words = ["I", "am", "a", "robot", ".", "I", "am", "a", "robot", "."]
    assert distinct_n(words, 1) == 5 / 10
    assert distinct_n(words, 2) == 5 / 9
    assert distinct_n("aaaaa", 2) == 1 / 4


def test_share_of_words_by_hand():
    vocabulary = {"the", "dog", "barked", "o'er"}
    assert share_of_words("The dog xbarked, the 7 dgo!", vocabulary) == 3 / 5
    assert share_of_words("O'er the dog", vocabulary) == 1
    assert share_of_words("zzz", vocabulary) == 0
    assert share_of_words("  12 ... !", vocabulary) == 0  # no word at all


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: distinct_n([1, 2], 0), r"n must be >= 1, got 0"),
        (lambda: distinct_n([1, 2], 3), r"tokens must hold at least n = 3 symbols, got 2"),
        (lambda: distinct_n("", 1), r"tokens must hold at least n = 1 symbols, got 0"),
        (lambda: share_of_words("", {"a"}), r"text must not be empty"),
        (lambda: share_of_words("a", set()), r"vocabulary must hold at least one word, got none"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
