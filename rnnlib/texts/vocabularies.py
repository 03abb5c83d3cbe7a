"""Vocabularies: from a text to numbers and back, by character or by word."""

import re
from collections import Counter

import numpy as np

UNKNOWN = "<unk>"
_TOKEN = re.compile(
    r"(?:mr|mrs|dr)\.|[^\W\d_]+(?:['’][^\W\d_]+)?|[0-9]+|--|[.,;:!?\"()]"  # [^\W\d_]: a letter
)


def words(text: str) -> list[str]:
    """Cut a text into lower-case words, numbers (of the digits 0 to 9) and punctuation marks.

    A word is a run of letters of any alphabet, with at most one apostrophe inside; "mr.", "mrs."
    and "dr." stay one word each. The marks are . , ; : ! ? " ( ) and the double hyphen. A single
    hyphen cuts a word in two ("well-known" gives "well", "known"), and it, underscores, and every
    other sign (£, a curly quotation mark, a long dash) are dropped.
    """
    return _TOKEN.findall(text.lower().replace("_", ""))


class CharVocabulary:
    """The characters of a text, sorted; a token is a character's place in that order.

    Raises:
        ValueError: the text is empty.
    """

    def __init__(self, text: str):
        if not text:
            raise ValueError("a vocabulary needs a text, got an empty one")
        self.symbols = sorted(set(text))
        self._index = {symbol: i for i, symbol in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: str) -> np.ndarray:
        """Turn a text into tokens[N], int32.

        Raises:
            ValueError: the text is empty, or has a character that the vocabulary lacks.
        """
        if not text:
            raise ValueError("cannot encode an empty text")
        for symbol in set(text) - self._index.keys():
            raise ValueError(
                f"character {symbol!r} at position {text.index(symbol)} is not in the vocabulary "
                f"of {len(self)}: {''.join(self.symbols)!r}"
            )
        return np.array([self._index[symbol] for symbol in text], np.int32)

    def decode(self, tokens: np.ndarray) -> str:
        """Turn tokens[N] back into text."""
        return "".join(self.symbols[i] for i in np.asarray(tokens))


class WordVocabulary:
    """The `size` most frequent words of a text; token 0 stands for every other word.

    Raises:
        ValueError: the text has no word, or `size` is under 2.
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

        Raises:
            ValueError: the text has no word.
        """
        found = words(text)
        if not found:
            raise ValueError("cannot encode a text without words")
        return np.array([self._index.get(word, 0) for word in found], np.int32)

    def decode(self, tokens: np.ndarray) -> str:
        """Turn tokens[N] back into text, with no blank before a closing mark."""
        return re.sub(r" ([.,;:!?)])", r"\1", " ".join(self.symbols[i] for i in np.asarray(tokens)))
