"""Copies against brute force."""

import numpy as np
import pytest

from rnnlib.texts.copies import copied_shares, longest_copy


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


def test_half_a_pair_of_utf_16_is_a_character_like_others():
    assert longest_copy("x\ud800a", "y\ud800a") == "\ud800a"


@pytest.mark.parametrize("other", [b"a", ["a"], {"a"}, np.array([1]), None])
def test_texts_are_strings(other):
    got = type(other).__name__
    for call in (longest_copy, lambda text, source: copied_shares(text, source, 1)):
        with pytest.raises(TypeError, match=f"text must be a string, got {got}"):
            call(other, "a")
        with pytest.raises(TypeError, match=f"source must be a string, got {got}"):
            call("a", other)
    with pytest.raises(TypeError, match=r"n must be one whole number, got 1.5"):
        copied_shares("ab", "ab", 1.5)


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: longest_copy("", "a"), r"text must not be empty"),
        (lambda: longest_copy("a", ""), r"source must not be empty"),
        (lambda: copied_shares("ab", "ab", 3), r"text must hold at least n = 3 symbols, got 2"),
        (lambda: copied_shares("ab", "ab", -1), r"n must be >= 1, got -1"),
        (lambda: copied_shares("ab", "", 1), r"source must not be empty"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
