"""Four seeds of a language model: fit_seeds, against a peer that trains them in turn."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from tqdm import tqdm

from bench.results import summary
from rnnlib.measuring import timing
from rnnlib.measuring.timing import Times
from rnnlib.models.language_model import LanguageModel
from rnnlib.texts.windows import windows
from rnnlib.training import fit
from rnnlib.training.fit import fit_seeds
from rnnlib.training.losses import next_token_loss

FULL = {"vocabulary": 64, "hidden": 128, "rows": 32, "length": 64, "steps": 5, "turns": 10}
QUICK = {"vocabulary": 8, "hidden": 4, "rows": 4, "length": 8, "steps": 2, "turns": 10}
SEEDS, RATE, CLIP = 4, 3e-3, 1.0


def linen(vocabulary: int, hidden: int) -> tuple[Callable, Callable]:
    """Return init and loss of Flax Linen's language model."""
    from flax import linen as nn

    embed, layer = nn.Embed(vocabulary, hidden), nn.RNN(nn.OptimizedLSTMCell(hidden))
    model = nn.Sequential([embed, layer, nn.Dense(vocabulary)])

    def loss(params: Any, tokens: jax.Array) -> jax.Array:
        logits: Any = model.apply(params, tokens[:, :-1])
        return optax.softmax_cross_entropy_with_integer_labels(logits, tokens[:, 1:]).mean()

    return lambda key: model.init(key, jnp.zeros((1, 1), jnp.int32)), loss


def equinox(vocabulary: int, hidden: int) -> tuple[Callable, Callable]:
    """Return init and loss of Equinox' language model."""
    import equinox as eqx

    class Model(eqx.Module):
        embed: eqx.nn.Embedding
        cell: eqx.nn.LSTMCell
        readout: eqx.nn.Linear

        def __call__(self, tokens: jax.Array) -> jax.Array:
            def step(state: Any, x: jax.Array) -> tuple[Any, jax.Array]:
                state = self.cell(x, state)
                return state, state[0]

            start = jnp.zeros(hidden), jnp.zeros(hidden)
            ys = jax.lax.scan(step, start, jax.vmap(self.embed)(tokens))[1]
            return jax.vmap(self.readout)(ys)

    def init(key: jax.Array) -> Model:
        keys = jax.random.split(key, 3)
        return Model(
            eqx.nn.Embedding(vocabulary, hidden, key=keys[0]),
            eqx.nn.LSTMCell(hidden, hidden, key=keys[1]),
            eqx.nn.Linear(hidden, vocabulary, key=keys[2]),
        )

    return init, next_token_loss


def ours(vocabulary: int, hidden: int) -> tuple[Callable, Callable]:
    """Return init and loss of rnnlib's language model."""
    return lambda key: LanguageModel(vocabulary, hidden, rngs=nnx.Rngs(key)), next_token_loss


def in_turn(
    init: Callable, loss: Callable, sample: Callable, total: int, steps: int, at_once: int
) -> Callable[[], None]:
    """Make the program that takes `steps` steps of one seed, then of the next, on one device.

    Of every seed `at_once` steps are one compiled call; at the next call each goes on where it was.
    Clipping, Adam and the cosine over `total` steps are those of fit_seeds.
    """
    schedule = optax.cosine_decay_schedule(RATE, total)
    optimizer = optax.chain(optax.clip_by_global_norm(CLIP), optax.adam(schedule))

    def step(state: Any, _: None) -> tuple[Any, jax.Array]:
        model, moments, key, t = state
        value, grads = jax.value_and_grad(loss)(model, sample(jax.random.fold_in(key, t)))
        updates, moments = optimizer.update(grads, moments)
        return (optax.apply_updates(model, updates), moments, key, t + 1), value

    @partial(jax.jit, donate_argnums=0)
    def advance(state: Any) -> tuple[Any, jax.Array]:
        return jax.lax.scan(step, state, length=at_once)

    @jax.jit
    def start(key: jax.Array) -> Any:
        model = init(jax.random.fold_in(key, 0))
        return model, optimizer.init(model), jax.random.fold_in(key, 1), jnp.int32(0)

    states = [start(key) for key in jax.random.split(jax.random.key(0), SEEDS)]

    def run() -> None:
        for seed in range(SEEDS):
            for _ in range(steps // at_once):
                states[seed], _ = advance(states[seed])
        jax.block_until_ready(states)

    return run


def measure(quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """Let fit_seeds and the peers take their steps by turns; compiling is not counted.

    fit_seeds looks up after every `checks`-th part of its steps and moves its progress bar. There
    the others take as many steps, and there the clock is read. The first part, in which it
    compiles, does not count, and the others have been called before.
    """
    sizes = QUICK if quick else FULL
    vocabulary, hidden, steps = sizes["vocabulary"], sizes["hidden"], sizes["steps"]
    total = steps * (sizes["turns"] + 1)
    tokens = np.random.default_rng(0).integers(vocabulary, size=100_000)
    sample = windows(tokens, sizes["length"], sizes["rows"])
    programs = {}
    for name, make in {"rnnlib": ours, "Flax Linen": linen, "Equinox": equinox}.items():
        try:
            model = make(vocabulary, hidden)
        except ImportError:
            say(f"{name}: not installed, skipped")
            continue
        for at_once, form in ((1, "a call for each step"), (steps, "one scan")):
            program = in_turn(*model, sample, total, steps, at_once)
            program()
            programs[f"{name}, in turn, {form}"] = program
    times = by_turns(ours(vocabulary, hidden), sample, total, sizes["turns"], programs)
    results = {
        name: summary(found) | {"ratio": list(timing.ratio(found, times["rnnlib, fit_seeds"]))}
        for name, found in times.items()
    }
    return {"sizes": sizes, "seeds": SEEDS, "programs": results}


def by_turns(
    model: tuple[Callable, Callable], sample: Callable, total: int, turns: int, others: dict
) -> dict[str, Times]:
    """Return what each program took, turn by turn: fit_seeds, and all the others in between."""
    seconds: dict[str, list[float]] = {name: [] for name in ("rnnlib, fit_seeds", *others)}

    class Turns(tqdm):
        since = 0.0

        def update(self, n: float | None = 1) -> bool | None:
            seconds["rnnlib, fit_seeds"].append(time.perf_counter() - self.since)
            for name, program in others.items():
                start = time.perf_counter()
                program()
                seconds[name].append(time.perf_counter() - start)
            self.since = time.perf_counter()
            return super().update(n)

    keys = jax.random.split(jax.random.key(0), SEEDS)
    settings: Any = {"learning_rate": RATE, "clip": CLIP, "progress": False}
    with mock.patch.object(fit, "tqdm", Turns):
        fit_seeds(*model, sample, keys, steps=total, checks=turns + 1, **settings)
    return {name: Times(np.array(values[1:])) for name, values in seconds.items()}
