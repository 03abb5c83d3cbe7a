"""The oracle of the decoding tests: a Markov chain whose every probability is known."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from rnnlib.models.language_model import LanguageModel

V = 5


@partial(jax.tree_util.register_dataclass, data_fields=["table"], meta_fields=[])
@dataclass
class Markov:
    """An order-2 Markov chain: the state is the last token, table[before, last] the logits."""

    table: jax.Array  # [V, V, V]
    traces: ClassVar[list[str]] = []  # a note for each time that JAX traces, that is compiles

    @property
    def vocabulary_size(self):
        return len(self.table)

    def init_state(self):
        return jnp.array(0)

    def step(self, state, token):
        self.traces.append("step")
        return token, self.table[state, token]

    def prefill(self, tokens):
        self.traces.append("prefill")
        state, logits = jax.lax.scan(self.step, self.init_state(), tokens)
        return state, logits[-1]


def make_chain():
    return Markov(2 * jax.random.normal(jax.random.key(3), (V, V, V)))


def make_lstm():
    model = LanguageModel(V, 8, layers=2, rngs=nnx.Rngs(1))
    # Untrained logits are all alike: larger weights make the choices clear.
    return jax.tree.map(lambda leaf: 3 * leaf, model)


def keys(batch, seed=0):
    return jax.random.split(jax.random.key(seed), batch)


def log_p(chain, prompt, text):
    """Log-probability of a text after a prompt, token by token in NumPy."""
    table = np.asarray(jax.nn.log_softmax(chain.table), np.float64)
    line = [0, *prompt, *text]
    return sum(float(table[tuple(line[t - 2 : t + 1])]) for t in range(len(prompt) + 1, len(line)))
