"""The embedding: what a layer is fed has variance 1, whoever asks for it, and however."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.models.embedding import Embedding
from rnnlib.models.encoder_decoder import EncoderDecoder
from rnnlib.models.language_model import LanguageModel
from rnnlib.models.parameters import weights
from rnnlib.models.transformer import Transformer

V, H = 500, 64


@pytest.mark.parametrize("model", [LanguageModel, Transformer, EncoderDecoder])
def test_embedded_tokens_have_variance_one(model):
    xs = model(V, H, rngs=nnx.Rngs(0)).embed(jnp.arange(V))
    assert xs.shape == (V, H)
    assert abs(np.var(xs) - 1) < 0.03  # the standard error is sqrt(2 / 32000) = 0.008


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("size", [1, V])
def test_a_token_is_a_row_of_the_matrix(size, shape):
    embed = Embedding(size, H, rngs=nnx.Rngs(0))
    tokens = jnp.full(shape, size - 1)
    np.testing.assert_allclose(
        embed(tokens), np.broadcast_to(8 * embed.embedding[...][-1], (*shape, H)), rtol=1e-6
    )
    assert np.isnan(embed(tokens + 1)).all()


def test_scores_are_compared_without_the_factor():
    embed, ys = Embedding(V, H, rngs=nnx.Rngs(0)), jnp.ones((2, H))
    expected = np.asarray(embed.embedding[...]).sum(axis=1)
    np.testing.assert_allclose(embed.attend(ys), np.tile(expected, (2, 1)), atol=1e-5)


def test_records_find_their_weights_and_seeds_draw_what_they_drew():
    """Records name a weight by its place, and hold what was drawn by Flax's own embedding."""
    found = weights(LanguageModel(V, H, rngs=nnx.Rngs(0)))["embed"]
    assert list(found) == ["embedding"]
    expected = nnx.Embed(V, H, rngs=nnx.Rngs(0)).embedding[...]
    np.testing.assert_array_equal(found["embedding"], expected)
