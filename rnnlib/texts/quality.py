"""What a text is made of: how much of it differs, and how many of its words are words."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlib.texts import vocabularies
from rnnlib.texts.vocabularies import check_text


def distinct_n(tokens: Sequence | NDArray, n: int) -> float:
    """Return the share of a text's n-grams that are different: |set of n-grams| / (T - n + 1).

    Shapes and units: tokens[T] (numbers, words or a string's characters) -> a share in (0, 1]; 1
    where no n-gram comes twice. It falls with the length of a text: compare equal lengths.

    Raises: ValueError (n < 1, or a text shorter than n), TypeError (an n that is no integer; a set,
    a batch of texts, or anything else that is not one sequence).
    Reference: Li et al. (2016), A diversity-promoting objective function for neural conversation
    models; they divide by the number of tokens instead. Derived in lesson 01.
    """
    symbols = _one_text(tokens)
    check_n(n, len(symbols), "tokens")
    grams = list(zip(*(symbols[i:] for i in range(n)), strict=False))
    return len(set(grams)) / len(grams)


def _one_text(tokens: Any) -> list[Any]:
    """Return a text's symbols as a list of plain numbers or strings."""
    if hasattr(tokens, "__array__"):  # NumPy's or JAX's, whose own numbers would not compare
        tokens = np.asarray(tokens).tolist()
    if not isinstance(tokens, Sequence):
        raise TypeError(f"tokens must be one text, tokens[T], got {type(tokens).__name__}")
    symbols = [symbol.tolist() if hasattr(symbol, "__array__") else symbol for symbol in tokens]
    if any(isinstance(symbol, list) for symbol in symbols):
        raise TypeError("tokens must be one text, tokens[T], got a batch")
    return symbols


def share_of_words(text: str, known: Collection[str]) -> float:
    """Return the share of a text's words that are words: |{i: w_i in known}| / |{i}|.

    Words are cut out by `vocabularies.words`, in lower case; numbers and punctuation do not count.

    Shapes and units: a string and a set of lower-case words -> a share in [0, 1]; 0 for a text
    without any word.

    Raises: ValueError (an empty text or no known word), TypeError (a text that is no string,
    known words that are one).
    Reference: Karpathy (2015), The unreasonable effectiveness of recurrent neural networks, where
    the reader judges it by eye. Derived in lesson 01.
    """
    check_text(text, "text")
    if isinstance(known, str | bytes) or not isinstance(known, Collection):
        raise TypeError(f"known must be a set of words, got {type(known).__name__}")
    if not len(known):
        raise ValueError("known must hold at least one word, got none")
    cut = [word for word in vocabularies.words(text) if word[0].isalpha()]
    return sum(word in known for word in cut) / len(cut) if cut else 0.0


def check_n(n: Any, length: int, name: str) -> None:
    if not isinstance(n, int | np.integer) or isinstance(n, bool):
        raise TypeError(f"n must be one whole number, got {n!r}")
    if n < 1:
        raise ValueError(f"n must be >= 1, got {n}")
    if length < n:
        raise ValueError(f"{name} must hold at least n = {n} symbols, got {length}")
