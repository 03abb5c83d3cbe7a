"""Parameters are counted as by hand, and survive a round trip."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.models.cells import GRU
from rnnlib.models.language_model import LanguageModel
from rnnlib.models.parameters import count_parameters, weights, with_weights

V, H = 9, 8
TOKENS = jnp.array([3, 1, 4, 1, 5, 2, 6, 5])


def model(**settings):
    return LanguageModel(V, H, rngs=nnx.Rngs(0), **settings)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_weights_survive_a_round_trip(tied, kind):
    """As float16, as records keep them, they lose digits but come back as float32."""
    lm, other = model(layers=2, tied=tied), LanguageModel(V, H, layers=2, tied=tied,
                                                          rngs=nnx.Rngs(1))  # fmt: skip
    before = other(TOKENS)
    stored = jax.tree.map(lambda w: np.asarray(w, kind), weights(lm))
    back = with_weights(other, stored)
    assert back is other and np.abs(back(TOKENS) - before).max() > 1e-2
    assert {leaf.dtype for leaf in jax.tree.leaves(back)} == {jnp.dtype("float32")}
    atol = 0 if kind is np.float32 else 5e-3
    np.testing.assert_allclose(back(TOKENS), lm(TOKENS), rtol=0, atol=atol)


@pytest.mark.parametrize("settings", [{"layers": 2}, {"tied": True}, {"cell": GRU}])
def test_weights_of_another_shape_are_refused(settings):
    lm = model()
    with pytest.raises(ValueError, match=r"the model has weights of shapes .*, got "):
        with_weights(lm, weights(model(**settings)))
    np.testing.assert_array_equal(lm(TOKENS), model()(TOKENS))


def test_parameters_are_counted_as_by_hand():
    lstm = 2 * H * 4 * H + 4 * H
    assert count_parameters(model()) == V * H + lstm + H * V + V
