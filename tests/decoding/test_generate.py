"""Decoding against Python loops and the truth of a small Markov chain."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from markov import Markov, V, keys

from rnnlib.decoding.generate import generate
from rnnlib.decoding.strategies import greedy, sample

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


def broken_chain(entry):
    """After 3, 3 the logits hold the entry; else the next token is the last one and 1."""
    table = jnp.tile(20 * jnp.eye(V)[(jnp.arange(V) + 1) % V], (V, 1, 1)).at[2, 3].set(entry)
    return Markov(table)


@pytest.mark.parametrize(
    ("entry", "strategy"),
    [
        (np.nan, greedy()),
        (-np.inf, sample()),
        ([0, 0, np.inf, 0, 0], sample(top_k=2)),
        ([0, np.nan, 0, 0, 0], sample(top_p=0.5)),
    ],
)
def test_logits_that_are_no_distribution_are_named(entry, strategy):
    chain = broken_chain(jnp.array(entry, jnp.float32))
    message = r"no token can be chosen in row 0 at position 3: the logits hold NaN or \+inf, or"
    with pytest.raises(FloatingPointError, match=message):
        generate(chain, [0], 6, keys(2), strategy)
    assert generate(chain, [0], 3, keys(2), strategy).tolist() == 2 * [[1, 2, 3]]
    stopped = generate(chain, [0], 6, keys(2), strategy, stop=3)  # nothing is asked after the end
    assert stopped.tolist() == 2 * [[1, 2, 3, 3, 3, 3]]
    inside = jax.jit(lambda keys: generate(chain, [0], 6, keys, strategy))(keys(2))
    assert inside[:, :4].tolist() == 2 * [[1, 2, 3, -1]]
    with pytest.raises(FloatingPointError, match="no token can be chosen: the logits hold NaN"):
        strategy(chain.table[2, 3], keys(1)[0])
    assert jax.jit(strategy)(chain.table[2, 3], keys(1)[0]) == -1


def test_logits_are_looked_at_whatever_the_strategy():
    with pytest.raises(FloatingPointError, match=r"in row 0 at position 3"):
        generate(broken_chain(jnp.nan), [0], 6, keys(2), lambda logits, key: jnp.argmax(logits))


def test_the_first_row_that_broke_in_time_is_named(chain):
    def refuses(logits, key, tokens):
        said = (tokens < V).sum()  # the second row breaks first
        first = jax.random.key_data(key)[0] == jax.random.key_data(broken_key)[0]
        return jnp.where(first & (said == 3), -1, 2)

    broken_key = jax.random.split(keys(3)[1], 6)[2]
    with pytest.raises(FloatingPointError, match=r"in row 1 at position 2"):
        generate(chain, [1], 6, keys(3), refuses)


def test_a_rule_that_bars_everything_is_an_error(chain):
    def nothing(logits, key):
        return sample()(jnp.full(V, -jnp.inf), key)

    with pytest.raises(FloatingPointError, match=r"in row 0 at position 0"):
        generate(chain, [1], 4, keys(2), nothing)


def test_a_strategy_must_take_a_token(chain):
    message = r"must take a token in 0 \.\. 4, got 5 in row 0 at position 0"
    with pytest.raises(ValueError, match=message):
        generate(chain, [1], 4, keys(2), lambda logits, key: jnp.argmax(logits) * 0 + V)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"prompt": []}, r"prompt must hold at least one token, got none"),
        ({"prompt": [0, 5]}, r"prompt must be in 0 \.\. 4, got 5"),
        ({"prompt": [-1]}, r"prompt must be in 0 \.\. 4, got -1"),
        ({"length": 0}, r"length must be >= 1, got 0"),
        ({"stop": 5}, r"stop must be in 0 \.\. 4, got 5"),
        ({"keys": jax.random.key(0)}, r"keys must be a batch, keys\[B\], .* got key<fry>\[\]"),
        ({"keys": jax.random.PRNGKey(0)}, r"keys must be a batch, .* got uint32\[2\]"),
        ({"keys": 0}, r"keys must be a batch, keys\[B\], as from jax.random.split.*, got 0"),
        ({"keys": [1, 2]}, r"keys must be a batch, .* got \[1, 2\]"),
        ({"keys": np.zeros((3, 2))}, r"keys must be a batch, .* got float64\[3, 2\]"),
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


def test_a_strategy_is_a_function(chain):
    with pytest.raises(TypeError, match=r"strategy must be a function, got 0\.7"):
        generate(chain, [0], 3, keys(1), 0.7)


def test_prompts_are_integers_in_one_row(chain):
    with pytest.raises(TypeError, match=r"prompt must be int\[P\], got float64\[1\]"):
        generate(chain, [0.5], 3, keys(1), greedy())
    with pytest.raises(TypeError, match=r"prompt must be int\[P\], got int64\[1, 2\]"):
        generate(chain, [[0, 1]], 3, keys(1), greedy())


@pytest.mark.parametrize("changed", [{"length": 2.5}, {"length": True}, {"stop": 1.5}])
def test_lengths_and_symbols_are_whole_numbers(chain, changed):
    ((name, value),) = changed.items()
    with pytest.raises(TypeError, match=f"{name} must be one whole number, got {value}"):
        generate(chain, **({"prompt": [0], "length": 3} | changed), keys=keys(1), strategy=greedy())
