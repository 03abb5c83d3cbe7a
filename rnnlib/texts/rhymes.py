"""Which words rhyme, by how they are spoken."""

from collections.abc import Mapping, Sequence


def rhymes(one: str, other: str, spoken: Mapping[str, Sequence[Sequence[str]]]) -> bool:
    """Whether two different words can be spoken so that they rhyme.

    They rhyme if they sound alike from the last stressed vowel on: "love" and "dove", but not
    "love" and "prove", which rhyme only to the eye (today: the poet's ear may have differed).

    Shapes and units: two lower-case words and `corpora.pronunciations()` -> True or False.

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
