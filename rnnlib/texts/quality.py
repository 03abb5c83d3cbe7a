"""What a text is made of: how much of it differs, and how many of its words are words."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from rnnlib.texts import vocabularies


def distinct_n(tokens: Sequence | NDArray, n: int) -> float:
    """Share of a text's n-grams that are different: |set of n-grams| / (T - n + 1).

    Shapes and units: tokens[T] (numbers, words or a string's characters) -> a share in (0, 1]; 1
    where no n-gram comes twice. It falls with the length of a text: compare equal lengths.

    Raises:
        ValueError: n < 1, or a text shorter than n.

    Reference: Li et al. (2016), A diversity-promoting objective function for neural conversation
    models; they divide by the number of tokens instead. Derived in lesson 01.
    """
    check_n(n, len(tokens), "tokens")
    listed = tokens.tolist() if isinstance(tokens, np.ndarray) else list(tokens)
    grams = list(zip(*(listed[i:] for i in range(n)), strict=False))
    return len(set(grams)) / len(grams)


def share_of_words(text: str, vocabulary: Collection[str]) -> float:
    """Share of a text's words that are words: |{i: w_i in vocabulary}| / |{i}|.

    Words are cut out by `vocabularies.words`, in lower case; numbers and punctuation do not count.

    Shapes and units: a string and a set of lower-case words -> a share in [0, 1]; 0 for a text
    without any word.

    Raises:
        ValueError: an empty text or an empty vocabulary.

    Reference: Karpathy (2015), The unreasonable effectiveness of recurrent neural networks, where
    the reader judges it by eye. Derived in lesson 01.
    """
    check_text(text, "text")
    if not vocabulary:
        raise ValueError("vocabulary must hold at least one word, got none")
    known = [word in vocabulary for word in vocabularies.words(text) if word[0].isalpha()]
    return sum(known) / len(known) if known else 0.0


def check_n(n: int, length: int, name: str) -> None:
    if n < 1:
        raise ValueError(f"n must be >= 1, got {n}")
    if length < n:
        raise ValueError(f"{name} must hold at least n = {n} symbols, got {length}")


def check_text(text: str, name: str) -> None:
    if not text:
        raise ValueError(f"{name} must not be empty")
