"""Penalties against Python loops, alone and in every decoder."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from markov import HARD, V, keys, penalised

from rnnlib.decoding.beam import beam_search
from rnnlib.decoding.generate import generate
from rnnlib.decoding.penalties import penalties
from rnnlib.decoding.strategies import greedy, sample, sees_tokens

SETTINGS = [
    {},
    {"repetition": 1.7},
    {"repetition": 0.6},
    {"frequency": 0.8},
    {"frequency": -0.3},
    *({"block_ngrams": n} for n in (1, 2, 3, 4, 9, 100)),
    {"repetition": 1.3, "frequency": 0.4, "block_ngrams": 2},
]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_penalised_logits_are_a_python_loop(setting):
    rng = np.random.default_rng(1)
    lower = jax.jit(penalties(**setting))
    for _ in range(20):
        logits = np.round(rng.normal(size=V) * 2).astype(np.float32)  # ties and zeros
        logits[rng.integers(V)] = -np.inf
        for said in (1, 2, 3, 5, 9):
            line = rng.integers(0, 3, said).tolist()  # of three tokens: they repeat
            tokens = np.array([V] * (9 - said) + line)
            expected = penalised(logits, line, **setting)
            np.testing.assert_allclose(lower(logits, tokens), expected, rtol=1e-6)


def test_a_negative_logit_falls_too():
    lower = penalties(repetition=2.0)(jnp.array([3.0, -3.0, 3.0, -3.0]), jnp.array([4, 0, 1]))
    np.testing.assert_array_equal(lower, [1.5, -6.0, 3.0, -3.0])


def test_by_hand_the_third_token_would_complete_a_trigram():
    line = jnp.array([9, 9, 1, 2, 3, 1, 2])  # 1 2 3 was said; 9 is no token
    blocked = lambda n: np.flatnonzero(jax.jit(penalties(block_ngrams=n))(jnp.zeros(9), line))  # noqa: E731
    assert blocked(1).tolist() == [1, 2, 3]
    assert blocked(2).tolist() == blocked(3).tolist() == [3]
    assert blocked(4).tolist() == blocked(7).tolist() == blocked(8).tolist() == []


# ------------------------------------------------------------------ in the decoders


def loop(chain, prompt, key, choose, length, setting, stop=None):
    """Write in a Python loop: `choose(penalised logits, key)` takes the next token."""
    line = [0, *prompt]  # the chain's state before its first token is 0
    for step_key in jax.random.split(key, length):
        logits = penalised(chain.table[line[-2], line[-1]], line[1:], **setting)
        over = stop in line[len(prompt) + 1 :]
        line.append(stop if over else int(choose(logits, step_key)))
    return line[len(prompt) + 1 :]


@pytest.mark.parametrize("prompt", [[1], [3, 1, 3, 1, 3]])
@pytest.mark.parametrize("stop", [None, 2])
@pytest.mark.parametrize("name", ["greedy", "sample"])
def test_decoding_with_penalties_is_a_python_loop(chain, prompt, stop, name):
    rules = penalties(**HARD)
    if name == "greedy":
        strategy, choose = greedy(penalties=rules), lambda logits, key: logits.argmax()
    else:
        cuts = {"top_k": 4, "min_p": 0.05, "typical_p": 0.95}
        strategy, choose = sample(0.8, **cuts, penalties=rules), jax.jit(sample(0.8, **cuts))
    texts = generate(chain, prompt, 12, keys(3), strategy, stop=stop)
    for key, text in zip(keys(3), texts, strict=True):
        assert text.tolist() == loop(chain, prompt, key, choose, 12, HARD, stop)
    assert stop or text.tolist() != loop(chain, prompt, key, choose, 12, {}, stop)


@pytest.mark.slow
def test_penalties_that_change_nothing_change_nothing(chain):
    plain = generate(chain, [1, 2], 20, keys(6), sample())
    same = generate(chain, [1, 2], 20, keys(6), sample(penalties=penalties(block_ngrams=30)))
    np.testing.assert_array_equal(plain, same)
    beams = (beam_search(chain, [1, 2], 9, 4, penalties=rules) for rules in (None, penalties()))
    for one, other in zip(*beams, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_without_penalties_no_tokens_are_kept():
    assert not sees_tokens(greedy()) and not sees_tokens(sample(top_p=0.5))
    assert sees_tokens(greedy(penalties())) and sees_tokens(sample(penalties=penalties()))


def test_a_rule_of_your_own_is_a_penalty(chain):
    def no_token_twice_in_a_row(logits, tokens):
        return logits.at[tokens[-1]].set(-jnp.inf)

    rows = generate(chain, [3], 9, keys(4), sample(penalties=no_token_twice_in_a_row))
    rows = jnp.concatenate(
        [rows, beam_search(chain, [3], 9, 4, penalties=no_token_twice_in_a_row)[0]]
    )
    assert (rows[:, 0] != 3).all() and (rows[:, 1:] != rows[:, :-1]).all()


def test_another_number_compiles_nothing(chain):
    for repetition, frequency, power in [(1.2, 0.1, 0.5), (2, np.float32(0.0), 1)]:
        rules = penalties(repetition, frequency, block_ngrams=2)
        for strategy in (greedy(rules), sample(0.7, min_p=power / 9, penalties=rules)):
            generate(chain, [2, 1], 9, keys(2), strategy)
        beam_search(chain, [2, 1], 9, 3, penalties=rules, length_power=power)
        if repetition == 1.2:
            chain.traces.clear()
    assert chain.traces == []
    generate(chain, [2, 1], 9, keys(2), greedy(penalties(block_ngrams=3)))
    assert "step" in chain.traces  # n is a size


# ------------------------------------------------------------------ errors


def test_blocking_every_token_is_an_error_that_says_so(chain):
    once = penalties(block_ngrams=1)
    message = r"in row 0 at position 4: the logits .* as when penalties block every token"
    with pytest.raises(FloatingPointError, match=message):
        generate(chain, [2], 5, keys(2), greedy(once))
    assert len(set(generate(chain, [2], 4, keys(1), sample(penalties=once))[0].tolist())) == 4
    stopping = generate(chain, [2], 5, keys(9), sample(penalties=once), stop=0)
    assert (stopping[:, 3:] == 0).all()  # 0 comes once, at the fourth place at the latest
    with pytest.raises(FloatingPointError, match=message):
        beam_search(chain, [2], 5, 7, penalties=once)
    inside = jax.jit(lambda prompt: beam_search(chain, prompt, 5, 7, penalties=once)[1])
    assert jnp.isnan(inside(jnp.array([2]))).any()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"repetition": 0}, r"repetition must be > 0 and finite, got 0.0"),
        ({"repetition": -1.5}, r"repetition must be > 0 and finite, got -1.5"),
        ({"repetition": np.inf}, r"repetition must be > 0 and finite, got inf"),
        ({"repetition": np.nan}, r"repetition must be > 0 and finite, got nan"),
        ({"frequency": np.inf}, r"frequency must be finite, got inf"),
        ({"frequency": np.nan}, r"frequency must be finite, got nan"),
        ({"block_ngrams": 0}, r"block_ngrams must be >= 1, got 0"),
        ({"block_ngrams": -2}, r"block_ngrams must be >= 1, got -2"),
    ],
)
def test_bad_penalties(setting, message):
    with pytest.raises(ValueError, match=message):
        penalties(**setting)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"repetition": None}, r"repetition must be one number, got None"),
        ({"repetition": True}, r"repetition must be one number, got True"),
        ({"frequency": "1"}, r"frequency must be one number, got '1'"),
        ({"frequency": [0.1, 0.2]}, r"frequency must be one number, got \[0.1, 0.2\]"),
        ({"block_ngrams": 3.0}, r"block_ngrams must be one whole number, got 3.0"),
        ({"block_ngrams": True}, r"block_ngrams must be one whole number, got True"),
    ],
)
def test_what_is_no_number_is_no_penalty(setting, message):
    with pytest.raises(TypeError, match=message):
        penalties(**setting)
