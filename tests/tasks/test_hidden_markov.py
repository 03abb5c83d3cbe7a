"""Hidden-Markov languages: the oracle against enumeration of all chains, and against sampling."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.tasks.hidden_markov import HiddenMarkov, draw_hidden_markov, hidden_markov

SOURCES = {
    "forgets": draw_hidden_markov(jax.random.key(0), switch=0.3, length=6, chains=3, tokens=4),
    "topic": draw_hidden_markov(jax.random.key(1), switch=0.0, length=6, chains=2, tokens=3),
}
every_source = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)


def enumerated(source: HiddenMarkov, text: tuple[int, ...]) -> np.ndarray:
    """P(x_1 .. x_T, chain at work behind x_T) as a sum over all paths of chains: [K]."""
    chains, switch = np.asarray(source.chains, float), float(source.switch)
    count, size, _ = chains.shape
    joint = np.zeros(count)
    for path in itertools.product(range(count), repeat=len(text)):
        p = 1 / (size * count)
        for t in range(len(text) - 1):
            p *= chains[path[t], text[t], text[t + 1]]
            p *= 1 - switch if path[t] == path[t + 1] else switch / (count - 1)
        joint[path[-1]] += p
    return joint


@every_source
def test_the_belief_and_the_law_are_those_of_enumeration(source):
    chains = np.asarray(source.chains)
    for text in [(0,), (1, 2), (2, 2, 0, 1), (0, 1, 2, 1, 0)]:
        tokens = jnp.array(text)
        beliefs, laws = jnp.exp(source.log_belief(tokens)), jnp.exp(source.log_law(tokens))
        for t in range(len(text)):
            joint = enumerated(source, text[: t + 1])
            belief = joint / joint.sum()
            np.testing.assert_allclose(beliefs[t], belief, rtol=1e-4)
            np.testing.assert_allclose(laws[t], belief @ chains[:, text[t]], rtol=1e-4)


@every_source
def test_the_law_is_how_often_what_comes_next(source):
    texts = jax.jit(jax.vmap(lambda key: source.text(key, 4)))(
        jax.random.split(jax.random.key(2), 200_000)
    )
    prefix = np.array([0, 1, 0])
    after = np.asarray(texts)[(np.asarray(texts)[:, :3] == prefix[None]).all(axis=1), 3]
    law = np.exp(np.asarray(source.log_law(jnp.array(prefix)))[-1])
    shares = np.bincount(after, minlength=len(law)) / len(after)
    np.testing.assert_allclose(shares, law, atol=4 * np.sqrt(0.25 / len(after)))


def test_a_topic_is_kept_and_a_switch_forgets():
    """Two chains that tell themselves apart by their only possible token."""
    ones = np.full((2, 2, 2), 0.01)
    ones[0, :, 0] = ones[1, :, 1] = 0.99
    text = jnp.array([0, 0, 0, 0, 1])
    topic, forgetful = (hidden_markov(jnp.array(ones), switch, 5) for switch in (0.0, 0.4))
    assert jnp.exp(topic.log_belief(text))[-1, 0] > 0.99
    assert jnp.exp(forgetful.log_belief(text))[-1, 0] < 0.5


def test_the_belief_stays_exact_over_thousands_of_tokens():
    source = draw_hidden_markov(jax.random.key(3), switch=0.0, length=5000)
    belief = source.log_belief(source.text(jax.random.key(4), 5000))
    assert np.isfinite(np.asarray(belief)).all()
    np.testing.assert_allclose(jnp.exp(belief).sum(axis=1), 1, atol=1e-4)
    assert belief[-1].min() < -200  # far below what a plain float32 holds


@every_source
def test_the_oracle_reads_token_by_token_as_it_reads_at_once(source):
    text = source.text(jax.random.key(8), 6)
    laws, state = source.log_law(text), source.init_state()
    for t, token in enumerate(text):
        state, law = source.step(state, token)
        np.testing.assert_allclose(law, laws[t], atol=1e-5)
    read, law = source.prefill(text)
    np.testing.assert_allclose(law, laws[-1], atol=1e-5)
    np.testing.assert_allclose(read[0], state[0], atol=1e-5)


@every_source
def test_the_floor_is_the_entropy_of_the_text_itself(source):
    """By the chain rule: H(x_1 .. x_{T+1}) - H(x_1), all texts enumerated."""
    short = HiddenMarkov(source.chains, source.switch, 3)
    texts = itertools.product(range(short.vocabulary_size), repeat=4)
    p = np.array([enumerated(short, text).sum() for text in texts])
    assert p.sum() == pytest.approx(1, abs=1e-5)
    exact = (-(p * np.log(p)).sum() - np.log(short.vocabulary_size)) / 3
    assert short.floor(4096) == pytest.approx(exact, abs=0.02)


def test_an_example_is_a_text_and_what_follows():
    example = SOURCES["topic"](jax.random.key(5))
    assert example.inputs.shape == example.targets.shape == (6,)
    np.testing.assert_array_equal(example.inputs[1:], example.targets[:-1])
    assert example.mask.all()


def test_sources_of_several_seeds_can_be_stacked():
    draw = lambda key: draw_hidden_markov(key, switch=0.1, length=6)  # noqa: E731
    keys = jax.random.split(jax.random.key(6), 3)
    stacked, text = jax.vmap(draw)(keys), jnp.array([0, 3, 1])
    laws = jax.vmap(lambda source: source.log_law(text))(stacked)
    np.testing.assert_allclose(laws[1], draw(keys[1]).log_law(text), rtol=1e-5)


def test_rows_of_a_drawn_source_are_distributions_with_a_floor():
    chains = draw_hidden_markov(jax.random.key(7), switch=0.1, length=6).chains
    np.testing.assert_allclose(chains.sum(axis=2), 1, rtol=1e-5)
    assert chains.min() >= 0.02 / 8 * 0.999


HALVES = np.full((2, 2, 2), 0.5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: hidden_markov(HALVES[:1], 0.1, 5), "K >= 2, got .* nothing to believe"),
        (lambda: hidden_markov(HALVES[:, :1], 0.1, 5), r"must be \[K, V, V\]"),
        (lambda: hidden_markov(HALVES * 1.1, 0.1, 5), "row 0 of chain 0, which has sum 1.1"),
        (lambda: hidden_markov(HALVES, 1.0, 5), r"switch must be in \[0, 1\), got 1.0"),
        (lambda: hidden_markov(HALVES, 0.1, 0), "length must be a whole number >= 1, got 0"),
        (lambda: draw_hidden_markov(jax.random.key(0), switch=0, length=5, chains=1), "chains"),
        (
            lambda: draw_hidden_markov(jax.random.key(0), switch=0, length=5, concentration=0),
            "concentration must be > 0",
        ),
    ],
)
def test_a_source_that_is_none_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_prefix_without_an_answer_is_refused():
    certain = np.zeros((2, 2, 2))
    certain[:, :, 0] = 1  # nothing leads to token 1
    source = hidden_markov(certain, 0.0, 5)
    with pytest.raises(
        ValueError, match=r"cannot write this prefix: .* from 0 to 1, at position 2"
    ):
        source.log_law(jnp.array([0, 0, 1, 0]))
    with pytest.raises(ValueError, match=r"tokens must be in 0 .. 1, got 0 to 2"):
        source.log_law(jnp.array([0, 2]))
    with pytest.raises(ValueError, match="at least one token"):
        source.log_law(jnp.array([], int))
    with pytest.raises(ValueError, match="at least one token"):
        jax.jit(source.log_law)(jnp.array([], int))
