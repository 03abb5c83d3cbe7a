"""What a model costs, and who may not enter the scorecard."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from rnnlib.models.cells import LSTM
from rnnlib.models.gpt import GPT, Attention
from rnnlib.models.language_model import LanguageModel
from rnnlib.scorecard.budget import (
    PARAMETERS,
    check_model,
    operations,
    parameters,
    read,
    state_bytes,
)

WIDTH = 8


class Recurrent(LanguageModel):
    """A small model that may enter, and from which the others are spoiled."""

    def __init__(self, width=WIDTH, vocabulary=40, *, rngs):
        super().__init__(vocabulary, width, cell=LSTM, rngs=rngs)

    @classmethod
    def init(cls, key, **settings):
        return cls(**settings, rngs=nnx.Rngs(key))


class Leaking(Recurrent):
    """Sees the token that it is to predict, at one position."""

    def __call__(self, tokens):
        logits = super().__call__(tokens)
        return logits.at[10].add(self.embed(tokens[11]) @ jnp.ones((WIDTH, 1)))


class Forgetting(Recurrent):
    """Writes from another state than it reads with."""

    def prefill(self, tokens):
        return super().prefill(tokens[:-1])


class Silent(Recurrent):
    """Has no answer."""

    def __call__(self, tokens):
        return jnp.nan * super().__call__(tokens)


def gpt(context, key):
    return GPT(40, WIDTH, mixer=partial(Attention, heads=2), context=context, rngs=nnx.Rngs(key))


def test_sound_models_may_enter():
    check_model(Recurrent.init)
    check_model(partial(gpt, 64))


@pytest.mark.parametrize(
    ("init", "message"),
    [
        (Leaking.init, "position 10 see the token at position 11"),
        (Forgetting.init, "`step` and the whole differ"),
        (Silent.init, "finite"),
        (partial(Recurrent.init, vocabulary=41), r"\[64, 40\], got \(64, 41\)"),
        (partial(Recurrent.init, width=60), f"may have {PARAMETERS:,}"),
    ],
)
def test_others_may_not(init, message):
    with pytest.raises(ValueError, match=message):
        check_model(init)


def test_operations_are_those_of_the_products():
    model = Recurrent.init(jax.random.key(0))
    assert operations(model) == 3 * 2 * (8 * WIDTH**2 + WIDTH * 40)
    block = 12 * WIDTH**2 + 2 * 64 * WIDTH  # attention over all 64 places, masked ones included
    assert operations(gpt(64, jax.random.key(0))) == 3 * 2 * (2 * block + WIDTH * 40)


def test_bytes_are_those_that_a_text_writes():
    assert state_bytes(Recurrent.init(jax.random.key(0))) == 2 * WIDTH * 4
    for context in (64, 100):  # a cache's empty places do not count
        model = gpt(context, jax.random.key(0))
        assert state_bytes(model) == 2 * 2 * 64 * WIDTH * 4
        assert state_bytes(model, 10) == 2 * 2 * 10 * WIDTH * 4


def test_parameters_are_all_of_them():
    assert parameters(Recurrent.init(jax.random.key(0))) == 8 * 64 + 4 * 8 + 40 * 8 * 2 + 40


def test_a_batch_is_read_by_the_models_own_way_if_it_has_one():
    tokens = jnp.arange(12).reshape(2, 6)
    for model in (Recurrent.init(jax.random.key(0)), gpt(64, jax.random.key(0))):
        assert jnp.allclose(read(model, tokens), jax.vmap(model)(tokens), atol=1e-5)
