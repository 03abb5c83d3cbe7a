"""A row of the scorecard: what a model costs, and what its networks get under each column."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from rnnlib.measuring.free_running import own_texts
from rnnlib.scorecard.budget import Init, read
from rnnlib.scorecard.trainings import (
    LETTERS,
    LONG,
    SHORT,
    TRAININGS,
    cross_entropy,
    hidden,
)
from rnnlib.tasks.task import Example
from rnnlib.texts.quality import distinct_n
from rnnlib.training.devices import SeedSharding
from rnnlib.training.settings import ADAM
from rnnlib.training.tuning import Search

OPTIMIZER = optax.chain(optax.clip_by_global_norm(1.0), ADAM)
SOLVED = 0.02  # of what short trainings are tuned by: less cannot be told from nothing
WRITTEN = 128  # tokens in a text that a network writes
RIGHT = "share of answers that are right"


class Column(NamedTuple):
    """What a column's numbers are, and from which training they come."""

    training: str
    unit: str
    more_is_better: bool


COLUMNS = {
    "binding": Column("binding", RIGHT, True),
    "tracking": Column("tracking", RIGHT, True),
    "nesting": Column("nesting", "share of main verbs that agree", True),
    "binding, pretrained": Column("binding, pretrained", RIGHT, True),
    "own text": Column("own text", "nats from the true law, behind its own text", False),
    "excess": Column("own text", "percent further off than behind true text", False),
    "characters": Column("characters", "bits per character", False),
    "loops": Column("characters", "share of 4-grams written before, greedily", False),
}


@dataclass(frozen=True)
class Effort:
    """What each training may cost beside its steps: the same for all rows that are compared."""

    networks: int = 5
    rates: tuple[float, ...] = (0.001, 0.004, 0.016)
    more: int = 3  # rates beyond the grid on either side, while the best lies at its edge
    chunk: int = 100  # steps whose data is drawn at once; it divides all steps
    pretraining: int = 600  # steps


