"""Metrics: how well a model predicts, and what its texts are made of."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlib import text as texts


def bits(nats: ArrayLike) -> Any:
    """Turn a loss in nats into one in bits: bits = nats / ln 2.

    Shapes and units: any shape, nats per token -> the same shape, bits per token. If the tokens
    are characters, these are bits per character, and log2 V is what knowing nothing costs.

    Reference: Shannon (1948), A mathematical theory of communication. Derived in lesson 01.
    """
    return np.asarray(nats, float) / np.log(2)


def perplexity(nats: ArrayLike) -> Any:
    """Turn a loss into the number of equally likely tokens that are as hard to guess: exp(nats).

    Shapes and units: any shape, nats per token -> the same shape, a number of tokens in 1 .. V
    for a model that is no worse than the uniform one.

    Reference: Jelinek et al. (1977), Perplexity: a measure of the difficulty of speech recognition
    tasks. Derived in lesson 02.
    """
    return np.exp(np.asarray(nats, float))


def distinct_n(tokens: Sequence | NDArray, n: int) -> float:
    """Share of a text's n-grams that are different: |set of n-grams| / (T - n + 1).

    Shapes and units: tokens[T] (numbers, words or a string's characters) -> a share in (0, 1]; 1
    where no n-gram comes twice. It falls with the length of a text: compare equal lengths.

    Raises:
        ValueError: n < 1, or a text shorter than n.

    Reference: Li et al. (2016), A diversity-promoting objective function for neural conversation
    models; they divide by the number of tokens instead. Derived in lesson 01.
    """
    _check_n(n, len(tokens), "tokens")
    listed = tokens.tolist() if isinstance(tokens, np.ndarray) else list(tokens)
    grams = list(zip(*(listed[i:] for i in range(n)), strict=False))
    return len(set(grams)) / len(grams)


def share_of_words(text: str, vocabulary: Collection[str]) -> float:
    """Share of a text's words that are words: |{i: w_i in vocabulary}| / |{i}|.

    Words are cut out by `text.words`, in lower case; numbers and punctuation do not count.

    Shapes and units: a string and a set of lower-case words -> a share in [0, 1]; 0 for a text
    without any word.

    Raises:
        ValueError: an empty text or an empty vocabulary.

    Reference: Karpathy (2015), The unreasonable effectiveness of recurrent neural networks, where
    the reader judges it by eye. Derived in lesson 01.
    """
    _check_text(text, "text")
    if not vocabulary:
        raise ValueError("vocabulary must hold at least one word, got none")
    known = [word in vocabulary for word in texts.words(text) if word[0].isalpha()]
    return sum(known) / len(known) if known else 0.0


def longest_copy(text: str, source: str) -> str:
    """Longest string of a text that the source contains: argmax |s| over s in text, s in source.

    Exact. A text of a thousand characters against a million takes under a second; the time grows
    with the length of the copy. Of several longest ones it is the first in the text; it is empty
    where the two share no character.

    Raises:
        ValueError: an empty text or source.

    Reference: Carlini et al. (2023), Quantifying memorization across neural language models.
    Derived in lesson 01.
    """
    _check_text(text, "text")
    _check_text(source, "source")
    if text in source:
        return text
    longest = ""
    for length, places in enumerate(_copied(text, source), start=1):
        longest = text[places[0] : places[0] + length]
    return longest


def copied_shares(text: str, source: str, longest: int) -> NDArray[np.float64]:
    """Share of a text's strings of n characters that the source contains, for n = 1 .. longest.

        |{i: text[i : i + n] in source}| / (T - n + 1)

    Shapes and units: two strings -> shares[longest] in [0, 1], falling with n.

    Raises:
        ValueError: an empty source, longest < 1, or a text shorter than that.

    Reference: McCoy et al. (2023), How much do language models copy from their training data?
    Derived in lesson 01.
    """
    _check_n(longest, len(text), "text")
    _check_text(source, "source")
    shares = np.zeros(longest)
    for n, places in zip(range(longest), _copied(text, source), strict=False):
        shares[n] = len(places) / (len(text) - n)
    return shares


def rhymes(one: str, other: str, spoken: Mapping[str, Sequence[Sequence[str]]]) -> bool:
    """Whether two different words can be spoken so that they rhyme.

    They rhyme if they sound alike from the last stressed vowel on: "love" and "dove", but not
    "love" and "prove", which rhyme only to the eye (today: the poet's ear may have differed).

    Shapes and units: two lower-case words and `text.pronunciations()` -> True or False.

    Raises:
        ValueError: a word that has no known pronunciation.

    Reference: Lau et al. (2018), Deep-speare. Derived in lesson 02.
    """
    for word in (one, other):
        if word not in spoken:
            raise ValueError(f"no pronunciation is known for {word!r}")
    endings = [{_ending(phones) for phones in spoken[word]} for word in (one, other)]
    return one != other and bool(endings[0] & endings[1])


def _ending(phones: Sequence[str]) -> tuple[str, ...]:
    """The phones from the last stressed vowel on, or from the last vowel if none is stressed."""
    marks = [phone[-1] for phone in phones]  # a vowel ends with its stress: 0, 1 or 2
    stressed = [i for i, mark in enumerate(marks) if mark in "12"]
    vowels = stressed or [i for i, mark in enumerate(marks) if mark == "0"] or [0]
    return tuple(phone.rstrip("012") for phone in phones[vowels[-1] :])


def _copied(text: str, source: str) -> Iterator[NDArray[np.int64]]:
    """For n = 1, 2, ...: the places where a string of n characters begins that both contain.

    The text's strings are numbered, and the source's are looked up among them. Only what both
    have is made longer: after a few characters almost all of a long source has dropped out.
    """
    characters = [np.frombuffer(s.encode("utf-32-le"), np.uint32) for s in (text, source)]
    places = [np.arange(len(line)) for line in characters]
    numbers = [np.zeros(len(line), np.int64) for line in characters]
    for n in range(len(text)):
        keys = []  # of the strings of n + 1 characters: (number of the first n, the last)
        for side, line in enumerate(characters):
            inside = places[side] + n < len(line)
            places[side] = places[side][inside]
            keys.append(numbers[side][inside] << 21 | line[places[side] + n])  # Unicode has 21 bits
        table, number = np.unique(keys[0], return_inverse=True)
        if len(table) == 0:
            return
        found = np.minimum(np.searchsorted(table, keys[1]), len(table) - 1)
        in_text = table[found] == keys[1]
        in_source = np.isin(number, found[in_text], kind="table")
        if not in_source.any():
            return
        numbers = [number[in_source], found[in_text]]
        places = [places[0][in_source], places[1][in_text]]
        yield places[0]


def _check_n(n: int, length: int, name: str) -> None:
    if n < 1:
        raise ValueError(f"n must be >= 1, got {n}")
    if length < n:
        raise ValueError(f"{name} must hold at least n = {n} symbols, got {length}")


def _check_text(text: str, name: str) -> None:
    if not text:
        raise ValueError(f"{name} must not be empty")
