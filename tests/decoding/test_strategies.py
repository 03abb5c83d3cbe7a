"""Strategies against the truth of a few logits; those that see the tokens so far, against loops."""

from itertools import pairwise, product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial
from markov import V, keys, log_p

from rnnlib.decoding.generate import generate
from rnnlib.decoding.strategies import greedy, sample


def test_sampling_is_a_python_loop(chain):
    line, strategy = [4, 2], jax.jit(sample(0.8))
    for key in jax.random.split(keys(6)[3], 20):
        line.append(int(strategy(chain.table[line[-2], line[-1]], key)))
    text = generate(chain, [4, 2], 20, keys(6), sample(0.8))[3]
    np.testing.assert_array_equal(text, line[2:])


@pytest.mark.parametrize("same", [sample(top_p=1.0), sample(top_k=V), sample(top_k=V, top_p=1.0)])
def test_cutting_nothing_is_plain_sampling(chain, same):
    plain = generate(chain, [1, 2], 20, keys(6), sample())
    np.testing.assert_array_equal(generate(chain, [1, 2], 20, keys(6), same), plain)


def test_top_p_1_keeps_tokens_behind_a_share_that_rounds_to_1():
    logits = jnp.array([30.0, 0.0, -1.0])  # the first alone is 1 in float32
    draws = jax.vmap(lambda key: sample(40.0, top_p=1.0)(logits, key))(keys(300))
    assert set(draws.tolist()) == {0, 1, 2}


@pytest.mark.parametrize(
    "sharp",
    [sample(top_k=1), sample(top_p=1e-6), sample(1e-4), sample(1e-37), sample(1e-3, 2, 0.5)],
)
def test_the_sharpest_sampling_is_greedy(chain, sharp):
    best = generate(chain, [1, 2], 20, keys(6), greedy())
    np.testing.assert_array_equal(generate(chain, [1, 2], 20, keys(6), sharp), best)


@pytest.mark.parametrize(
    ("strategy", "truth"),
    [
        (sample(), [0.4, 0.3, 0.2, 0.1]),
        (sample(0.5), np.array([16, 9, 4, 1]) / 30),  # p^(1 / temperature), normalised
        (sample(top_k=2), np.array([4, 3, 0, 0]) / 7),
        (sample(top_p=0.65), np.array([4, 3, 0, 0]) / 7),
        (sample(top_p=0.75), np.array([4, 3, 2, 0]) / 9),  # 0.7 is not enough
        (sample(top_k=3, top_p=0.75), np.array([4, 3, 0, 0]) / 7),  # of 0.9, 0.7 is 78 %
        (sample(min_p=0.45), np.array([4, 3, 2, 0]) / 9),  # 0.2 is half of 0.4
        (sample(min_p=0.55), np.array([4, 3, 0, 0]) / 7),
        (sample(0.5, min_p=0.45), np.array([16, 9, 0, 0]) / 25),  # after the temperature
        # H is 1.28 nats; 0.3 is off by 0.08, 0.2 by 0.33, 0.4 by 0.36, 0.1 by 1.02.
        (sample(typical_p=0.29), [0, 1, 0, 0]),
        (sample(typical_p=0.45), np.array([0, 3, 2, 0]) / 5),
        (sample(typical_p=0.55), np.array([4, 3, 2, 0]) / 9),  # 0.5 is not enough
        (sample(typical_p=1.0), [0.4, 0.3, 0.2, 0.1]),
        # Of 4, 3, 2 in 9 H is 1.06, and 3 / 9 off by 0.04; of those two or four, 0.4 is closer.
        (sample(top_p=0.75, typical_p=0.3), [0, 1, 0, 0]),
        (sample(top_k=2, typical_p=0.5), [1, 0, 0, 0]),
    ],
)
def test_frequencies_are_the_truth(strategy, truth):
    order = np.array([2, 0, 3, 1])  # not sorted by likelihood
    logits = jnp.log(jnp.array([0.3, 0.1, 0.4, 0.2])) + 7.0  # unnormalised
    draws = 20_000
    tokens = jax.jit(jax.vmap(strategy, in_axes=(None, 0)))(logits, keys(draws))
    counts = np.bincount(tokens, minlength=4)[order]
    expected = draws * np.asarray(truth)
    assert (counts[expected == 0] == 0).all()
    counts, expected = counts[expected > 0], expected[expected > 0]
    # The 99.9 % points of chi-square with 1, 2 and 3 degrees of freedom.
    limit = {1: 1e-9, 2: 10.83, 3: 13.82, 4: 16.27}[len(expected)]
    assert ((counts - expected) ** 2 / expected).sum() < limit


