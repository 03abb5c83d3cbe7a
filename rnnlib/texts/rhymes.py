"""Which words rhyme, by how they are spoken."""

from collections.abc import Mapping, Sequence

from rnnlib.texts.vocabularies import check_text


def rhymes(one: str, other: str, spoken: Mapping[str, Sequence[Sequence[str]]]) -> bool:
    """Tell whether two different words can be spoken so that they rhyme.

    They rhyme if they sound alike from the last stressed vowel on: "love" and "dove", but not
    "love" and "prove", which rhyme only to the eye (today: the poet's ear may have differed).

    Shapes and units: two lower-case words and `corpora.pronunciations()` -> True or False.

    Raises: ValueError (a word that has no known pronunciation), TypeError (what is no word, or no
    dictionary of pronunciations).
    Reference: Lau et al. (2018), Deep-speare. Derived in lesson 02.
    """
    if not isinstance(spoken, Mapping):
        raise TypeError(f"spoken must be a dictionary, got {type(spoken).__name__}")
    for word in (one, other):
        check_text(word, "a word")
        if word not in spoken:
            raise ValueError(f"no pronunciation is known for {word!r}")
    endings = [{_ending(phones) for phones in spoken[word]} for word in (one, other)]
    return one != other and bool(endings[0] & endings[1])


def _ending(phones: Sequence[str]) -> tuple[str, ...]:
    """Return the phones from the last stressed vowel on, or the last vowel if none is stressed."""
    marks = [phone[-1] for phone in phones]  # a vowel ends with its stress: 0, 1 or 2
    stressed = [i for i, mark in enumerate(marks) if mark in "12"]
    vowels = stressed or [i for i, mark in enumerate(marks) if mark == "0"] or [0]
    return tuple(phone.rstrip("012") for phone in phones[vowels[-1] :])
