"""Vocabularies survive a round trip, and name what they do not know."""

import re
import unicodedata

import jax.numpy as jnp
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
    assert found[9:] == ["20", "или", "3", ".", ".", "."]
    assert vocabularies.words("Dr. X's 2nd go-between--'tis (so)") == [
        "dr.", "x's", "2", "nd", "go", "between", "--", "tis", "(", "so", ")",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "word",
    [
        "résumé",
        unicodedata.normalize("NFD", "résumé"),
        "हिन्दी",  # vowels that combine with a letter
        "தமிழ்",
        "العَرَبِيَّة",
        "שָׁלוֹם",
        "ไทย",
        "日本語",
        unicodedata.normalize("NFD", "한국어"),
        "i̇stanbul",
        "da\N{SOFT HYPHEN}heim",
        "می\N{ZERO WIDTH NON-JOINER}خواهم",
        "l’été",
        "don\N{MODIFIER LETTER APOSTROPHE}t",
        unicodedata.normalize("NFD", "d'où"),
    ],
)
def test_a_word_of_any_alphabet_is_one(word):
    (alone,) = vocabularies.words(word)
    assert alone == unicodedata.normalize("NFC", word).replace("\N{SOFT HYPHEN}", "")
    assert vocabularies.words(f"{word}, ½ {word}?") == [alone, ",", alone, "?"]


def test_forms_of_one_word_are_one_word():
    assert vocabularies.words("İSTANBUL İstanbul") == 2 * ["i̇stanbul"]
    for form in ("NFC", "NFD"):
        assert vocabularies.words(unicodedata.normalize(form, "ÉTÉ Ångström")) == [
            "été",
            "ångström",
        ]


@pytest.mark.parametrize(
    "sign", ["½", "²", "Ⅷ", "٣", "\N{COMBINING ACUTE ACCENT}", "\N{BOM}", "🙂"]
)
def test_what_is_no_letter_is_no_word(sign):
    assert vocabularies.words(sign) == []
    assert vocabularies.words(f"a {sign} b") == ["a", "b"]


@pytest.mark.parametrize("name", ["shakespeare", "sonnets", "austen"])
def test_the_shipped_texts_are_cut_as_with_plain_letters(name):
    """The recorded word models were trained on these tokens."""
    plain = r"(?:mr|mrs|dr)\.|[a-z]+(?:['’][a-z]+)?|[0-9]+|--|[.,;:!?\"()]"
    shipped = corpora.load(name)
    assert vocabularies.words(shipped) == re.findall(plain, shipped.lower().replace("_", ""))


@pytest.mark.parametrize(
    "call",
    [
        vocabularies.words,
        CharVocabulary,
        CharVocabulary("ab").encode,
        lambda text: WordVocabulary(text, 5),
        WordVocabulary("a b", 5).encode,
    ],
)
@pytest.mark.parametrize("text", [{"a", "b"}, ["a", "b"], b"a b", np.array(["a"]), 3, None])
def test_a_text_is_a_string(call, text):
    with pytest.raises(TypeError, match=f"text must be a string, got {type(text).__name__}"):
        call(text)


VOCABULARIES = [CharVocabulary("abc"), WordVocabulary("a b", 3)]


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
@pytest.mark.parametrize("make", [list, np.array, jnp.array, tuple])
def test_tokens_may_come_in_any_container(vocabulary, make):
    assert vocabulary.decode(make([2, 1])) in ("cb", "b a")
    assert vocabulary.decode(make([])) == ""


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        ([0, -1], ValueError, r"tokens must be in 0 \.\. 2, got -1 at position 1"),
        (jnp.array([3]), ValueError, r"tokens must be in 0 \.\. 2, got 3 at position 0"),
        ([0.0, 1.0], TypeError, r"tokens must be int\[N\], got float64\[2\]"),
        ([True], TypeError, r"tokens must be int\[N\], got bool\[1\]"),
        ("ab", TypeError, r"tokens must be int\[N\], got <U2\[\]"),
        ([[0, 1]], TypeError, r"tokens must be int\[N\], got int64\[1, 2\]"),
        (1, TypeError, r"tokens must be int\[N\], got int64\[\]"),
    ],
)
def test_what_is_no_token_is_not_decoded(vocabulary, tokens, error, message):
    with pytest.raises(error, match=message):
        vocabulary.decode(tokens)


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