def test_frequencies_of_a_chain_are_the_truth(chain):
    texts = np.asarray(generate(chain, [1, 2], 2, keys(20_000), sample()))
    counts = np.bincount(texts @ [V, 1], minlength=V * V)
    p = np.exp([log_p(chain, [1, 2], text) for text in product(range(V), repeat=2)])
    often = p * len(texts) > 5
    expected = len(texts) * np.append(p[often], p[~often].sum())
    counts = np.append(counts[often], counts[~often].sum())
    degrees = len(expected) - 1
    limit = degrees + 4 * np.sqrt(2 * degrees)  # four standard deviations of chi-square
    assert ((counts - expected) ** 2 / expected).sum() < limit


def test_ties_at_the_cut_keep_exactly_k():
    draws = jax.vmap(lambda key: sample(top_k=2)(jnp.zeros(4), key))(keys(200))
    assert set(draws.tolist()) == {0, 1}


@pytest.mark.parametrize(("top_p", "kept"), [(0.5, {0}), (0.51, {0, 1}), (0.25, {0})])
def test_a_share_that_is_reached_exactly_needs_no_further_token(top_p, kept):
    draws = jax.vmap(lambda key: sample(top_p=top_p)(jnp.zeros(2), key))(keys(200))
    assert set(draws.tolist()) == kept  # of probabilities 0.5, 0.5


# ------------------------------------------------------------------ the tokens so far


def penalised(strength, inner, logits, key, tokens):
    """Let `inner` choose among logits that sank with each time that a token has come."""
    return inner(logits - strength * jnp.zeros(len(logits)).at[tokens].add(1), key)


def no_bigram_twice(logits, key, tokens):
    """Take the likeliest token that makes no pair with the last one that has been there before."""
    said = jnp.zeros(len(logits), bool).at[tokens[1:]].max(tokens[:-1] == tokens[-1])
    return jnp.argmax(jnp.where(said, -jnp.inf, logits))


def loop(chain, prompt, key, choose, length, stop=None):
    """The Python loop: `choose(logits, key, line)` sees a list of all tokens so far."""
    line = [0, *prompt]  # the chain's state before its first token is 0
    for step_key in jax.random.split(key, length):
        over = stop in line[len(prompt) + 1 :]
        line.append(stop if over else choose(chain.table[line[-2], line[-1]], step_key, line[1:]))
    return line[len(prompt) + 1 :]


PROMPTS = [[1], [2, 2, 1], [3, 1, 3, 1, 3]]


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("stop", [None, 2])
def test_a_penalty_sees_prompt_and_text_like_a_python_loop(chain, prompt, stop):
    inner = jax.jit(sample(0.8))

    def choose(logits, key, line):
        return int(inner(logits - 1.5 * np.bincount(line, minlength=V).astype(np.float32), key))

    strategy = Partial(penalised, 1.5, sample(0.8))
    texts = generate(chain, prompt, 15, keys(3), strategy, stop=stop)
    for key, text in zip(keys(3), texts, strict=True):
        assert text.tolist() == loop(chain, prompt, key, choose, 15, stop)
    assert stop or (texts != generate(chain, prompt, 15, keys(3), sample(0.8))).any()


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("stop", [None, 4])
def test_a_rule_against_repeated_pairs_is_a_python_loop(chain, prompt, stop):
    def choose(logits, key, line):
        said = {after for before, after in pairwise(line) if before == line[-1]}
        return max(set(range(V)) - said, key=lambda token: logits[token])

    (text,) = generate(chain, prompt, 12, keys(1), no_bigram_twice, stop=stop)
    assert text.tolist() == loop(chain, prompt, keys(1)[0], choose, 12, stop)
    line = [*prompt, *text.tolist()]
    assert stop or len(set(pairwise(line[len(prompt) - 1 :]))) == 12


def test_rules_in_the_lstm_see_what_was_written(lstm):
    greedy_text = generate(lstm, [1, 2], 12, keys(2), greedy())[0].tolist()
    text = generate(lstm, [1, 2], 12, keys(2), no_bigram_twice)[0].tolist()
    assert len(set(pairwise([2, *text]))) == 12 > len(set(pairwise([2, *greedy_text])))


def test_another_penalty_or_temperature_compiles_nothing(chain):
    generate(chain, [1, 2], 9, keys(2), Partial(penalised, 1.0, sample(1.0)))
    chain.traces.clear()
    for strength, temperature in [(0.0, 0.5), (np.float32(2.0), 3)]:
        strategy = Partial(penalised, float(strength), sample(temperature))
        generate(chain, [2, 1], 9, keys(2, seed=1), strategy, stop=3)
    assert chain.traces == []


