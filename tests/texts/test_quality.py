"""Distinct n-grams and words, counted by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.texts.quality import distinct_n, share_of_words


# abaacab: a b c; ab ba aa ac ca (ab); aba baa aac aca cab.
@pytest.mark.parametrize(("n", "share"), [(1, 3 / 7), (2, 5 / 6), (3, 5 / 5), (7, 1 / 1)])
def test_distinct_n_by_hand(n, share):
    assert distinct_n("abaacab", n) == share
    assert distinct_n(np.array([0, 1, 0, 0, 2, 0, 1]), n) == share


@pytest.mark.parametrize("make", [jnp.array, np.array, np.float32, list, tuple, bytes])
def test_distinct_n_of_tokens_in_any_container(make):
    assert distinct_n(make([1, 2, 1]), 1) == 2 / 3
    assert distinct_n(make([1, 2, 1, 2]), 2) == 2 / 3


def test_distinct_n_of_a_list_of_numbers_from_arrays():
    assert distinct_n(list(jnp.array([1, 2, 1])), 1) == 2 / 3
    assert distinct_n(list(np.array([1, 2, 1])), 1) == 2 / 3


@pytest.mark.parametrize(
    ("tokens", "got"),
    [
        (jnp.zeros((2, 3), int), "a batch"),
        (np.zeros((2, 3), int), "a batch"),
        ([[1, 2], [3, 4]], "a batch"),
        (list(jnp.zeros((2, 3))), "a batch"),
        (jnp.array(1), "int"),
        ({1, 2}, "set"),
        ({"a": 1}, "dict"),
        (iter("abc"), "str_.*iterator"),
        (None, "NoneType"),
    ],
)
def test_distinct_n_is_of_one_text(tokens, got):
    with pytest.raises(TypeError, match=rf"tokens must be one text, tokens\[T\], got {got}"):
        distinct_n(tokens, 1)


@pytest.mark.parametrize("n", [1.5, True, "2", None])
def test_n_is_a_whole_number(n):
    with pytest.raises(TypeError, match=f"n must be one whole number, got {n!r}"):
        distinct_n("abc", n)


def test_words_are_looked_up_in_a_set_and_not_in_a_string():
    for known in (
        ["the", "dog"],
        ("the", "dog"),
        {"the": 1, "dog": 2},
        np.array(["the", "dog"]),
    ):
        assert share_of_words("the dgo", known) == 1 / 2
    for known in ("the dog", b"the dog", None, 3):
        name = type(known).__name__
        with pytest.raises(TypeError, match=f"known must be a set of words, got {name}"):
            share_of_words("the", known)
    for text in ({"the"}, ["the"], b"the", None):
        with pytest.raises(TypeError, match=f"text must be a string, got {type(text).__name__}"):
            share_of_words(text, {"the"})


def test_distinct_n_of_words():
    words = ["I", "am", "a", "robot", ".", "I", "am", "a", "robot", "."]
    assert distinct_n(words, 1) == 5 / 10
    assert distinct_n(words, 2) == 5 / 9
    assert distinct_n("aaaaa", 2) == 1 / 4


def test_share_of_words_by_hand():
    known = {"the", "dog", "barked", "o'er"}
    assert share_of_words("The dog xbarked, the 7 dgo!", known) == 3 / 5
    assert share_of_words("O'er the dog", known) == 1
    assert share_of_words("zzz", known) == 0
    assert share_of_words("  12 ... !", known) == 0  # no word at all


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: distinct_n([1, 2], 0), r"n must be >= 1, got 0"),
        (lambda: distinct_n([1, 2], 3), r"tokens must hold at least n = 3 symbols, got 2"),
        (lambda: distinct_n("", 1), r"tokens must hold at least n = 1 symbols, got 0"),
        (lambda: share_of_words("", {"a"}), r"text must not be empty"),
        (lambda: share_of_words("a", set()), r"known must hold at least one word, got none"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
