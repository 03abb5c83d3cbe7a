"""The oracles of decoding: a Markov chain whose every probability is known, and penalties."""

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


HARD = {"repetition": 1.5, "frequency": 0.3, "block_ngrams": 2}


def penalised(logits, line, repetition=1.0, frequency=0.0, block_ngrams=None):
    """Return the penalised logits of what follows a list of tokens."""
    logits = np.array(logits, np.float32)
    for w in set(line):
        logits[w] = logits[w] / repetition if logits[w] > 0 else logits[w] * repetition
        logits[w] -= frequency * line.count(w)
    if block_ngrams:
        said = {tuple(line[i : i + block_ngrams]) for i in range(len(line) - block_ngrams + 1)}
        for w in range(len(logits)):
            ending = [*line, w][-block_ngrams:]
            if len(ending) == block_ngrams and tuple(ending) in said:
                logits[w] = -np.inf
    return logits
