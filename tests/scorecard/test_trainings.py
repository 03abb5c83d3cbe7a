"""What the scorecard's networks are trained on, and that what is asked is something else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.scorecard.trainings import (
    ASKED,
    LETTERS,
    LONG,
    SHORT,
    TRAININGS,
    VOCABULARY,
    encode,
    plays,
)

KEY = jax.random.key(3)
NAMES = list(TRAININGS)


@pytest.fixture(scope="module")
def drawn():
    """A batch of each training, and its questions."""
    of_each = {}
    for name, training in TRAININGS.items():
        draw = jax.jit(lambda key, step, training=training: training.draw(key, step, 5))
        of_each[name] = (
            draw(KEY, jnp.int32(7)),
            jax.jit(training.tuning)(KEY),
            jax.jit(training.test)(KEY),
        )
    return of_each


@pytest.mark.parametrize("name", NAMES)
def test_batches_have_one_of_two_shapes(drawn, name):
    batch, tuning, _ = drawn[name]
    shape = TRAININGS[name].shape
    assert shape in (SHORT, LONG)
    assert all(leaf.shape == shape for leaf in batch[:3])
    assert all(leaf.shape == (ASKED, shape[1]) for leaf in tuning[:3])
    assert len(drawn[name][2].inputs) == ASKED


@pytest.mark.parametrize("name", NAMES)
def test_tokens_are_in_the_vocabulary_and_something_counts(drawn, name):
    for questions in drawn[name]:
        for tokens in questions[:2]:
            assert 0 <= tokens.min() <= tokens.max() < VOCABULARY
        assert questions.mask.any(axis=1).all()


@pytest.mark.parametrize("name", NAMES)
def test_all_right_scores_and_marks_as_all_right(drawn, name):
    training, (_, tuning, test) = TRAININGS[name], drawn[name]
    sure = lambda questions: 1e3 * jax.nn.one_hot(questions.targets, VOCABULARY)  # noqa: E731
    assert training.score(sure(tuning), tuning) == pytest.approx(0, abs=1e-5)
    best = 0 if name == "characters" else 1
    assert training.mark(sure(test), test) == pytest.approx(best, abs=1e-5)


def test_knowing_nothing_marks_as_chance(drawn):
    for name, chance in {"tracking": 0.5, "nesting": 0.5, "binding": 0.0}.items():
        test = drawn[name][2]
        noise = jax.random.normal(KEY, (*test.inputs.shape, VOCABULARY))
        told = noise.at[..., 2:].add(-9) if name == "tracking" else noise
        mark = TRAININGS[name].mark(told, test)
        assert mark == pytest.approx(chance, abs=0.08)


def test_parity_is_asked_beyond_its_training(drawn):
    batch, _, test = drawn["tracking"]
    assert batch.mask.all()
    assert np.flatnonzero(test.mask[0]).tolist() == list(range(44, 64))
    np.testing.assert_array_equal(test.targets, np.cumsum(test.inputs, axis=1) % 2)


def test_sentences_are_asked_deeper_than_they_are_tuned_and_trained(drawn):
    batch, tuning, test = drawn["nesting"]
    assert batch.depth.max() == 3
    assert tuning.depth.max() == 4
    assert set(np.asarray(test.depth)) == {5}


def test_pretraining_predicts_the_questions_and_then_answers_them():
    training = TRAININGS["binding, pretrained"]
    before, behind = (training.draw(KEY, jnp.int32(step), 5) for step in (4, 5))
    np.testing.assert_array_equal(before.inputs, behind.inputs)
    np.testing.assert_array_equal(before.targets[:, :-1], before.inputs[:, 1:])
    assert before.mask[:, :-1].all() and not before.mask[:, -1].any()
    plain = TRAININGS["binding"].draw(KEY, jnp.int32(5), 5)
    for ours, theirs in zip(behind, plain, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_characters_come_from_three_parts_of_the_plays(drawn):
    texts = ["".join(map(chr, 40 + np.asarray(part))) for part in plays()]
    for questions, text in zip(drawn["characters"], texts, strict=True):
        for row in np.asarray(questions.inputs)[:3]:
            assert "".join(map(chr, 40 + row)) in text


def test_letters_become_numbers():
    assert [LETTERS[n] for n in encode("To be,\n")] == list("to be,\n")
    with pytest.raises(ValueError, match="é"):
        encode("café")
