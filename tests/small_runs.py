"""Settings of training runs that take a second, and what tests of training compare them with."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from rnnlib.models.cells import LSTM
from rnnlib.models.language_model import LanguageModel
from rnnlib.texts.windows import windows
from rnnlib.training.losses import next_token_loss

TOKENS = np.asarray(jax.random.randint(jax.random.key(9), (500,), 0, 5))
KEYS = jax.random.split(jax.random.key(0), 5)
SMALL = {
    "init": lambda key: LanguageModel(5, 8, cell=LSTM, rngs=nnx.Rngs(key)),
    "loss": next_token_loss,
    "sample": windows(TOKENS, length=6, batch=4),
    "steps": 20,
    "checks": 2,
    "progress": False,
}
LINE = {  # least squares in one number, w -> 3, with noise that depends on the key
    "init": lambda key: jnp.zeros(()),
    "loss": lambda w, target: (w - target) ** 2,
    "sample": lambda key: 3 + 0.1 * jax.random.normal(key),
    "progress": False,
}


def same(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_array_equal(np.asarray(x), np.asarray(y)), a, b)
