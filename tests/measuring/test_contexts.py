"""Cut and shuffled contexts against a loop, and models that look back a known way."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.measuring.contexts import cut_context, shuffle_context
from rnnlib.models.language_model import LanguageModel

KEY = jax.random.key(12)
TEXT = np.random.default_rng(0).integers(0, 7, 200)
ENDS = np.array([30, 31, 60, 199, 120, *range(70, 90)])


class TwoBack:
    """p(next token) depends on the last two tokens, in their order, and on nothing else."""

    def __init__(self, vocabulary):
        shape = (vocabulary, vocabulary, vocabulary)
        self.scores = 2 * jax.random.normal(jax.random.key(3), shape)

    def __call__(self, tokens):
        before = jnp.concatenate([jnp.zeros(1, tokens.dtype), tokens[:-1]])
        return self.scores[before, tokens]


def losses_of(model, context):
    """-log p(TEXT[e] | the context before it), one end after the other."""
    logits_of = jax.jit(lambda window: model(window)[-1])
    rows = np.array([logits_of(TEXT[e - context : e]) for e in ENDS])
    return np.log(np.exp(rows).sum(axis=1)) - rows[np.arange(len(ENDS)), TEXT[ENDS]]


@pytest.mark.slow
def test_cut_context_is_the_loop():
    model = LanguageModel(7, 8, layers=2, rngs=nnx.Rngs(0))
    losses = cut_context(model, TEXT, ENDS, [1, 5, 30])
    expected = [losses_of(model, c) for c in (1, 5, 30)]
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert np.abs(losses[1] - losses[2]).max() > 1e-3
    whole = shuffle_context(model, TEXT, ENDS, [0, 5, 30], length=30, key=KEY)
    np.testing.assert_allclose(whole[2], losses[2], rtol=1e-5)
    assert np.all(np.abs(whole[:2] - whole[2:]).max(axis=1) > 1e-3)


@pytest.mark.slow
def test_a_model_of_two_tokens_looks_two_back():
    model = TwoBack(7)
    losses = cut_context(model, TEXT, ENDS, [2, 1, 3, 30])
    expected = losses_of(model, 30)
    for row in (0, 2, 3):
        np.testing.assert_allclose(losses[row], expected, rtol=1e-5)
    assert np.abs(losses[1] - losses[0]).max() > 0.1
    shuffled = shuffle_context(model, TEXT, ENDS, [0, 1, 2, 3, 9, 10], length=10, key=KEY)
    for row in range(2, 6):
        np.testing.assert_allclose(shuffled[row], expected, rtol=1e-5)
    assert np.all(np.abs(shuffled[:2] - shuffled[2:4]).max(axis=1) > 0.1)


@pytest.mark.slow
def test_shuffling_permutes_the_far_tokens_of_each_target_anew():
    """A model that spells out its window: logits[-1] = the window's tokens, as one number."""
    places = 10.0 ** jnp.arange(4)[::-1]
    spell = lambda w: jnp.tile(jnp.stack([0 * places @ w, places @ w])[None], (4, 1)) / 1e4  # noqa: E731
    text, ends = np.tile([1.0, 2, 3, 4, 0], 60), np.arange(4, 300, 5)
    loss = shuffle_context(spell, text.astype(int), ends, [0, 2], length=4, key=KEY)
    windows = np.round(1e4 * np.log(np.expm1(np.float64(loss)))).astype(int)  # log(1 + e^x) = loss
    assert {"".join(sorted(str(w))) for w in windows.ravel()} == {"1234"}
    assert len(set(windows[0])) > 15  # of 24, in 60 draws
    assert set(windows[1]) == {1234, 2134}
    again = shuffle_context(spell, text.astype(int), ends, [0, 2], length=4, key=KEY)
    np.testing.assert_array_equal(loss, again)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cut_context(len, TEXT, [200], [1]), "text of 200 tokens"),
        (lambda: cut_context(len, TEXT, [-1], [1]), "ends must be places"),
        (lambda: cut_context(len, TEXT, [], [1]), "ends must be places"),
        (lambda: cut_context(len, TEXT, [9], [0, 1]), r">= 1, got \[0, 1\]"),
        (lambda: cut_context(len, TEXT, [9], []), "one or more"),
        (lambda: cut_context(len, TEXT, [50, 9], [10]), "10 does not fit before end 9"),
        (lambda: shuffle_context(len, TEXT, [9], [6], length=5, key=KEY), r"= 5, got \[6\]"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
