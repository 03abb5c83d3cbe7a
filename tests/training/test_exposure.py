"""Prefixes and labels: with writers and sources of which it is known what they write and say."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.tasks.hidden_markov import draw_hidden_markov
from rnnlib.training.exposure import exposure
from rnnlib.training.fit import fit
from rnnlib.training.losses import next_token_loss

KEY, B, T = jax.random.key(0), 64, 40
SOURCE = draw_hidden_markov(jax.random.key(1), switch=0.0, length=T, chains=2, tokens=4)
TEXTS = jax.vmap(lambda key: SOURCE.text(key, T + 1))(jax.random.split(jax.random.key(2), B))


class Bigram(NamedTuple):
    """A writer that sees its last token only."""

    table: Any  # logits[V, V]

    @property
    def vocabulary_size(self) -> int:
        return self.table.shape[-1]

    def __call__(self, tokens):
        return self.table[tokens]

    def prefill(self, tokens):
        return tokens[-1], self.table[tokens[-1]]

    def step(self, state, token):
        del state
        return token, self.table[token]


class Constant(NamedTuple):
    """A source whose text is all of one token."""

    vocabulary_size: int = 4
    token: int = 2

    def text(self, key, length):
        del key
        return jnp.full(length, self.token)

    def log_law(self, tokens):
        return jnp.full((len(tokens), self.vocabulary_size), -jnp.log(4.0))


def always(token: int, size: int = 5) -> Bigram:
    return Bigram(jnp.zeros((size, size)).at[:, token].set(100.0))


WRITER = always(4)
COUNTS_ON = Bigram(100.0 * jnp.roll(jnp.eye(4), 1, axis=1))  # after v comes v + 1


def read(own: float, model: Any = WRITER, texts: jax.Array = TEXTS, **setting: Any) -> Any:
    """Read in place of the texts; the fifth token is the model's, no text has it."""
    return np.asarray(exposure(own, steps=1, **setting).read(model, texts[:, :-1], KEY, 0))


def test_without_coin_and_noise_the_text_is_read():
    assert (read(0.0) == TEXTS[:, :-1]).all()


@pytest.mark.parametrize("own", [0.2, 0.7])
def test_each_token_has_its_own_coin_and_the_share_is_the_models(own):
    mine = read(own)[:, 1:] == 4
    assert mine.mean() == pytest.approx(own, abs=0.04)  # 1 - own would be far off
    rows = mine.mean(axis=1)
    assert rows.min() > 0 and rows.max() < 1  # no text has one coin for all of it
    assert rows.std() == pytest.approx(np.sqrt(own * (1 - own) / (T - 1)), rel=0.4)
    both = (mine[:, 1:] & mine[:, :-1]).mean()
    assert both == pytest.approx(own**2, abs=0.05)


@pytest.mark.parametrize("own", [0.0, 0.25, 0.5, 1.0])
def test_with_a_coin_for_each_text_exactly_the_share_is_the_models(own):
    mine = read(own, coin="text")[:, 1:] == 4
    assert (mine.all(axis=1) | ~mine.any(axis=1)).all()
    assert mine.all(axis=1).sum() == own * B


def test_the_first_token_is_the_texts_own():
    everything = read(1.0, noise=1.0)
    assert (everything[:, 0] == TEXTS[:, 0]).all() and (everything[:, 1:] == 4).all()


def test_own_tokens_go_on_from_what_was_read_and_not_from_the_text():
    counted = (np.asarray(TEXTS[:, :1]) + np.arange(T)) % 4
    assert (read(1.0, COUNTS_ON) == counted).all()
    assert (read(1.0, COUNTS_ON, noise=1.0) == counted).all()  # the first token is no noise


def test_own_tokens_are_drawn_from_the_models_law():
    law = jnp.array([0.1, 0.2, 0.3, 0.4])
    tokens = read(1.0, Bigram(jnp.tile(jnp.log(law), (4, 1))))[:, 1:]
    shares = np.bincount(tokens.ravel(), minlength=4) / tokens.size
    assert np.abs(shares - law).max() < 0.03


def test_noise_is_uniform_and_where_the_coin_left_the_text():
    noisy = read(0.0, always(0, 4), noise=0.3)
    assert (noisy[:, 1:] != TEXTS[:, 1:-1]).mean() == pytest.approx(0.3 * 3 / 4, abs=0.03)
    both = read(0.5, always(4, 5), jnp.full_like(TEXTS, 2), noise=0.5)[:, 1:]
    shares = [(both == token).mean() for token in range(5)]
    np.testing.assert_allclose(shares, [0.05, 0.05, 0.3, 0.05, 0.55], atol=0.03)


def test_labels_of_the_text_are_its_next_tokens_whatever_was_read():
    targets = exposure(0.0, steps=1).targets(SOURCE, TEXTS, 3 - TEXTS[:, :-1], KEY)
    assert (targets.argmax(axis=2) == TEXTS[:, 1:]).all() and (targets.sum(axis=2) == 1).all()


