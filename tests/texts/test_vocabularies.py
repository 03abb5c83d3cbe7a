"""Vocabularies survive a round trip, and name what they do not know."""

import re

import numpy as np
import pytest

from rnnlib.texts import corpora, vocabularies
from rnnlib.texts.vocabularies import CharVocabulary, WordVocabulary


def test_words_are_lower_case_and_keep_apostrophes_and_marks():
    assert vocabularies.words("Is't _so_? Aye--I'll go. Mr. B.") == [
        "is't", "so", "?", "aye", "--", "i'll", "go", ".", "mr.", "b", ".",
    ]  # fmt: skip


def test_words_are_letters_of_any_alphabet_and_other_signs_are_dropped():
    found = vocabularies.words("A naïve, well-known café: L’Été cost £20 — “или” 3½...")
    assert found[:9] == ["a", "naïve", ",", "well", "known", "café", ":", "l’été", "cost"]
    assert found[9:12] == ["20", "или", "3"]
    assert vocabularies.words("Dr. X's 2nd go-between--'tis (so)") == [
        "dr.", "x's", "2", "nd", "go", "between", "--", "tis", "(", "so", ")",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["shakespeare", "sonnets", "austen"])
def test_the_shipped_texts_are_cut_as_with_plain_letters(name):
    """The recorded word models were trained on these tokens."""
    plain = r"(?:mr|mrs|dr)\.|[a-z]+(?:['’][a-z]+)?|[0-9]+|--|[.,;:!?\"()]"
    shipped = corpora.load(name)
    assert vocabularies.words(shipped) == re.findall(plain, shipped.lower().replace("_", ""))


def test_characters_survive_a_round_trip():
    vocabulary = CharVocabulary("to be, or not")
    assert vocabulary.decode(vocabulary.encode("not to be")) == "not to be"
    assert len(vocabulary) == len(set("to be, or not"))


def test_an_unknown_character_is_named_with_its_position():
    with pytest.raises(ValueError, match=r"character '#' at position 2 is not in the vocabulary"):
        CharVocabulary("abc").encode("ab#")


@pytest.mark.parametrize("empty", [lambda: CharVocabulary(""),
                                   lambda: CharVocabulary("a").encode(""),
                                   lambda: WordVocabulary("...".replace(".", " "), 10),
                                   lambda: WordVocabulary("a b", 3).encode("")])  # fmt: skip
def test_empty_text_is_refused(empty):
    with pytest.raises(ValueError, match=r"empty|without words|got none"):
        empty()


def test_rare_words_become_unknown_and_ties_are_broken_by_the_alphabet():
    vocabulary = WordVocabulary("b a b c a d", 4)
    assert vocabulary.symbols == ["<unk>", "a", "b", "c"]
    np.testing.assert_array_equal(vocabulary.encode("a d c."), [1, 0, 3, 0])


def test_words_are_decoded_without_a_blank_before_a_mark():
    vocabulary = WordVocabulary("yes , she said .", 10)
    assert vocabulary.decode(vocabulary.encode("Yes, she said.")) == "yes, she said."


def test_a_word_vocabulary_needs_room():
    with pytest.raises(ValueError, match=r"size must be >= 2 .*, got 1"):
        WordVocabulary("a b", 1)