class Row:
    """A model under test: `init(key)` makes it, reading and scoring 40 tokens.

    It has `model(tokens[T]) -> logits[T, 40]`, or `read_batch(tokens[B, T])` for sooner, and
    `vocabulary_size`, `prefill` and `step` as a `LanguageModel` has them. What trains it and what
    reads with it is compiled once for each of the two shapes.
    """

    def __init__(self, init: Init, effort: Effort):
        self.effort, on_cpu = effort, jax.default_backend() == "cpu"
        lanes = min(effort.networks, jax.device_count()) if on_cpu else effort.networks
        self.spread = SeedSharding(lanes)
        self.start = self.spread(partial(_start, init))
        self.advance = self.spread(_advance)
        self.logits, self.write = jax.jit(read), jax.jit(_write)

    def cells(
        self,
        trainings: Sequence[str] = tuple(TRAININGS),
        steps: Sequence[int] = (200, 600),
        seed: int = 0,
    ) -> Iterator[tuple[str, int, dict[str, Any]]]:
        """Train and ask, one training after another: -> (its name, steps, what came out of it).

        That is the `search`, as `vars(Search)`, and under each column of the training a number for
        each network. With pretraining there is one number of steps: the largest, and as many as
        the pretraining takes before them. Another seed draws all anew.
        """
        for name in trainings:
            place = list(TRAININGS).index(name)
            key, test_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), place))
            behind = self.effort.pretraining if "pretrained" in name else 0
            for count in [max(steps) + behind] if behind and steps else steps:
                search, models = self.tune(name, count, key)
                yield name, count, {"search": vars(search), **self.ask(name, models, test_key)}

    def tune(self, training: str, steps: int, key: jax.Array) -> tuple[Search, list[Any]]:
        """Find the best rate, and train networks at it: -> (the search, the networks).

        While the best rate is the first or the last, the grid goes on, as in `tune_budgets`.
        """
        sweep_key, run_key = jax.random.split(key)
        solved = SOLVED if TRAININGS[training].shape == SHORT else -np.inf
        rates = np.array(self.effort.rates)
        search = Search(rates, self._scores(training, sweep_key, rates, steps), solved)
        left = [self.effort.more, self.effort.more]  # below, above
        while not search.bracketed and left[side := int(search.best[0] > 0)]:
            left[side] -= 1
            edge, inner = search.rates[[-1, -2] if side else [0, 1]]
            at, rate = len(search.rates) * side, np.array([edge**2 / inner])
            scores = self._scores(training, sweep_key, rate, steps)
            search = Search(
                np.insert(search.rates, at, rate), np.insert(search.scores, at, scores, 0), solved
            )
        keys = jax.random.split(run_key, self.effort.networks)
        return search, self.train(training, keys, np.full(len(keys), search.rate), steps)

    def train(self, training: str, keys: jax.Array, rates: np.ndarray, steps: int) -> list[Any]:
        """Train one network per key and rate, on the schedule of `fit`: -> as many models."""
        models, lanes = [], self.spread.seeds
        for first in range(0, len(keys), lanes):
            places = np.minimum(np.arange(first, first + lanes), len(keys) - 1)
            trained = self._train(training, keys[places], rates[places].astype(np.float32), steps)
            models += [jax.tree.map(lambda leaf, n=n: leaf[n], trained) for n in range(lanes)]
        return models[: len(keys)]

    def _train(self, training: str, keys: jax.Array, rates: np.ndarray, steps: int) -> Any:
        pairs = jax.vmap(jax.random.split)(keys)  # one for the weights, one for the data
        state, shares = self.start(self.spread.pad(pairs[:, 0])), share_of_rate(steps)
        for at in np.arange(steps).reshape(-1, self.effort.chunk):
            data = _draw(training, self.effort.pretraining, pairs[:, 1], at)
            of_each = jnp.asarray(rates[:, None] * shares[None, at])
            state = self.advance(state, *jax.tree.map(self.spread.pad, (data, of_each)))
        return self.spread.gather(state)[0]

    def _scores(self, training: str, key: jax.Array, rates: np.ndarray, steps: int) -> np.ndarray:
        """Return what each rate is chosen by, inf where training diverged: [R, 1]."""
        keys, questions = jnp.broadcast_to(key, rates.shape), _tuning(training)
        scores = [
            TRAININGS[training].score(self.logits(model, questions.inputs), questions)
            for model in self.train(training, keys, rates, steps)
        ]
        return np.nan_to_num(np.array(scores, float), nan=np.inf)[:, None]

    def ask(self, training: str, models: Sequence[Any], key: jax.Array) -> dict[str, list[float]]:
        """Return what networks get under each column of their training."""
        questions = _test(training, key)
        if training == "own text":
            true = questions.inputs[: len(questions.inputs) // 2]
            size = hidden().vocabulary_size
            own = [self.write(m, true[:, 0], key, 1.0, size)[:, : LONG[1]] for m in models]
            errors = [self._error(m, texts) for m, texts in zip(models, own, strict=True)]
            base = [self._error(m, true) for m in models]
            excess = [100 * (e / b - 1) for e, b in zip(errors, base, strict=True)]
            return {"own text": errors, "excess": excess}
        marks = [
            float(TRAININGS[training].mark(self.logits(model, questions.inputs), questions))
            for model in models
        ]
        if training != "characters":
            return {training: marks}
        letters = jnp.arange(len(questions.inputs) // 2) % len(LETTERS)
        texts = [np.asarray(self.write(m, letters, key, 0.0, len(LETTERS))) for m in models]
        return {"characters": marks, "loops": [_repeats(text[: len(LETTERS)]) for text in texts]}

    def _error(self, model: Any, texts: jax.Array) -> float:
        return float(_divergence(self.logits(model, texts), texts))


def share_of_rate(steps: int, warmup: float = 0.05) -> np.ndarray:
    """Return the share of the learning rate at each step: it rises, then falls on a cosine."""
    rise = round(warmup * steps)
    linear = optax.linear_schedule(0.0, 1.0, max(rise, 1))
    cosine = optax.cosine_decay_schedule(1.0, steps - rise)
    share = optax.join_schedules([linear, cosine], [rise])
    return np.asarray(share(jnp.arange(steps)), np.float32)


def _start(init: Init, key: jax.Array) -> Any:
    model = init(key)
    return model, OPTIMIZER.init(model)


def _advance(state: Any, data: Example, rates: jax.Array) -> Any:
    """Take a step with each batch: leaves [steps, B, T], rates[steps]."""

    def step(state: Any, now: Any) -> tuple[Any, None]:
        (model, moments), (batch, rate) = state, now
        gradient = jax.grad(lambda model: cross_entropy(read(model, batch.inputs), batch))(model)
        direction, moments = OPTIMIZER.update(gradient, moments)
        return (jax.tree.map(lambda w, d: w - rate * d, model, direction), moments), None

    return jax.lax.scan(step, state, (data, rates))[0]


@partial(jax.jit, static_argnums=(0, 1))
def _draw(training: str, pretraining: int, keys: jax.Array, steps: jax.Array) -> Example:
    """Draw a batch for each key and step: -> leaves [keys, steps, B, T]."""

    def draw(key: jax.Array, step: jax.Array) -> Example:
        batch = TRAININGS[training].draw(jax.random.fold_in(key, step), step, pretraining)
        return Example(batch.inputs, batch.targets, batch.mask)

    return jax.vmap(lambda key: jax.vmap(partial(draw, key))(steps))(keys)


@cache
def _tuning(training: str) -> Any:
    return jax.jit(TRAININGS[training].tuning)(jax.random.key(1))


@partial(jax.jit, static_argnums=0)
def _test(training: str, key: jax.Array) -> Any:
    return TRAININGS[training].test(key)


def _write(
    model: Any, firsts: jax.Array, key: jax.Array, temperature: jax.Array, size: jax.Array
) -> jax.Array:
    """Let a model write on behind first tokens, of the tokens below `size`: [N] -> [N, 128].

    At temperature 0 that is greedy.
    """

    def draw(logits: jax.Array, key: jax.Array) -> jax.Array:
        noise = temperature * jax.random.gumbel(key, logits.shape)
        return jnp.where(jnp.arange(len(logits)) < size, logits + noise, -jnp.inf).argmax()

    return own_texts(model, firsts, WRITTEN, key, draw)


@jax.jit
def _divergence(logits: jax.Array, texts: jax.Array) -> jax.Array:
    """Return the mean divergence of the true law from logits[N, T, V], of the language's tokens."""
    law = jax.lax.map(hidden().log_law, texts, batch_size=64)
    log_p = jax.nn.log_softmax(logits[..., : hidden().vocabulary_size])
    return (jnp.exp(law) * (law - log_p)).sum(axis=-1).mean()


def _repeats(texts: np.ndarray) -> float:
    """Return the share of a text's 4-grams that it has had before, mean over texts[N, T]."""
    return float(np.mean([1 - distinct_n(text, 4) for text in texts]))
