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
    "hand": [("HH", "AE1", "N", "D")],
    "understand": [("AH2", "N", "D", "ER0", "S", "T", "AE1", "N", "D")],
    "fly": [("F", "L", "AY1")],
    "butterfly": [("B", "AH1", "T", "ER0", "F", "L", "AY2")],
}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("love", "dove", True),  # one of two pronunciations is enough
        ("love", "above", True),
        ("love", "prove", False),
        ("love", "love", False),  # a word does not rhyme with itself
        ("never", "ever", True),
        ("understand", "hand", True),  # of two stressed vowels the last counts
        ("butterfly", "fly", True),
        ("butterfly", "understand", False),
        ("the", "a", True),  # no stress: from the last vowel on
    ],
)
def test_rhymes_by_hand(one, other, expected):
    assert rhymes(one, other, SPOKEN) is expected
    assert rhymes(other, one, SPOKEN) is expected


def test_a_word_nobody_has_spoken_is_named():
    with pytest.raises(ValueError, match="no pronunciation is known for 'glub'"):
        rhymes("love", "glub", SPOKEN)


def test_words_are_strings_and_pronunciations_a_dictionary():
    with pytest.raises(TypeError, match="a word must be a string, got list"):
        rhymes(["love"], "dove", SPOKEN)
    with pytest.raises(ValueError, match="a word must not be empty"):
        rhymes("love", "", SPOKEN)
    with pytest.raises(TypeError, match="spoken must be a dictionary, got list"):
        rhymes("love", "dove", ["love", "dove"])
