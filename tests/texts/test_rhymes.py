"""Rhymes against the ear."""

import pytest

from rnnlib.texts.rhymes import rhymes

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


def test_a_word_nobody_has_spoken_is_named():
    with pytest.raises(ValueError, match="no pronunciation is known for 'glub'"):
        rhymes("love", "glub", SPOKEN)
