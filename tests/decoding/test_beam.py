"""Beam search against a Python loop, greedy decoding and brute force."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from markov import HARD, Markov, V, keys, penalised

from rnnlib.decoding.beam import beam_search
from rnnlib.decoding.generate import generate
from rnnlib.decoding.penalties import penalties
from rnnlib.decoding.strategies import greedy

SETTINGS = [{}, HARD, {"block_ngrams": 1}]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["chain", "lstm"])
@pytest.mark.parametrize("rules", [None, penalties(**HARD)], ids=["plain", "penalised"])
@pytest.mark.parametrize("power", [0.0, 1.0])
def test_beam_of_width_1_is_greedy(model, rules, power, request):
    model = request.getfixturevalue(model)
    best = generate(model, [1, 2], 12, keys(1), greedy(rules), stop=0)
    found, _ = beam_search(model, [1, 2], 12, 1, 0, rules, power)
    np.testing.assert_array_equal(found, best)


def nats(chain, line, setting):
    """Return ln p of each token after a text, penalised: -inf for all if all are blocked."""
    logits = penalised(chain.table[[0, *line][-2], line[-1]], line, **setting).astype(float)
    return logits - np.logaddexp.reduce(logits) if logits.max() > -np.inf else logits


def brute_force(chain, prompt, length, stop=None, setting=None, power=0.0):
    """All texts, cut at the stop symbol, filled with it, without doubles; best first."""
    texts = {}
    for text in product(range(V), repeat=length):
        end = text.index(stop) + 1 if stop in text else length
        score = sum(nats(chain, [*prompt, *text[:t]], setting or {})[text[t]] for t in range(end))
        if score > -np.inf:
            texts[text[:end] + (stop,) * (length - end)] = score / end**power
    return sorted(texts.items(), key=lambda item: -item[1])


@pytest.mark.parametrize("stop", [None, 2])
@pytest.mark.parametrize("power", [0.0, 0.7])
@pytest.mark.parametrize("setting", SETTINGS, ids=["plain", "hard", "each once"])
def test_beam_of_full_width_is_brute_force(chain, stop, power, setting):
    rules = penalties(**setting) if setting else None
    texts, scores = beam_search(chain, [4, 1], 3, V**3, stop, rules, power)
    expected = brute_force(chain, [4, 1], 3, stop, setting, power)
    np.testing.assert_array_equal(texts[: len(expected)], [text for text, _ in expected])
    np.testing.assert_allclose(scores[: len(expected)], [s for _, s in expected], rtol=1e-5)
    # With stop, or where tokens are blocked, there are fewer texts than rows.
    assert (scores[len(expected) :] == -jnp.inf).all()
    assert (len(expected) == V**3) == (stop is None and not setting)


@pytest.mark.parametrize("setting", SETTINGS[:2], ids=["plain", "hard"])
def test_beam_keeps_the_best_prefixes_in_a_python_loop(chain, setting):
    beam: list[tuple[list[int], float]] = [([3], 0.0)]
    for _ in range(6):
        longer = [
            ([*line, w], score + gain)
            for line, score in beam
            for w, gain in enumerate(nats(chain, line, setting))
        ]
        beam = sorted(longer, key=lambda item: -item[1])[:4]
    rules = penalties(**setting) if setting else None
    texts, scores = beam_search(chain, [3], 6, 4, penalties=rules)
    np.testing.assert_array_equal(texts, [line[1:] for line, _ in beam])
    np.testing.assert_allclose(scores, [score for _, score in beam], rtol=1e-5)
    assert (jnp.diff(scores) <= 0).all()


def test_a_finished_hypothesis_keeps_its_score():
    # From 0 the chain stops (1) with probability 0.4, or goes on (0) with 0.6; 2 never comes.
    table = jnp.log(jnp.tile(jnp.array([0.6, 0.4, 0.0]), (3, 3, 1)))
    texts, scores = beam_search(Markov(table), [0], 3, 3, stop=1)
    np.testing.assert_array_equal(texts, [[1, 1, 1], [0, 1, 1], [0, 0, 0]])
    np.testing.assert_allclose(scores, np.log([0.4, 0.24, 0.216]), rtol=1e-5)


def test_a_beam_may_be_wider_than_the_vocabulary(chain):
    wide = beam_search(chain, [3], 3, V + 4)
    full = beam_search(chain, [3], 3, V**3)
    np.testing.assert_array_equal(wide[0][0], full[0][0])
    assert len(np.unique(wide[0], axis=0)) == V + 4  # no text twice
    assert jnp.isfinite(wide[1]).all()


def test_a_length_power_lets_longer_texts_win():
    # From 0 the chain stops (1) with probability 0.4, or goes on (0) with 0.6; 2 never comes.
    table = jnp.log(jnp.tile(jnp.array([0.6, 0.4, 0.0]), (3, 3, 1)))
    texts, scores = beam_search(Markov(table), [0], 3, 3, stop=1, length_power=1.0)
    np.testing.assert_array_equal(texts, [[0, 0, 0], [0, 0, 1], [0, 1, 1]])
    expected = np.log([0.216, 0.144, 0.24]) / [3, 3, 2]  # nats per token, the stop's included
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"prompt": []}, r"prompt must hold at least one token, got none"),
        ({"prompt": [7]}, r"prompt must be in 0 \.\. 4, got 7"),
        ({"length": 0}, r"length must be >= 1, got 0"),
        ({"width": 0}, r"width must be >= 1, got 0"),
        ({"width": 26}, r"width must be <= V\^length = 25, the number of texts, got 26"),
        ({"stop": -1}, r"stop must be in 0 \.\. 4, got -1"),
        ({"length_power": -0.1}, r"length_power must be in 0 \.\. 10, got -0.1"),
        ({"length_power": np.nan}, r"length_power must be in 0 \.\. 10, got nan"),
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


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"length_power": "1"}, r"length_power must be one number, got '1'"),
        ({"penalties": 1.2}, r"penalties must be a function, got 1.2"),
    ],
)
def test_what_is_no_setting_of_a_beam_is_refused(chain, changed, message):
    with pytest.raises(TypeError, match=message):
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


def test_a_prefix_whose_every_token_is_blocked_leaves_the_beam(chain):
    """Only 2, the stop, and 3 are left: a text that has not stopped has no third token."""
    once = {"block_ngrams": 1}
    expected = brute_force(chain, [4, 1, 0], 3, 2, once)
    assert {text for text, _ in expected} == {(2, 2, 2), (3, 2, 2)}
    texts, scores = beam_search(chain, [4, 1, 0], 3, 6, 2, penalties(**once))
    np.testing.assert_array_equal(texts[:2], [text for text, _ in expected])
    np.testing.assert_allclose(scores, [s for _, s in expected] + 4 * [-np.inf], rtol=1e-5)


def test_most_of_a_beam_may_be_blocked_at_once(chain):
    def only_after_00(logits, tokens):
        first, *text = tokens[-3:]  # a text of two tokens has the prompt before it
        return jnp.where((first == 3) & (text[0] + text[1] > 0), -jnp.inf, logits)

    texts, scores = beam_search(chain, [3], 3, V**2, penalties=only_after_00)
    assert sorted(texts[:V].tolist()) == [[0, 0, w] for w in range(V)]
    assert np.isfinite(scores[:V]).all() and (scores[V:] == -jnp.inf).all()


def test_logits_that_are_no_distribution_are_found_beside_penalties():
    """The model's own -inf everywhere is no blocking; a rule may not bring +inf either."""
    table = jnp.zeros((3, 3, 3)).at[:, 2].set(-jnp.inf)
    with pytest.raises(FloatingPointError, match="in row 2 at position 1"):
        beam_search(Markov(table), [0], 3, 3, penalties=penalties())
    with pytest.raises(FloatingPointError, match="in row 0 at position 0"):
        beam_search(Markov(table), [0], 3, 3, penalties=lambda logits, tokens: logits + jnp.inf)
