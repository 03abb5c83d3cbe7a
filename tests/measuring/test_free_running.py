"""Free-running measures: against sums written out, and with models whose errors are planted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.decoding.strategies import greedy
from rnnlib.measuring.free_running import (
    divergence,
    excess_error,
    own_texts,
    recovery_steps,
    with_burst,
)
from rnnlib.models.language_model import LanguageModel
from rnnlib.tasks.hidden_markov import draw_hidden_markov

SOURCE = draw_hidden_markov(jax.random.key(0), switch=0.0, length=12, chains=2, tokens=4)
MODEL = LanguageModel(4, 8, rngs=nnx.Rngs(0))
TEXTS = jax.vmap(lambda key: SOURCE.text(key, 12))(jax.random.split(jax.random.key(1), 64))


def test_the_divergence_is_the_sum_written_out():
    texts, values = TEXTS[:3], divergence(SOURCE, MODEL, TEXTS[:3])
    for n, text in enumerate(texts):
        for t in range(12):
            o = np.exp(np.asarray(SOURCE.log_law(text[: t + 1]))[-1])
            p = np.asarray(jax.nn.softmax(MODEL(text[: t + 1])[-1]))
            assert values[n, t] == pytest.approx((o * np.log(o / p)).sum(), abs=1e-5)


def test_each_text_is_judged_by_the_law_behind_itself():
    """A model that is the oracle has no error, on its own prefixes or on any others."""
    own, noise = own_texts(SOURCE, TEXTS[:, 0], 12, jax.random.key(2)), TEXTS[::-1, ::-1]
    values = [divergence(SOURCE, SOURCE.log_law, texts) for texts in (own, noise, TEXTS)]
    assert max(np.abs(each).max() for each in values) < 1e-5
    assert (excess_error(values[0], values[2]) == 0).all()


def test_no_divergence_is_below_zero():
    assert divergence(SOURCE, MODEL, TEXTS).min() > -1e-5


def test_own_texts_go_on_from_their_first_tokens_as_the_model_would():
    texts = own_texts(MODEL, TEXTS[:, 0], 12, jax.random.key(3), greedy())
    np.testing.assert_array_equal(texts[:, 0], TEXTS[:, 0])
    logits = jax.vmap(MODEL)(texts)
    np.testing.assert_array_equal(texts[:, 1:], logits[:, :-1].argmax(axis=-1))


def test_sampled_texts_follow_the_model():
    firsts = jnp.zeros(20_000, int)
    texts = np.asarray(own_texts(MODEL, firsts, 2, jax.random.key(4)))
    p = jax.nn.softmax(MODEL(jnp.zeros(1, int))[0])
    np.testing.assert_allclose(np.bincount(texts[:, 1], minlength=4) / 20_000, p, atol=0.015)


def test_the_excess_is_that_of_the_sums_so_far():
    own, true = np.array([[1.0, 3.0], [1.0, 5.0]]), np.array([[1.0, 1.0]])
    np.testing.assert_allclose(excess_error(own, true), [0, 150])


def test_errors_that_feed_on_one_another_grow_and_others_stay():
    t, level = np.arange(1, 101.0)[None], np.ones((1, 100))
    growing, steady = excess_error(0.01 * t, 0.01 * level), excess_error(1.5 * level, level)
    assert growing[-1] > 10 * growing[9] > 0
    np.testing.assert_allclose(steady, 50)


def test_a_burst_stands_where_it_is_put():
    noise = jnp.full((64, 3), 9)
    changed = np.asarray(with_burst(TEXTS, 4, noise))
    assert (changed[:, 4:7] == 9).all()
    rest = np.delete(np.arange(12), [4, 5, 6])
    np.testing.assert_array_equal(changed[:, rest], np.asarray(TEXTS)[:, rest])


def test_recovery_is_counted_from_the_first_token_behind():
    assert recovery_steps([0.5, 0.3, 0.1, 0.4], 0.1) == 3
    assert recovery_steps([0.1], 0.1) == 1
    assert recovery_steps([0.5, 0.3], 0.1) == np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: excess_error(np.ones((2, 3)), np.ones((2, 4))), r"got \(2, 3\), \(2, 4\)"),
        (lambda: excess_error(np.ones(3), np.ones(3)), r"must be \[N, T\]"),
        (lambda: with_burst(TEXTS, 10, jnp.zeros((64, 3), int)), "noise .* at 10 does not fit"),
        (lambda: with_burst(TEXTS, 0, jnp.zeros((3, 3), int)), "does not fit"),
        (lambda: recovery_steps([], 0.1), r"needs after\[T'\]"),
        (lambda: recovery_steps([0.1], 0.0), "a level > 0"),
        (lambda: own_texts(MODEL, TEXTS[:, 0], 1, jax.random.key(0)), "got length 1"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
