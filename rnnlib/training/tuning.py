"""Tuning: which learning rate is the best, and whether better ones may lie beyond those tried."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnlib.training.fit import (
    CALMER,
    Array,
    Model,
    Run,
    Trainer,
    finite_seeds,
    fit_seeds,
    stop_if_not_finite,
)
from rnnlib.training.settings import ADAM, check_key, check_numbers, check_optimizer


def sweep(
    init: Callable[[Array], Model],
    loss: Callable[[Model, Any], Array],
    sample: Callable[..., Any],
    key: Array,
    rates: Sequence[float],
    *,
    validate: Callable[[Model], Array],
    **settings: Any,
) -> tuple[float, np.ndarray]:
    """Train one seed at each learning rate: -> (the best rate, `validate` at the end for each).

    The best is where `validate(model)`, a loss, is smallest at the last check; settings are those
    of `fit_seeds`. A rate at which training diverges, or `validate` is not finite, scores inf, and
    the others go on.

    Raises: ValueError (what `fit_seeds` refuses, or a key that is not typed), FloatingPointError
    (no rate has a finite score).
    """
    check_key(key)
    keys = jnp.broadcast_to(key, (len(rates),))
    fixed: Any = {"learning_rate": np.array(rates), "validate": validate, "stop": False}
    run = fit_seeds(init, loss, sample, keys, **fixed, **{"checks": 1, **settings})
    scores = run.checks[:, -1]
    scores = np.where(finite_seeds((run.model, run.losses, scores)), scores, np.inf)
    if np.isinf(scores).all():
        raise _no_score(list(rates))
    return rates[int(scores.argmin())], scores


@dataclass(frozen=True)
class Search:
    """Learning rates and how they scored: what a record keeps as `vars(search)`, and gives back.

    Smaller scores are better, and one of `solved` or less cannot be bettered: such rates tie.
    """

    rates: np.ndarray  # [R], increasing
    scores: np.ndarray  # [R, seeds]; inf where training diverged
    solved: float = -np.inf

    @property
    def best(self) -> np.ndarray:
        """Return the places of the best rate, or of all that solved the task."""
        solving = np.flatnonzero((self.scores <= self.solved).all(axis=1))
        scores = np.where(np.isnan(self.scores), np.inf, self.scores)
        return solving if len(solving) else scores.mean(axis=1).argmin()[None]

    @property
    def rate(self) -> float:
        """Return the best rate: of several that solved the task the middle one, or the one below.

        Raises: FloatingPointError (no rate has finite scores).
        """
        if not np.isfinite(self.scores).all(axis=1).any():
            raise _no_score(self.rates)
        return float(self.rates[self.best[(len(self.best) - 1) // 2]])

    @property
    def bracketed(self) -> bool:
        """Tell whether the best rate has worse ones on both sides, or ties with another."""
        return len(self.best) > 1 or 0 < self.best[0] < len(self.rates) - 1

    def row(self) -> str:
        """Return the rate for a table; one at the edge of its grid says so."""
        return f"{self.rate:.3g}{'' if self.bracketed else ' (edge)'}"


def _no_score(rates: Any) -> FloatingPointError:
    return FloatingPointError(
        f"training diverged, or validate gave no finite number, at every rate of {rates}: {CALMER}"
    )


class Tuned(NamedTuple):
    """A search for the best learning rate, and the networks that were trained at it."""

    search: Search
    run: Run  # with a leading seed axis S
    keys: Array  # [S]: those of the run


def check_bracketed(searches: Mapping[str, Search], *, unless: str = "") -> None:
    """Refuse to compare models of which one may not have had its best learning rate.

    `unless` says in words why they can be compared all the same; it is printed with their names.

    Raises: ValueError (a best rate at the edge of its grid, without such words).
    """
    edge = [
        f"{name} (best of {s.rates} is {s.rate:.3g})"
        for name, s in searches.items()
        if not s.bracketed
    ]
    if edge and not unless.strip():
        raise ValueError(
            f"the best learning rate lies at the edge of its grid for {', '.join(edge)}: extend "
            "the grid, or say in `unless` why a comparison is fair all the same"
        )
    if edge:
        print(f"At the edge of its grid: {', '.join(edge)}. Compared all the same: {unless}")


def tune(
    init: Callable[[Array], Model],
    loss: Callable[[Model, Any], Array],
    sample: Callable[..., Any],
    key: Array,
    rates: Sequence[float],
    *,
    steps: int,
    **settings: Any,
) -> Tuned:
    """Tune for one budget; the settings and what is raised are those of `tune_budgets`."""
    return tune_budgets(init, loss, sample, key, rates, steps=[steps], **settings)[steps]


def tune_budgets(
    init: Callable[[Array], Model],
    loss: Callable[[Model, Any], Array],
    sample: Callable[..., Any],
    key: Array,
    rates: Sequence[float],
    *,
    steps: Sequence[int],
    seeds: int,
    validate: Callable[[Model], Array],
    sweep_seeds: int = 1,
    sweep_share: float = 1.0,
    more: int = 3,
    solved: float = -np.inf,
    warmup_share: float = 0.05,
    checks: int = 10,
    progress: bool = True,
    stop: bool = True,
    **settings: Any,
) -> dict[int, Tuned]:
    """Find the best learning rate for each number of steps, and train networks at it.

    Each budget has its own sweep, schedule and run of `seeds` networks. A rate's score is
    `validate(model)` at the end of the sweep, one number, smaller is better; inf where training
    diverges, or the number is not finite. While the best rate is the first or the last, the grid
    goes on by the ratio of its two outermost rates, at most `more` times on either side. Scores of
    `solved` or less cannot be bettered: of the rates at which all `sweep_seeds` get there the
    middle one is taken, and the grid does not go on. `key` is split: no seed of the sweep, whose
    seeds are the same at each rate, is one of the run.

    Everything runs through one program, compiled once, which takes gcd(steps) / checks steps at a
    time; the sweep takes as many times as come closest to `sweep_share` of the steps. On CPU each
    core trains a network at a time, a GPU `seeds` at once.

    The rates increase, and there are two or more. `warmup_share` is the share of the steps in
    which the rate rises; `stop` is about the run. The rest is as in `fit_seeds`: settings are
    `clip`, `optimizer`, `average` and `split_batch`.

    Raises: ValueError (a setting out of range, or what `fit_seeds` refuses), FloatingPointError
    (no rate has finite scores, or a seed of the run has diverged).
    """
    settings = {"clip": 1.0, "optimizer": ADAM, "average": None} | settings
    check_key(key)
    _check_grid(rates, steps, (seeds, sweep_seeds), sweep_share, more)
    whole = math.gcd(*steps)
    check_numbers(
        len(rates), steps=whole, learning_rate=np.array(rates), checks=checks,
        warmup=round(warmup_share * whole), clip=settings["clip"], average=settings["average"],
    )  # fmt: skip
    check_optimizer(settings["optimizer"], init, key)
    _check_outcome(init, validate, key)
    lanes = min(seeds, jax.device_count()) if jax.default_backend() == "cpu" else seeds
    trainer = Trainer(init, loss, sample, lanes, whole // checks, validate=validate, **settings)
    sweep_key, run_key = jax.random.split(key)
    sweep_keys, run_keys = (
        jax.random.split(k, n) for k, n in [(sweep_key, sweep_seeds), (run_key, seeds)]
    )
    train = partial(_train, trainer, warmup_share, progress)

    def tune_one(budget: int) -> Tuned:
        swept = trainer.chunk * max(1, round(sweep_share * budget / trainer.chunk))
        search = _search(partial(_score, train, sweep_keys, swept), rates, more, solved)
        run = train(run_keys, np.full(seeds, search.rate), budget)
        if stop:
            stop_if_not_finite(run)
        return Tuned(search, run, run_keys)

    return {budget: tune_one(budget) for budget in steps}


def _search(
    score: Callable[[np.ndarray], np.ndarray], rates: Sequence[float], more: int, solved: float
) -> Search:
    """Score all rates, and as many more beyond the best as it takes, or as there may be."""
    search = Search(np.array(rates), score(np.array(rates)), solved)
    left = [more, more]  # below, above
    while not search.bracketed and left[side := int(search.best[0] > 0)]:
        left[side] -= 1
        edge, inner = search.rates[[-1, -2] if side else [0, 1]]
        at = len(search.rates) * side
        added = np.array([edge**2 / inner])
        search = Search(
            np.insert(search.rates, at, added),
            np.insert(search.scores, at, score(added), axis=0),
            solved,
        )
    return search


def _score(train: Callable[..., Run], keys: Array, steps: int, rates: np.ndarray) -> np.ndarray:
    """Return the outcomes of all seeds at each rate: [R, S]."""
    run = train(jnp.tile(keys, len(rates)), np.repeat(rates, len(keys)), steps)
    scores = np.asarray(run.checks[:, -1], float)
    finite = finite_seeds((run.model, run.losses, scores))
    return np.where(finite, scores, np.inf).reshape(len(rates), len(keys))


def _train(
    trainer: Trainer, warmup_share: float, progress: bool,
    keys: Array, rates: np.ndarray, steps: int,
) -> Run:  # fmt: skip
    """Train one model per key through a program for fewer or more: the last fills the gaps."""
    lanes, warmup = trainer.spread.seeds, round(warmup_share * steps)
    places = np.arange(-(-len(keys) // lanes) * lanes).reshape(-1, lanes)
    parts = [
        trainer.run(keys[i], rates[i], steps=steps, warmup=warmup, progress=progress, stop=False)
        for i in np.minimum(places, len(keys) - 1)
    ]

    def join(*leaves: Any) -> Any:
        return (jnp if isinstance(leaves[0], jax.Array) else np).concatenate(leaves)[: len(keys)]

    return jax.tree.map(join, *parts)


def _check_grid(
    rates: Sequence[float], steps: Sequence[int], seeds: tuple[int, int], share: float, more: int
) -> None:
    if np.ndim(rates) != 1 or len(rates) < 2 or not np.all(np.diff(rates) > 0):
        raise ValueError(f"rates must be two or more, increasing, got {rates}")
    if np.ndim(steps) != 1 or not len(steps) or min(steps) < 1 or len({*steps}) < len(steps):
        raise ValueError(f"steps must be different numbers of steps, each >= 1, got {steps}")
    if min(seeds) < 1 or more < 0:
        raise ValueError(
            "seeds and sweep_seeds must be >= 1 and more >= 0, "
            f"got {seeds[0]}, {seeds[1]} and {more}"
        )
    if not 0 < share <= 1:
        raise ValueError(f"sweep_share must be in (0, 1], got {share}")


def _check_outcome(init: Callable, validate: Callable, key: Array) -> None:
    outcome = jax.eval_shape(lambda key: validate(init(key)), key)
    if jax.tree.map(jnp.shape, outcome) != ():
        raise ValueError(f"validate must return one number, the outcome, got {outcome}")
