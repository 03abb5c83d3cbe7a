"""Looking inside: embed, states and logits are the parts of every model, recurrent or not."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.models.cells import GRU, LSTM, RNN, MinGRU
from rnnlib.models.forgetting import ForgettingTransformer
from rnnlib.models.language_model import LanguageModel
from rnnlib.models.transformer import CachedTransformer, Transformer

V, H, LAYERS = 9, 8, [1, 2]
TOKENS = jnp.array([3, 1, 4, 1, 5, 2, 6, 5])
T = len(TOKENS)

RECURRENT = {
    f"{cell.__name__}{', tied' * tied}": partial(LanguageModel, cell=cell, tied=tied)
    for cell in (RNN, GRU, LSTM, MinGRU)
    for tied in (False, True)
}
MODELS = {
    **RECURRENT,
    "Transformer": partial(Transformer, heads=2),
    "ForgettingTransformer": partial(ForgettingTransformer, heads=2),
}

each_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
each_depth = pytest.mark.parametrize("layers", LAYERS)


def outputs(states):
    """What the layers hand on, [L, T, H]: h comes first in a state, and is all of a stream."""
    return jax.tree.leaves(states)[0]


@each_model
@each_depth
def test_the_last_layer_is_what_the_logits_are_made_of(make, layers):
    model = make(V, H, layers=layers, rngs=nnx.Rngs(0))
    states = model.states(TOKENS)
    assert {leaf.shape for leaf in jax.tree.leaves(states)} == {(layers, T, H)}
    np.testing.assert_allclose(model.logits(outputs(states)[-1]), model(TOKENS), atol=1e-5)


@each_model
@each_depth
def test_layers_read_the_embedded_tokens_one_after_the_other(make, layers):
    """Each layer alone, fed what the one below hands on, has the same states."""
    model = make(V, H, layers=layers, rngs=nnx.Rngs(0))
    states, xs = model.states(TOKENS), model.embed(TOKENS)
    for number in range(layers):
        if isinstance(model, Transformer):
            found = jax.tree.map(lambda w, at=number: w[at], model.blocks)(xs)
        else:
            cell, found = jax.tree.map(lambda w, at=number: w[at], model.layers), []
            state = cell.init_state()
            for x in xs:
                state, _ = cell(state, x)
                found.append(state)
            found = jax.tree.map(lambda *leaves: jnp.stack(leaves), *found)
        expected = jax.tree.map(lambda leaf, at=number: leaf[at], states)
        jax.tree.map(partial(np.testing.assert_allclose, atol=1e-5), found, expected)
        xs = outputs(states)[number]


@pytest.mark.parametrize("make", RECURRENT.values(), ids=RECURRENT)
@each_depth
def test_states_are_those_of_one_step_after_the_other(make, layers):
    model = make(V, H, layers=layers, rngs=nnx.Rngs(0))
    states, state = model.states(TOKENS), model.init_state()
    for t, token in enumerate(TOKENS):
        state, _ = model.step(state, token)
        after = jax.tree.map(lambda leaf, at=t: leaf[:, at], states)
        jax.tree.map(partial(np.testing.assert_allclose, atol=1e-5), after, state)


@each_depth
def test_a_stream_read_with_a_cache_ends_in_the_same_logits(layers):
    model = Transformer(V, H, layers=layers, heads=2, rngs=nnx.Rngs(0))
    last, cached = model.states(TOKENS)[-1], CachedTransformer(model, T)
    state = cached.init_state()
    for t, token in enumerate(TOKENS):
        state, logits = cached.step(state, token)
        np.testing.assert_allclose(model.logits(last[t : t + 1])[0], logits, atol=1e-5)


@each_model
def test_a_batch_of_sequences_is_a_vmap(make):
    model = make(V, H, layers=2, rngs=nnx.Rngs(0))
    both = jax.vmap(model.states)(jnp.stack([TOKENS, TOKENS[::-1]]))
    np.testing.assert_allclose(outputs(both)[1], outputs(model.states(TOKENS[::-1])), atol=1e-5)
