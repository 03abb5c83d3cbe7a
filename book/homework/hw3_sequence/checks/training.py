"""Question 4's experiment once more: the truth that a student's runs are held against."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from rnnlib.models import cells
from rnnlib.models.language_model import LanguageModel
from rnnlib.tasks.task import Example, batches
from rnnlib.training.fit import fit_seeds
from rnnlib.training.losses import masked_loss

LENGTH, FAR, MARGIN, RIVALS = 16, 96, 0.05, ("LSTM", "signed minGRU")


class Signed(cells.MinGRU):
    """A minGRU whose factor is tanh(-z), which may be negative."""

    def _step(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        z, n = jnp.split(x @ self.w_x[...] + self.b[...], 2)
        return jnp.tanh(-z), jax.nn.sigmoid(z) * n


def model_of(name: str, m: int, key: jax.Array) -> LanguageModel:
    cell, hidden, layers = {"LSTM": (cells.LSTM, 32, 1), "signed minGRU": (Signed, 45, 2)}[name]
    return LanguageModel(m, hidden, cell=cell, layers=layers, rngs=nnx.Rngs(key))


def drawn(m: int, length: int, rows: int) -> Any:
    def draw(key: jax.Array) -> Example:
        bits = jax.random.randint(key, (length,), 0, 2)
        return Example(bits, jnp.cumsum(bits) % m, jnp.ones(length, bool))

    return batches(draw, rows)


@functools.cache
def trained(name: str, m: int, seeds: tuple, rates: tuple, steps: int) -> Any:
    """Train at each rate with each seed: validation losses [R, S], and shares right [R, S, FAR]."""
    valid = drawn(m, LENGTH, 256)(jax.random.key(98))
    test = drawn(m, FAR, 256)(jax.random.key(99))

    def look(model: Any) -> tuple[jax.Array, jax.Array]:
        answers = jax.vmap(model)(test.inputs).argmax(-1)
        return masked_loss(model, valid), (answers == test.targets).mean(axis=0)

    keys = jnp.stack([jax.random.key(seed) for _ in rates for seed in seeds])
    run = fit_seeds(lambda key: model_of(name, m, key), masked_loss, drawn(m, LENGTH, 32),
                    keys, steps=steps, warmup=steps // 10, checks=1, validate=look,
                    learning_rate=np.repeat(rates, len(seeds)), progress=False)  # fmt: skip
    shape = len(rates), len(seeds), -1
    losses, shares = (np.asarray(x[:, 0]).reshape(shape) for x in run.checks)
    return losses[:, :, 0], shares, run.losses[: len(seeds), 0]


@functools.cache
def first_losses(name: str, m: int, seeds: tuple) -> np.ndarray:
    """The loss before the first update, by seed."""

    def look(key: jax.Array) -> jax.Array:
        init, batch = jax.random.split(key)
        rows = drawn(m, LENGTH, 32)(jax.random.fold_in(batch, 0))
        return masked_loss(model_of(name, m, init), rows)

    return np.asarray(jax.jit(jax.vmap(look))(jnp.stack([jax.random.key(s) for s in seeds])))
