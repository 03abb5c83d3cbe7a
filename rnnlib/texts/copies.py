"""What a text has copied from its source, to the letter."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rnnlib.texts.quality import check_n
from rnnlib.texts.vocabularies import check_text


def longest_copy(text: str, source: str) -> str:
    """Return the longest string of a text that the source contains.

        argmax |s| over s in text, s in source

    Exact. A text of a thousand characters against a million takes under a second; the time grows
    with the length of the copy. Of several longest ones it is the first in the text; it is empty
    where the two share no character.

    Raises: ValueError (an empty text or source), TypeError (what is no string).
    Reference: Carlini et al. (2023), Quantifying memorization across neural language models.
    Derived in lesson 01.
    """
    check_text(text, "text")
    check_text(source, "source")
    if text in source:
        return text
    longest = ""
    for length, places in enumerate(_copied(text, source), start=1):
        longest = text[places[0] : places[0] + length]
    return longest


def copied_shares(text: str, source: str, longest: int) -> NDArray[np.float64]:
    """Return the shares of a text's strings of n characters that the source contains.

        |{i: text[i : i + n] in source}| / (T - n + 1)     for n = 1 .. longest

    Shapes and units: two strings -> shares[longest] in [0, 1], falling with n.

    Raises: ValueError (an empty text or source, longest < 1, or a text shorter than that),
    TypeError (a text or source that is no string, a longest that is no integer).
    Reference: McCoy et al. (2023), How much do language models copy from their training data?
    Derived in lesson 01.
    """
    check_text(text, "text")
    check_text(source, "source")
    check_n(longest, len(text), "text")
    shares = np.zeros(longest)
    for n, places in zip(range(longest), _copied(text, source), strict=False):
        shares[n] = len(places) / (len(text) - n)
    return shares


def _copied(text: str, source: str) -> Iterator[NDArray[np.int64]]:
    """Yield, for n = 1, 2, ..., the places where a string of n characters begins that both have.

    The text's strings are numbered, and the source's are looked up among them. Only what both
    have is made longer: after a few characters almost all of a long source has dropped out.
    """
    characters = [
        np.frombuffer(s.encode("utf-32-le", "surrogatepass"), np.uint32) for s in (text, source)
    ]
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
