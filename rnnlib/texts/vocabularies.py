"""Vocabularies: from a text to numbers and back, by character or by word."""

import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

UNKNOWN = "<unk>"
_INSIDE = "_\N{SOFT HYPHEN}"  # cut no word in two
_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"


def words(text: str) -> list[str]:
    """Cut a text into lower-case words, numbers (of the digits 0 to 9) and punctuation marks.

    A word is a run of letters of any alphabet and of the marks that combine with them, with at most
    one apostrophe inside; "mr.", "mrs." and "dr." stay one word each. An accent that follows its
    letter as a sign of its own gives the same word as one letter with the accent. The marks are
    . , ; : ! ? " ( ) and the double hyphen. A single hyphen cuts a word in two ("well-known" gives
    "well", "known"), and it, underscores, and every other sign (£, ½, a curly quotation mark, a
    long dash) are dropped.

    Raises: TypeError (no string).
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a string, got {type(text).__name__}")
    token, dropped = _signs()
    # Lower case first: that of "İ" is an i with a dot that combines with it.
    return token.findall(unicodedata.normalize("NFC", text.lower()).translate(dropped))


@cache
def _signs() -> tuple[re.Pattern[str], dict[int, str | None]]:
    """Return what `words` looks for, and what stands for signs that are in its way.

    `re` takes ½ for a letter, and knows no marks; `unicodedata` knows each sign's category.
    """
    kinds: dict[str, list[str]] = {"M": [_JOINERS], "N": []}
    for symbol in map(chr, range(128, sys.maxunicode + 1)):
        kinds.get(unicodedata.category(symbol)[0], []).append(symbol)
    letter, marks = r"[^\W\d_]", f"[{''.join(kinds['M'])}]"
    word = f"{letter}+(?:{marks}+{letter}*)*"
    token = re.compile(rf"(?:mr|mrs|dr)\.|{word}(?:['’]{word})?|[0-9]+|--|[.,;:!?\"()]")
    return token, str.maketrans(dict.fromkeys(kinds["N"], " ") | dict.fromkeys(_INSIDE))


def check_text(text: Any, name: str) -> None:
    """Refuse what is no text: a set or a list of words, bytes, tokens, an empty string."""
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a string, got {type(text).__name__}")
    if not text:
        raise ValueError(f"{name} must not be empty")


def _looked_up(tokens: ArrayLike, symbols: Sequence[str]) -> list[str]:
    array = np.asarray(tokens)
    if not array.size:
        return []
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"tokens must be int[N], got {array.dtype}{list(array.shape)}")
    wrong = np.flatnonzero((array < 0) | (array >= len(symbols)))
    if len(wrong):
        raise ValueError(
            f"tokens must be in 0 .. {len(symbols) - 1}, "
            f"got {array[wrong[0]]} at position {wrong[0]}"
        )
    return [symbols[int(token)] for token in array]


class CharVocabulary:
    """The characters of a text, sorted; a token is a character's place in that order.

    Raises: ValueError (an empty text), TypeError (no string).
    """

    def __init__(self, text: str):
        check_text(text, "text")
        self.symbols = sorted(set(text))
        self._index = {symbol: i for i, symbol in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: str) -> np.ndarray:
        """Turn a text into tokens[N], int32.

        Raises: ValueError (an empty text, or a character that the vocabulary lacks), TypeError (no
        string).
        """
        check_text(text, "text")
        for symbol in set(text) - self._index.keys():
            raise ValueError(
                f"character {symbol!r} at position {text.index(symbol)} is not in the vocabulary "
                f"of {len(self)}: {''.join(self.symbols)!r}"
            )
        return np.array([self._index[symbol] for symbol in text], np.int32)

    def decode(self, tokens: ArrayLike) -> str:
        """Turn tokens[N] back into text.

        Raises: ValueError (a token outside 0 .. V - 1), TypeError (tokens that are not int[N]).
        """
        return "".join(_looked_up(tokens, self.symbols))


class WordVocabulary:
    """The `size` most frequent words of a text; token 0 stands for every other word.

    Raises: ValueError (a text without a word, or a size under 2), TypeError (no string).
    """

    def __init__(self, text: str, size: int):
        if size < 2:
            raise ValueError(f"size must be >= 2 (<unk> and one word), got {size}")
        # Ties are broken by the alphabet, so that a vocabulary does not depend on the text's order.
        ranked = sorted(Counter(words(text)).items(), key=lambda item: (-item[1], item[0]))
        if not ranked:
            raise ValueError("a vocabulary needs a text with words, got none")
        self.symbols = [UNKNOWN, *(word for word, _ in ranked[: size - 1])]
        self._index = {symbol: i for i, symbol in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: str) -> np.ndarray:
        """Turn a text into tokens[N], int32; words outside the vocabulary become token 0.

        Raises: ValueError (a text without a word), TypeError (no string).
        """
        found = words(text)
        if not found:
            raise ValueError("cannot encode a text without words")
        return np.array([self._index.get(word, 0) for word in found], np.int32)

    def decode(self, tokens: ArrayLike) -> str:
        """Turn tokens[N] back into text, with no blank before a closing mark.

        Raises: ValueError (a token outside 0 .. V - 1), TypeError (tokens that are not int[N]).
        """
        return re.sub(r" ([.,;:!?)])", r"\1", " ".join(_looked_up(tokens, self.symbols)))
