"""Decoding against Python loops, brute force and the truth of a small Markov chain."""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.decode import beam_search, generate, greedy, sample
from rnnlib.models import LanguageModel

V = 5


@partial(jax.tree_util.register_dataclass, data_fields=["table"], meta_fields=[])
@dataclass
class Markov:
    """An order-2 Markov chain: the state is the last token, table[before, last] the logits."""

    table: jax.Array  # [V, V, V]
    traces: ClassVar[list[str]] = []  # a note for each time that JAX traces, that is compiles

    def init_state(self):
        return jnp.array(0)

    def step(self, state, token):
        self.traces.append("step")
        return token, self.table[state, token]

    def prefill(self, tokens):
        self.traces.append("prefill")
        state, logits = jax.lax.scan(self.step, self.init_state(), tokens)
        return state, logits[-1]


@pytest.fixture(scope="module")
def chain():
    return Markov(2 * jax.random.normal(jax.random.key(3), (V, V, V)))


@pytest.fixture(scope="module")
def lstm():
    model = LanguageModel(V, 8, layers=2, rngs=nnx.Rngs(1))
    # Untrained logits are all alike: larger ones make the choices clear.
    return jax.tree.map(lambda leaf: 3 * leaf, model)


def keys(batch, seed=0):
    return jax.random.split(jax.random.key(seed), batch)


def log_p(chain, prompt, text):
    """Log-probability of a text after a prompt, token by token in NumPy."""
    table = np.asarray(jax.nn.log_softmax(chain.table), np.float64)
    line = [0, *prompt, *text]
    return sum(float(table[tuple(line[t - 2 : t + 1])]) for t in range(len(prompt) + 1, len(line)))


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


# ------------------------------------------------------------------ beam search


@pytest.mark.parametrize("model", ["chain", "lstm"])
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


def test_wider_beams_find_no_worse_texts_at_full_width(chain):
    best = brute_force(chain, [0], 4)[0][1]
    for width in (1, 3, V):
        assert beam_search(chain, [0], 4, width)[1][0] <= best + 1e-5


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
    assert set(chain.traces) <= {"prefill"}  # at most the reading's shape was asked for


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


def test_prompts_are_integers_in_one_row(chain):
    with pytest.raises(TypeError, match=r"prompt must be int\[P\], got float64\[1\]"):
        generate(chain, [0.5], 3, keys(1), greedy())
    with pytest.raises(TypeError, match=r"prompt must be int\[P\], got int64\[1, 2\]"):
        generate(chain, [[0, 1]], 3, keys(1), greedy())


def test_a_cut_larger_than_the_vocabulary_is_refused_without_generate_too():
    with pytest.raises(ValueError, match=r"top_k must be <= V = 4, got 5"):
        sample(top_k=5)(jnp.zeros(4), jax.random.key(0))