def test_a_function_without_a_parameter_of_that_name_gets_no_tokens(chain):
    def choose(logits, key, favourite=3):
        return jnp.asarray(favourite)

    assert (generate(chain, [1], 4, keys(2), choose) == 3).all()
    assert (generate(chain, [1], 4, keys(2), Partial(choose, favourite=1)) == 1).all()


# ------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0.0}, r"temperature must be > 0 and finite, got 0.0"),
        ({"temperature": -1.0}, r"temperature must be > 0 and finite, got -1.0"),
        ({"temperature": float("inf")}, r"temperature must be > 0 and finite, got inf"),
        ({"temperature": float("nan")}, r"temperature must be > 0 and finite, got nan"),
        ({"top_k": 0}, r"top_k must be >= 1, got 0"),
        ({"top_k": np.int32(-2)}, r"top_k must be >= 1, got -2"),
        ({"top_p": 0.0}, r"top_p must be in \(0, 1\], got 0.0"),
        ({"top_p": 1.5}, r"top_p must be in \(0, 1\], got 1.5"),
        ({"min_p": 0}, r"min_p must be in \(0, 1\], got 0.0"),
        ({"min_p": np.nan}, r"min_p must be in \(0, 1\], got nan"),
        ({"typical_p": -0.5}, r"typical_p must be in \(0, 1\], got -0.5"),
        ({"typical_p": 1.01}, r"typical_p must be in \(0, 1\], got 1.01"),
    ],
)
def test_bad_strategies(arguments, message):
    with pytest.raises(ValueError, match=message):
        sample(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"top_k": 2.5}, r"top_k must be one whole number, got 2.5"),
        ({"top_k": True}, r"top_k must be one whole number, got True"),
        ({"top_k": jnp.array([1, 2])}, r"top_k must be one whole number, got Array\(\[1, 2\]"),
        ({"temperature": np.ones(2)}, r"temperature must be one number, got array\(\[1., 1.\]\)"),
        ({"temperature": np.True_}, r"temperature must be one number, got np.True_"),
        ({"temperature": "0.5"}, r"temperature must be one number, got '0.5'"),
        ({"temperature": None}, r"temperature must be one number, got None"),
        ({"top_p": [0.5]}, r"top_p must be one number, got \[0.5\]"),
        ({"top_p": True}, r"top_p must be one number, got True"),
        ({"min_p": "0.1"}, r"min_p must be one number, got '0.1'"),
        ({"typical_p": [0.5]}, r"typical_p must be one number, got \[0.5\]"),
        ({"penalties": 1.2}, r"penalties must be a function, got 1.2"),
    ],
)
def test_what_is_no_number_is_no_setting(arguments, message):
    with pytest.raises(TypeError, match=message):
        sample(**arguments)


def test_numbers_may_come_from_any_library():
    plain = sample(0.5, 2, 0.75)
    assert sample(np.float32(0.5), np.int64(2), np.float64(0.75)) == plain
    assert sample(jnp.array(0.5), jnp.array(2), jnp.array(0.75)) == plain
    made = sample(jnp.array(1), np.uint8(2), 1, jnp.array(1), np.float32(1))
    assert [type(x) for x in vars(made).values()] == [float, int, float, float, float]


def test_a_cut_larger_than_the_vocabulary_is_refused_without_generate_too():
    with pytest.raises(ValueError, match=r"top_k must be <= V = 4, got 5"):
        sample(top_k=5)(jnp.zeros(4), jax.random.key(0))


def test_a_cut_larger_than_the_vocabulary_is_found_within_a_rule(chain):
    with pytest.raises(ValueError, match=r"top_k must be <= V = 5, got 6"):
        generate(chain, [0], 3, keys(1), Partial(penalised, 1.0, sample(top_k=6)))


@pytest.mark.parametrize("strategy", [sample(), sample(top_p=0.999), sample(2.0, min_p=1e-6)])
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_logits_of_16_bits_are_drawn_from_with_32(strategy, dtype):
    logits = jnp.sin(jnp.arange(5000.0)).astype(dtype)
    many = jax.vmap(strategy, in_axes=(None, 0))
    draws = many(logits, keys(2000))
    np.testing.assert_array_equal(draws, many(logits.astype(jnp.float32), keys(2000)))
    assert len(set(draws.tolist())) > 1000
