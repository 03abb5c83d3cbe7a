"""Beam search against a Python loop, greedy decoding and brute force."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from markov import Markov, V, keys, log_p

from rnnlib.decoding.beam import beam_search
from rnnlib.decoding.generate import generate
from rnnlib.decoding.strategies import greedy


@pytest.mark.parametrize("model", ["chain", "lstm"])
@pytest.mark.slow
def test_beam_of_width_1_is_greedy(model, request):
    model = request.getfixturevalue(model)
    best = generate(model, [1, 2], 20, keys(6), greedy(), stop=0)[:1]
    np.testing.assert_array_equal(beam_search(model, [1, 2], 20, 1, stop=0)[0], best)


def brute_force(chain, prompt, length, stop=None):
    """All texts, cut at the stop symbol, filled with it, without doubles; best first."""
    texts = {}
    for text in product(range(V), repeat=length):
        end = text.index(stop) + 1 if stop in text else length
        texts[text[:end] + (stop,) * (length - end)] = log_p(chain, prompt, text[:end])
    return sorted(texts.items(), key=lambda item: -item[1])


@pytest.mark.parametrize("stop", [None, 2])
def test_beam_of_full_width_is_brute_force(chain, stop):
    texts, scores = beam_search(chain, [4, 1], 3, V**3, stop=stop)
    expected = brute_force(chain, [4, 1], 3, stop)
    np.testing.assert_array_equal(texts[: len(expected)], [text for text, _ in expected])
    np.testing.assert_allclose(scores[: len(expected)], [s for _, s in expected], rtol=1e-5)
    assert (scores[len(expected) :] == -jnp.inf).all()  # with stop there are fewer texts than rows
    assert (len(expected) == V**3) == (stop is None)


def test_beam_keeps_the_best_prefixes_in_a_python_loop(chain):
    beam: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    for _ in range(6):
        longer = [((*text, w), log_p(chain, [3], (*text, w))) for text, _ in beam for w in range(V)]
        beam = sorted(longer, key=lambda item: -item[1])[:4]
    texts, scores = beam_search(chain, [3], 6, 4)
    np.testing.assert_array_equal(texts, [text for text, _ in beam])
    np.testing.assert_allclose(scores, [score for _, score in beam], rtol=1e-5)
    assert (jnp.diff(scores) <= 0).all()


def test_a_finished_hypothesis_keeps_its_score():
    # From 0 the chain stops (1) with probability 0.4, or goes on (0) with 0.6; 2 never comes.
    table = jnp.log(jnp.tile(jnp.array([0.6, 0.4, 0.0]), (3, 3, 1)))
    texts, scores = beam_search(Markov(table), [0], 3, 3, stop=1)
    np.testing.assert_array_equal(texts, [[1, 1, 1], [0, 1, 1], [0, 0, 0]])
    np.testing.assert_allclose(scores, np.log([0.4, 0.24, 0.216]), rtol=1e-5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"prompt": []}, r"prompt must hold at least one token, got none"),
        ({"prompt": [7]}, r"prompt must be in 0 \.\. 4, got 7"),
        ({"length": 0}, r"length must be >= 1, got 0"),
        ({"width": 0}, r"width must be >= 1, got 0"),
        ({"width": 26}, r"width must be <= V\^length = 25, the number of texts, got 26"),
        ({"stop": -1}, r"stop must be in 0 \.\. 4, got -1"),
    ],
)
def test_bad_input_to_beam_search(chain, changed, message):
    with pytest.raises(ValueError, match=message):
        beam_search(chain, **({"prompt": [0], "length": 2, "width": 3} | changed))


@pytest.mark.parametrize("changed", [{"length": 1.5}, {"width": True}, {"stop": 0.5}])
def test_sizes_and_symbols_are_whole_numbers(chain, changed):
    ((name, value),) = changed.items()
    with pytest.raises(TypeError, match=f"{name} must be one whole number, got {value}"):
        beam_search(chain, **({"prompt": [0], "length": 2, "width": 3} | changed))


@pytest.mark.parametrize("entry", [np.nan, -np.inf, np.inf])
def test_logits_that_are_no_distribution_are_named(entry):
    """Of the tokens 0, 1 and 2 each is likely after each, but after 2 there are no logits."""
    table = jnp.log(jnp.tile(jnp.array([0.6, 0.3, 0.1]), (3, 3, 1))).at[:, 2].set(entry)
    message = r"no token can be chosen in row 2 at position 1: the logits hold NaN or \+inf"
    with pytest.raises(FloatingPointError, match=message):
        beam_search(Markov(table), [0], 3, 3)
    beam_search(Markov(table), [0], 3, 2)  # 2 stays outside a beam of two
    texts, scores = beam_search(Markov(table), [0], 3, 3, stop=2)  # nothing is asked after the end
    assert jnp.isfinite(scores).all() and (texts[:, 0] < 2).any()
    inside = jax.jit(lambda prompt: beam_search(Markov(table), prompt, 3, 3))(jnp.array([0]))
    assert jnp.isnan(inside[1]).any()


def test_rows_without_a_text_are_not_asked():
    """Only 1 can ever come: the second row has no text, and its logits have no say."""
    only_1 = jnp.tile(jnp.array([-jnp.inf, 0.0]), (2, 2, 1))
    texts, scores = beam_search(Markov(only_1.at[:, 0].set(jnp.nan).at[0, 0].set(only_1[0, 0])),
                                [0], 3, 2)  # fmt: skip
    assert texts[0].tolist() == [1, 1, 1]
    np.testing.assert_array_equal(scores, [0.0, -jnp.inf])