def test_the_law_is_that_behind_what_was_read():
    other = TEXTS[::-1, ::-1][:, :-1]
    targets = exposure(1.0, steps=1, labels="law").targets(SOURCE, TEXTS, other, KEY)
    for n in range(3):
        np.testing.assert_allclose(targets[n], jnp.exp(SOURCE.log_law(other[n])), atol=1e-5)


def test_drawn_labels_are_drawn_from_the_law_behind_what_was_read():
    other = jnp.tile(TEXTS[::-1, ::-1][:1, :-1], (B, 1))  # the same for all: their mean is the law
    keys = jax.random.split(KEY, 64)
    drawn = exposure(1.0, steps=1, labels="drawn")
    targets = jax.vmap(lambda key: drawn.targets(SOURCE, TEXTS, other, key))(keys)  # [64, B, T, V]
    assert (targets.max(axis=3) == 1).all() and (targets.sum(axis=3) == 1).all()
    law = jnp.exp(SOURCE.log_law(other[0]))
    assert np.abs(targets.mean(axis=(0, 1)) - law).max() < 0.04


def test_own_zero_and_labels_of_the_text_are_maximum_likelihood():
    source, model = Constant(), Bigram(jax.random.normal(KEY, (4, 4)))
    loss = exposure(0.0, steps=1).loss(source, model, KEY, 0, batch=3, length=5)
    assert loss == pytest.approx(float(next_token_loss(model, jnp.full((3, 6), 2))), abs=1e-6)


@pytest.mark.parametrize("labels", ["text", "drawn", "law"])
@pytest.mark.parametrize("coin", ["token", "text"])
def test_every_setting_costs_the_same_number_of_predictions(labels, coin):
    setting = exposure(0.5, steps=1, labels=labels, coin=coin, noise=0.1)
    tokens = setting.read(COUNTS_ON, TEXTS[:, :-1], KEY, 0)
    assert tokens.shape == (B, T)
    targets = setting.targets(SOURCE, TEXTS, tokens, KEY)
    assert targets.shape == (B, T, 4)
    np.testing.assert_allclose(targets.sum(), B * T, rtol=1e-5)


def test_a_schedule_gives_each_step_its_share():
    rising = exposure([0.0, 0.25, 1.0], steps=3)
    for step, share in enumerate([0.0, 0.25, 1.0]):
        tokens = np.asarray(rising.read(always(4), TEXTS[:, :-1], KEY, step))
        assert (tokens[:, 1:] == 4).mean() == pytest.approx(share, abs=0.04)


def test_what_is_set_is_not_learned():
    """A student may carry its setting: then the gradient with respect to it is none."""
    setting, model = exposure(0.5, steps=1, labels="drawn"), COUNTS_ON
    gradient = jax.grad(lambda setting: setting.loss(SOURCE, model, KEY, 0, batch=2, length=5))
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(gradient(setting)))


def test_own_prefixes_with_the_law_teach_the_law_where_the_writer_goes():
    """A source of one chain, as two equal ones, is a table: it is learned on own prefixes, too."""
    chain = SOURCE.chains[:1]
    source = draw_hidden_markov(KEY, switch=0.0, length=T, chains=2, tokens=4)
    source = type(source)(jnp.tile(chain, (2, 1, 1)), source.switch, T)
    setting = exposure(1.0, steps=200, labels="law")
    run = fit(
        lambda key: Bigram(0.0 * jax.random.normal(key, (4, 4))),
        lambda model, now: setting.loss(source, model, *now, batch=16, length=20),
        lambda key, step: (key, step), KEY, steps=200, learning_rate=0.1, checks=1, progress=False,
    )  # fmt: skip
    assert np.abs(jax.nn.softmax(run.model.table) - chain[0]).max() < 0.02


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (1.2, r"own must be in 0 \.\. 1, got 1.2"),
        (np.linspace(-0.5, 1, 5), r"own must be in 0 \.\. 1, got -0.5 to 1.0"),
        (np.linspace(0, 1, 4), r"one for each of 5 steps, got shape \(4,\)"),
        (float("nan"), r"own must be in 0 \.\. 1"),
    ],
)
def test_a_share_out_of_range_or_a_schedule_that_ends_too_soon_is_refused(own, message):
    with pytest.raises(ValueError, match=message):
        exposure(own, steps=5)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"labels": "hard"}, "labels must be one of text, drawn, law, got 'hard'"),
        ({"coin": "sequence"}, "coin must be one of token, text"),
        ({"noise": 1.5}, r"noise must be in 0 \.\. 1, got 1.5"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        exposure(0.5, steps=5, **setting)


def test_an_oracle_of_another_vocabulary_is_refused():
    with pytest.raises(ValueError, match="the source has 4 tokens, and the model 5"):
        exposure(0.0, steps=1).loss(SOURCE, always(4), KEY, 0)
    with pytest.raises(ValueError, match="batch and length must be >= 1, got 0 and 96"):
        exposure(0.0, steps=1).loss(SOURCE, COUNTS_ON, KEY, 0, batch=0)
