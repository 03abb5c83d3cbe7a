"""Languages of a Markov chain of order 2: the law, the floor, and what greedy decoding makes."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.decoding.generate import generate
from rnnlib.decoding.strategies import greedy, sample
from rnnlib.tasks.markov import Markov, draw_markov, markov
from rnnlib.tasks.task import batches
from rnnlib.texts.loops import cycles, find_loop

SOURCES = {
    "dense": draw_markov(jax.random.key(0), length=4, tokens=3, concentration=1.0),
    "sparse": draw_markov(jax.random.key(1), length=4, tokens=4),
}
every_source = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)


def probability(source: Markov, text: tuple[int, ...]) -> float:
    """P(x_1 .. x_T), token by token."""
    table, p = np.asarray(source.table, float), 1 / source.vocabulary_size ** min(len(text), 2)
    for before, last, following in zip(text, text[1:], text[2:], strict=False):
        p *= table[before, last, following]
    return p


@every_source
def test_the_law_is_the_share_of_texts_that_go_on_so(source):
    size = source.vocabulary_size
    for text in [(0,), (1, 2), (2, 2, 0, 1), (0, 1, 2, 1, 0)]:
        laws = np.exp(source.log_law(jnp.array(text)))
        assert laws.shape == (len(text), size)
        for t in range(1, len(text) + 1):
            joint = np.array([probability(source, (*text[:t], v)) for v in range(size)])
            if joint.sum():  # else no text begins so, and only the last two tokens tell
                np.testing.assert_allclose(laws[t - 1], joint / joint.sum(), rtol=1e-5, atol=1e-37)


@every_source
def test_tokens_come_as_often_as_the_law_says(source):
    size, count = source.vocabulary_size, 100_000
    texts = np.asarray(jax.jit(batches(lambda key: source.text(key, 4), count))(jax.random.key(2)))
    expected = np.array([probability(source, t) for t in itertools.product(range(size), repeat=4)])
    assert expected.sum() == pytest.approx(1, abs=1e-5)
    shares = np.bincount(texts @ size ** np.arange(4)[::-1], minlength=size**4) / count
    np.testing.assert_allclose(shares, expected, atol=5 * np.sqrt(expected.max() / count))


@every_source
def test_the_floor_is_the_entropy_of_the_text_itself(source):
    """By the chain rule: H(x_1 .. x_{T+1}) - H(x_1), all texts enumerated."""
    texts = itertools.product(range(source.vocabulary_size), repeat=5)
    p = np.array([probability(source, text) for text in texts])
    exact = (-(p[p > 0] * np.log(p[p > 0])).sum() - math.log(source.vocabulary_size)) / 4
    assert source.floor() == pytest.approx(exact, abs=1e-5)
    assert Markov(source.table, 1).floor() == pytest.approx(math.log(source.vocabulary_size))


def losses(source, log_law, count=10_000):
    """Mean losses of texts, and the standard error of their mean."""
    drawn = jax.jit(batches(source, count))(jax.random.key(3))
    laws = jax.jit(jax.vmap(log_law))(drawn.inputs)
    loss = -jnp.take_along_axis(laws, drawn.targets[..., None], axis=2).mean(axis=(1, 2))
    return float(loss.mean()), float(loss.std() / math.sqrt(count))


@pytest.mark.slow
@every_source
def test_no_model_gets_below_the_floor_and_the_oracle_reaches_it(source):
    loss, error = losses(source, source.log_law)
    assert loss == pytest.approx(source.floor(), abs=5 * error)
    rival = draw_markov(
        jax.random.key(4), length=4, tokens=source.vocabulary_size, concentration=9.0
    )
    for share in (0.01, 0.5):  # the oracle, mixed with what is wrong
        mixed = Markov((1 - share) * source.table + share * rival.table, 4)
        loss, error = losses(source, mixed.log_law)
        assert loss > source.floor() - 3 * error
    entropy = lambda key: source.entropy(source(key).inputs)  # noqa: E731
    entropies = jax.jit(batches(entropy, 10_000))(jax.random.key(5))
    assert float(entropies.mean()) == pytest.approx(source.floor(), abs=0.02)


@every_source
def test_the_oracle_reads_token_by_token_as_it_reads_at_once(source):
    text = jnp.array([0, 2, 2, 1, 0, 1])
    laws, state = source.log_law(text), source.init_state()
    for t, token in enumerate(text):
        state, law = source.step(state, token)
        np.testing.assert_array_equal(law, laws[t])
    read, law = source.prefill(text)
    np.testing.assert_array_equal(law, laws[-1])
    assert read == state


@pytest.mark.parametrize("seed", range(4))
def test_greedy_texts_from_every_pair_are_the_walks_of_the_machine(seed):
    size = 5
    source = draw_markov(jax.random.key(seed), length=9, tokens=size)
    found = cycles(source.successor())
    for a, b in itertools.product(range(size), repeat=2):
        keys = jax.random.split(jax.random.key(0), 1)
        written = np.asarray(generate(source, jnp.array([a, b]), 90, keys, greedy()))[0]
        track, pair = [a, b, *written.tolist()], a * size + b
        lap = found.laps[found.cycle[pair]]
        loop = find_loop(track)
        assert loop is not None and loop == (found.transient[pair], len(lap))
        at = loop.transient
        assert track[at] * size + track[at + 1] in lap
        assert set(track[at:]) == set((lap // size).tolist())


def test_an_order_that_cannot_be_mistaken():
    """From (before, last) = (0, 1) comes 2, from (1, 0) comes 1."""
    table = np.zeros((3, 3, 3))
    table[..., 0] = 1
    table[0, 1], table[1, 0] = np.eye(3)[2], np.eye(3)[1]
    source = markov(table, 3)
    np.testing.assert_array_equal(source.log_law(jnp.array([0, 1, 0]))[1:].argmax(axis=1), [2, 1])
    np.testing.assert_array_equal(source.successor(), [0, 5, 6, 1, 3, 6, 0, 3, 6])
    assert (jnp.exp(source.entropy(jnp.array([0, 1, 0]))) - jnp.array([3, 1, 1]) < 1e-5).all()


@pytest.mark.slow
def test_nothing_is_nan_where_probabilities_are_0_in_float32():
    source = draw_markov(jax.random.key(6), length=40, concentration=0.02)
    assert (source.table == 0).mean() > 0.05
    np.testing.assert_allclose(source.table.sum(axis=2), 1, atol=1e-5)
    impossible = int(source.table[0, 1].argmin())
    prefix = jnp.array([0, 1, impossible, 3])  # the chain does not write it
    assert source.log_law(prefix)[1, impossible] == -jnp.inf
    assert not jnp.isnan(source.log_law(prefix)).any()
    assert jnp.isfinite(source.entropy(prefix)).all() and math.isfinite(source.floor())
    for strategy in (greedy(), sample()):
        written = generate(source, prefix, 50, jax.random.split(jax.random.key(7), 3), strategy)
        assert 0 <= written.min() <= written.max() < 32


def test_an_example_is_a_text_and_what_follows():
    example = SOURCES["sparse"](jax.random.key(5))
    assert example.inputs.shape == example.targets.shape == (4,)
    np.testing.assert_array_equal(example.inputs[1:], example.targets[:-1])
    assert example.mask.all()


def test_sources_of_several_seeds_can_be_stacked():
    draw = lambda key: draw_markov(key, length=6, tokens=5)  # noqa: E731
    keys, text = jax.random.split(jax.random.key(6), 3), jnp.array([0, 3, 1])
    laws = jax.jit(jax.vmap(lambda source: source.log_law(text)))(jax.vmap(draw)(keys))
    np.testing.assert_allclose(laws[1], draw(keys[1]).log_law(text), rtol=1e-5)


HALVES = np.full((2, 2, 2), 0.5)
KEY = jax.random.key(0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: markov(HALVES[0], 5), r"table must be \[V, V, V\] with V >= 2, got \[2, 2\]"),
        (lambda: markov(HALVES[:, :1], 5), r"got \[2, 1, 2\]"),
        (lambda: markov(np.ones((1, 1, 1)), 5), r"got \[1, 1, 1\]"),
        (lambda: markov(HALVES * [[[1], [1.1]]], 5), r"got table\[0, 1\] with sum 1.1"),
        (
            lambda: markov(HALVES + np.array([0.7, -0.7]), 5),
            r"table\[0, 0\] with sum 1 and least entry -0.2",
        ),
        (lambda: markov(HALVES * [[[1]], [[np.nan]]], 5), r"got table\[1, 0\] with sum nan"),
        (lambda: markov(HALVES, 0), "length must be a whole number >= 1, got 0"),
        (lambda: draw_markov(KEY, length=5, tokens=1), "tokens must be a whole number >= 2"),
        (lambda: draw_markov(KEY, length=0), "length must be a whole number >= 1"),
        (lambda: draw_markov(KEY, length=5, concentration=0), "concentration must be between"),
        (lambda: draw_markov(KEY, length=5, concentration=np.nan), "concentration must be between"),
        (lambda: markov(HALVES, 5).log_law(jnp.array([0, 2])), "tokens must be in 0 .. 1"),
        (lambda: markov(HALVES, 5).prefill(jnp.array([-1, 1])), "tokens must be in 0 .. 1"),
        (lambda: markov(HALVES, 5).entropy(jnp.array([], int)), r"T >= 1, got shape \[0\]"),
        (lambda: markov(HALVES, 5).log_law(jnp.array([[0, 1]])), r"T >= 1, got shape \[1, 2\]"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
