"""Metrics against values counted by hand."""

import numpy as np
import pytest

from rnnlib.metrics import (
    bits,
    copied_shares,
    distinct_n,
    longest_copy,
    perplexity,
    rhymes,
    share_of_words,
)


def test_bits_and_perplexity_of_a_fair_coin_and_of_a_die():
    assert bits(np.log(2)) == pytest.approx(1)
    assert bits(np.log(64)) == pytest.approx(6)
    assert perplexity(np.log(6)) == pytest.approx(6)
    assert perplexity(0) == 1


def test_bits_and_perplexity_take_arrays_and_lists():
    np.testing.assert_allclose(bits(np.log([[2, 4], [8, 16]])), [[1, 2], [3, 4]])
    np.testing.assert_allclose(perplexity([0.0, np.log(10)]), [1, 10])
    assert f"{bits(np.float32(1.0)):.3f}" == "1.443"


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
    ("text", "source", "copy"),
    [
        ("xxthe dogyy", "a cat, the dog, a hen", "the dog"),
        ("the dog", "see the dog run", "the dog"),  # all of it
        ("see the dog run", "the dog", "the dog"),  # all of the source
        ("abcXdef", "defYabc", "abc"),  # of two the first in the text
        ("aaaa", "aa", "aa"),
        ("abc", "xyz", ""),
        ("xyzé", "aéb", "é"),
        ("a\x85b", "b\x05a", "a"),  # codes of pairs that a narrower numbering would mix up
        ("a\U0010ffffb", "\U0010ffffbc", "\U0010ffffb"),
    ],
)
def test_longest_copy_by_hand(text, source, copy):
    assert longest_copy(text, source) == copy


def test_copies_are_those_of_brute_force():
    rng = np.random.default_rng(0)
    for _ in range(60):
        letters = "ab" if rng.random() < 0.5 else "abcd"
        text, source = ("".join(rng.choice(list(letters), size)) for size in rng.integers(1, 40, 2))
        substrings = [text[i:j] for i in range(len(text)) for j in range(i + 1, len(text) + 1)]
        copies = [s for s in substrings if s in source]
        assert longest_copy(text, source) == max(copies, key=len, default="")
        for n, share in enumerate(copied_shares(text, source, len(text)), start=1):
            grams = [text[i : i + n] for i in range(len(text) - n + 1)]
            assert share == sum(g in source for g in grams) / len(grams)


def test_copied_shares_by_hand():
    np.testing.assert_allclose(copied_shares("abcd", "xbcy", 4), [2 / 4, 1 / 3, 0, 0])
    np.testing.assert_allclose(copied_shares("abab", "ab", 2), [1, 2 / 3])  # each time it comes


def test_a_planted_copy_is_found_in_a_long_source():
    rng = np.random.default_rng(1)
    source = "".join(rng.choice(list("etaoin shrdlu"), 200_000))
    text = "QQ" + source[150_000:150_060] + "QQ" + source[10:50]
    assert longest_copy(text, source) == source[150_000:150_060]
    assert copied_shares(text, source, 41)[-1] == 20 / (104 - 41 + 1)


SPOKEN = {
    "love": [("L", "AH1", "V")],
    "dove": [("D", "AH1", "V"), ("D", "OW1", "V")],
    "prove": [("P", "R", "UW1", "V")],
    "above": [("AH0", "B", "AH1", "V")],
    "never": [("N", "EH1", "V", "ER0")],
    "ever": [("EH1", "V", "ER0")],
    "the": [("DH", "AH0")],
    "a": [("AH0",)],
}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("love", "dove", True),  # one of two pronunciations is enough
        ("love", "above", True),
        ("love", "prove", False),
        ("love", "love", False),  # a word does not rhyme with itself
        ("never", "ever", True),
        ("the", "a", True),  # no stress: from the last vowel on
    ],
)
def test_rhymes_by_hand(one, other, expected):
    assert rhymes(one, other, SPOKEN) is expected
    assert rhymes(other, one, SPOKEN) is expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: distinct_n([1, 2], 0), r"n must be >= 1, got 0"),
        (lambda: distinct_n([1, 2], 3), r"tokens must hold at least n = 3 symbols, got 2"),
        (lambda: distinct_n("", 1), r"tokens must hold at least n = 1 symbols, got 0"),
        (lambda: share_of_words("", {"a"}), r"text must not be empty"),
        (lambda: share_of_words("a", set()), r"vocabulary must hold at least one word, got none"),
        (lambda: longest_copy("", "a"), r"text must not be empty"),
        (lambda: longest_copy("a", ""), r"source must not be empty"),
        (lambda: copied_shares("ab", "ab", 3), r"text must hold at least n = 3 symbols, got 2"),
        (lambda: copied_shares("ab", "ab", -1), r"n must be >= 1, got -1"),
        (lambda: copied_shares("ab", "", 1), r"source must not be empty"),
        (lambda: rhymes("love", "glub", SPOKEN), r"no pronunciation is known for 'glub'"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
