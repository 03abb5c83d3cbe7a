"""The corpora, vocabularies, splits and windows."""

import re
from importlib.resources import files

import jax
import numpy as np
import pytest

from rnnlib import text


def test_the_texts_have_the_sizes_that_their_provenance_states():
    assert len(text.load("shakespeare")) == 1_188_809
    assert text.load("sonnets").count("\n\n") == 153
    assert text.load("austen").startswith("EMMA")


def test_an_unknown_text_is_named_in_the_error():
    with pytest.raises(ValueError, match=r"must be one of .*sonnets.*, got 'hamlet'"):
        text.load("hamlet")


def test_a_corrupted_text_is_not_returned(monkeypatch):
    monkeypatch.setitem(text.SHA256, "sonnets.txt", "0" * 64)
    with pytest.raises(ValueError, match=r"sonnets.txt is corrupted"):
        text.load("sonnets")


@pytest.mark.parametrize("harm", [lambda raw: raw[: len(raw) // 2],
                                  lambda raw: raw[:40] + bytes(40) + raw[80:],
                                  lambda raw: raw[:40],
                                  lambda raw: b""])  # fmt: skip
def test_a_damaged_or_truncated_file_is_called_corrupted(harm, tmp_path, monkeypatch):
    whole = files("rnnlib").joinpath("data", "sonnets.txt.xz").read_bytes()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sonnets.txt.xz").write_bytes(harm(whole))
    monkeypatch.setattr(text, "files", lambda package: tmp_path)
    with pytest.raises(ValueError, match=r"sonnets.txt is corrupted .*: reinstall rnnlib"):
        text.load("sonnets")


def test_pronunciations_keep_every_variant():
    spoken = text.pronunciations()
    assert spoken["love"] == [("L", "AH1", "V")]
    assert spoken["a"] == [("AH0",), ("EY1",)]


def test_words_are_lower_case_and_keep_apostrophes_and_marks():
    assert text.words("Is't _so_? Aye--I'll go. Mr. B.") == [
        "is't", "so", "?", "aye", "--", "i'll", "go", ".", "mr.", "b", ".",
    ]  # fmt: skip


def test_words_are_letters_of_any_alphabet_and_other_signs_are_dropped():
    found = text.words("A naïve, well-known café: L’Été cost £20 — “или” 3½...")
    assert found[:9] == ["a", "naïve", ",", "well", "known", "café", ":", "l’été", "cost"]
    assert found[9:12] == ["20", "или", "3"]
    assert text.words("Dr. X's 2nd go-between--'tis (so)") == [
        "dr.", "x's", "2", "nd", "go", "between", "--", "tis", "(", "so", ")",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["shakespeare", "sonnets", "austen"])
def test_the_shipped_texts_are_cut_as_with_plain_letters(name):
    """The recorded word models were trained on these tokens."""
    plain = r"(?:mr|mrs|dr)\.|[a-z]+(?:['’][a-z]+)?|[0-9]+|--|[.,;:!?\"()]"
    shipped = text.load(name)
    assert text.words(shipped) == re.findall(plain, shipped.lower().replace("_", ""))


def test_split_is_contiguous_and_loses_nothing():
    tokens = np.arange(1000)
    parts = text.split(tokens, validation=0.1, test=0.05)
    assert [len(part) for part in parts] == [850, 100, 50]
    np.testing.assert_array_equal(np.concatenate(parts), tokens)


@pytest.mark.parametrize("shares", [(-0.1, 0.1), (0.5, 0.5)])
def test_split_refuses_shares_that_leave_no_training_text(shares):
    with pytest.raises(ValueError, match="must be shares >= 0 that leave something to train on"):
        text.split(np.arange(10), *shares)


@pytest.mark.parametrize("length", [0, 1, 9])
def test_split_leaves_no_block_empty_that_has_a_share(length):
    message = f"{length} tokens are too few for shares of 0.05 and 0.05: train, validation and test"
    with pytest.raises(ValueError, match=message):
        text.split(np.arange(length), 0.05, 0.05)


def test_split_leaves_a_block_empty_that_has_none():
    assert [len(part) for part in text.split(np.arange(10), 0, 0)] == [10, 0, 0]
    assert [len(part) for part in text.split(np.arange(10), 0.1, 0)] == [9, 1, 0]
    with pytest.raises(ValueError, match=r"2 tokens are too few for shares of 0.9 and 0"):
        text.split(np.arange(2), 0.9, 0)


def test_characters_survive_a_round_trip():
    vocabulary = text.CharVocabulary("to be, or not")
    assert vocabulary.decode(vocabulary.encode("not to be")) == "not to be"
    assert len(vocabulary) == len(set("to be, or not"))


def test_an_unknown_character_is_named_with_its_position():
    with pytest.raises(ValueError, match=r"character '#' at position 2 is not in the vocabulary"):
        text.CharVocabulary("abc").encode("ab#")


@pytest.mark.parametrize("empty", [lambda: text.CharVocabulary(""),
                                   lambda: text.CharVocabulary("a").encode(""),
                                   lambda: text.WordVocabulary("...".replace(".", " "), 10),
                                   lambda: text.WordVocabulary("a b", 3).encode("")])  # fmt: skip
def test_empty_text_is_refused(empty):
    with pytest.raises(ValueError, match=r"empty|without words|got none"):
        empty()


def test_rare_words_become_unknown_and_ties_are_broken_by_the_alphabet():
    vocabulary = text.WordVocabulary("b a b c a d", 4)
    assert vocabulary.symbols == ["<unk>", "a", "b", "c"]
    np.testing.assert_array_equal(vocabulary.encode("a d c."), [1, 0, 3, 0])


def test_words_are_decoded_without_a_blank_before_a_mark():
    vocabulary = text.WordVocabulary("yes , she said .", 10)
    assert vocabulary.decode(vocabulary.encode("Yes, she said.")) == "yes, she said."


def test_a_word_vocabulary_needs_room():
    with pytest.raises(ValueError, match=r"size must be >= 2 .*, got 1"):
        text.WordVocabulary("a b", 1)


def test_windows_are_pieces_of_the_text_and_reach_both_ends():
    sample = jax.jit(text.windows(np.arange(10), length=4, batch=500))
    batch = np.asarray(sample(jax.random.key(0)))
    assert batch.shape == (500, 5)
    np.testing.assert_array_equal(np.diff(batch, axis=1), 1)
    assert set(batch[:, 0]) == set(range(6))


def test_a_window_longer_than_the_text_is_refused():
    with pytest.raises(ValueError, match=r"a window of 10 \+ 1 tokens does not fit into a text"):
        text.windows(np.arange(10), length=10, batch=1)
    with pytest.raises(ValueError, match=r"length and batch must be >= 1, got 0 and 1"):
        text.windows(np.arange(10), length=0, batch=1)
