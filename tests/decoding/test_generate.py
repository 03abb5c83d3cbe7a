"""Decoding against Python loops and the truth of a small Markov chain."""

from itertools import pairwise, product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from markov import V, keys, log_p, make_chain, make_lstm

from rnnlib.decoding.generate import generate
from rnnlib.decoding.strategies import greedy, sample


@pytest.fixture(scope="module")
def chain():
    return make_chain()


@pytest.fixture(scope="module")
def lstm():
    return make_lstm()


# ------------------------------------------------------------------ greedy


def test_greedy_is_a_python_loop(chain):
    line = [3, 1]
    for _ in range(20):
        line.append(int(jnp.argmax(chain.table[line[-2], line[-1]])))
    np.testing.assert_array_equal(generate(chain, [3, 1], 20, keys(6), greedy())[0], line[2:])


def test_step_by_step_is_the_whole_sequence_at_once(lstm):
    prompt = [1, 4, 2]
    text = generate(lstm, prompt, 12, keys(1), greedy())[0]
    logits = lstm(jnp.concatenate([jnp.array(prompt), text]))  # [P + T, V]
    np.testing.assert_array_equal(logits[len(prompt) - 1 : -1].argmax(axis=-1), text)


def test_the_whole_prompt_is_read(chain):
    one, other = (generate(chain, [first, 2], 20, keys(6), greedy())[0] for first in (1, 3))
    assert (one != other).any()


# ------------------------------------------------------------------ sampling


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
    limit = {2: 10.83, 3: 13.82, 4: 16.27}[len(expected)]
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


# ------------------------------------------------------------------ generate


@pytest.mark.parametrize("model", ["chain", "lstm"])
@pytest.mark.slow
def test_a_row_alone_is_the_row_among_others(model, request):
    model = request.getfixturevalue(model)
    many = generate(model, [1, 2], 20, keys(6), sample())
    for row in (0, 3, 5):
        alone = generate(model, [1, 2], 20, keys(6)[row : row + 1], sample())
        np.testing.assert_array_equal(alone[0], many[row])
    assert len(np.unique(many, axis=0)) == 6


def test_stop_fills_what_comes_after_and_changes_nothing_before(chain):
    free = np.asarray(generate(chain, [1, 2], 20, keys(6), sample()))
    stopped = np.asarray(generate(chain, [1, 2], 20, keys(6), sample(), stop=2))
    for with_stop, without in zip(stopped, free, strict=True):
        end = list(without).index(2) if 2 in without else len(without)
        np.testing.assert_array_equal(with_stop[:end], without[:end])
        assert (with_stop[end:] == 2).all()
    assert (stopped[:, -1] == 2).any()


def test_shape_dtype_and_both_kinds_of_keys(chain):
    new = generate(chain, np.array([1], np.int64), 7, keys(3), sample())
    old = generate(chain, [1], 7, jax.random.split(jax.random.PRNGKey(0), 3), sample())
    assert new.shape == (3, 7)
    assert new.dtype == jnp.int32
    np.testing.assert_array_equal(new, old)


def test_new_temperatures_prompts_keys_and_stops_compile_nothing(chain):
    generate(chain, [1, 2], 9, keys(2), sample(1.0, top_k=3, top_p=0.9))
    chain.traces.clear()
    for temperature in (0.3, 1, np.float64(2.0)):
        strategy = sample(temperature, top_k=2, top_p=float(temperature) / 2)
        generate(chain, [2, 1], 9, keys(2, seed=1), strategy, stop=3)
    assert chain.traces == []
    generate(chain, [2, 1, 1, 0], 9, keys(2), sample(0.5, 1, 0.5))
    assert set(chain.traces[:2]) == {"prefill", "step"}  # a longer prompt compiles the reading
    assert chain.traces.count("prefill") == 1


def test_a_function_of_your_own_is_a_strategy(chain):
    def least(logits, key):
        return logits.argmin()

    text = generate(chain, [0, 3], 5, keys(1), least)[0]
    line = [0, 3, *text.tolist()]
    for (before, last), token in zip(pairwise(line), line[2:], strict=False):
        assert token == int(chain.table[before, last].argmin())


def test_prompts_and_models_may_be_batched_from_outside(chain):
    prompts = jnp.array([[1, 2], [3, 4]])
    together = jax.vmap(lambda prompt: generate(chain, prompt, 6, keys(2), sample()))(prompts)
    for prompt, texts in zip(prompts, together, strict=True):
        np.testing.assert_array_equal(generate(chain, prompt, 6, keys(2), sample()), texts)
    twins = jax.tree.map(lambda leaf: jnp.stack([leaf, -leaf]), chain)
    together = jax.vmap(lambda model: generate(model, [1], 6, keys(2), sample()))(twins)
    np.testing.assert_array_equal(generate(chain, [1], 6, keys(2), sample()), together[0])


# ------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0.0}, r"temperature must be > 0 and finite, got 0.0"),
        ({"temperature": -1.0}, r"temperature must be > 0 and finite, got -1.0"),
        ({"temperature": float("inf")}, r"temperature must be > 0 and finite, got inf"),
        ({"temperature": float("nan")}, r"temperature must be > 0 and finite, got nan"),
        ({"top_k": 0}, r"top_k must be >= 1, got 0"),
        ({"top_p": 0.0}, r"top_p must be in \(0, 1\], got 0.0"),
        ({"top_p": 1.5}, r"top_p must be in \(0, 1\], got 1.5"),
    ],
)
def test_bad_strategies(arguments, message):
    with pytest.raises(ValueError, match=message):
        sample(**arguments)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"prompt": []}, r"prompt must hold at least one token, got none"),
        ({"prompt": [0, 5]}, r"prompt must be in 0 \.\. 4, got 5"),
        ({"prompt": [-1]}, r"prompt must be in 0 \.\. 4, got -1"),
        ({"length": 0}, r"length must be >= 1, got 0"),
        ({"stop": 5}, r"stop must be in 0 \.\. 4, got 5"),
        ({"keys": jax.random.key(0)}, r"keys must be a batch, keys\[B\], got .* shape \(\)"),
        ({"keys": jax.random.PRNGKey(0)}, r"keys must be a batch, keys\[B\], got .* shape \(2,\)"),
        ({"strategy": sample(top_k=6)}, r"top_k must be <= V = 5, got 6"),
    ],
)
def test_bad_input_to_generate(chain, changed, message):
    arguments = {"prompt": [0], "length": 3, "keys": keys(2), "strategy": greedy()} | changed
    chain.traces.clear()
    with pytest.raises(ValueError, match=message):
        generate(chain, **arguments)
    # At most the reading's shape was asked for: `prefill`, whose scan traces `step` once.
    assert chain.traces in ([], ["prefill"], ["prefill", "step"])


def test_prompts_are_integers_in_one_row(chain):
    with pytest.raises(TypeError, match=r"prompt must be int\[P\], got float64\[1\]"):
        generate(chain, [0.5], 3, keys(1), greedy())
    with pytest.raises(TypeError, match=r"prompt must be int\[P\], got int64\[1, 2\]"):
        generate(chain, [[0, 1]], 3, keys(1), greedy())


def test_a_cut_larger_than_the_vocabulary_is_refused_without_generate_too():
    with pytest.raises(ValueError, match=r"top_k must be <= V = 4, got 5"):
        sample(top_k=5)(jnp.zeros(4), jax.random.key(0))
