"""Question 4, which half of chrono does the work: experiment, statistics, own results."""

import itertools
import math
from functools import partial
from typing import Any

import jax
import numpy as np

from grading.judge import Exam, Wrong, close, question
from rnnlib.notebook.self_checks import pick

from .training import (
    DELAYS,
    KINDS,
    NAMES,
    OUTCOMES,
    SMALL_DELAY,
    SMALL_STEPS,
    STEPS,
    loss_at_first,
    run_alone,
)


class Runs:
    """The student's training, small, at hidden seeds and a hidden rate: each kind is asked once."""

    def __init__(self, exam: Exam):
        self.exam, self.asked = exam, {}
        seeds = tuple(int(s) for s in exam.rng.choice(10**6, 2, replace=False))
        self.small = (SMALL_DELAY, seeds, float(exam.rng.uniform(0.015, 0.03)), SMALL_STEPS)

    def of(self, kind: str) -> tuple[dict, list[np.ndarray]]:
        """Return what the student's run of a kind gave, and the truth. Raises: Wrong."""
        if kind not in self.asked:
            self.asked[kind] = self.exam.ask("experiment", kind, *self.small)
        got = self.asked[kind]
        if not isinstance(got, dict) or not set(NAMES) <= got.keys():
            raise Wrong("experiment should return losses, validation and test, as it was given")
        steps = np.shape(got["losses"])
        if steps != (2, SMALL_STEPS):
            raise Wrong(
                f"2 seeds and {SMALL_STEPS} steps were asked for, got losses of shape {steps}"
            )
        return {name: np.asarray(got[name]) for name in NAMES}, run_alone(kind, *self.small)

    def start(self, kind: str) -> None:
        got, truth = self.of(kind)
        close(got["losses"][:, 0], truth[0][:, 0], "the loss before training", 0, 1e-3)

    def course(self, kind: str) -> None:
        got, truth = self.of(kind)
        close(got["losses"], truth[0], "the loss in training", 0, 5e-3)

    def score(self, kind: str, name: str, at: int, atol: float) -> None:
        got, truth = self.of(kind)
        close(got[name], truth[at], f"the {name} score", 0, atol)


def one_run(exam: Exam) -> None:
    """Check the student's training."""
    runs = Runs(exam)
    exam.check(0.5, "the untrained LSTM with whole chrono, by seed", lambda: runs.start("whole"))
    exam.check(0.5, "the untrained LSTM with half of it, by seed", lambda: runs.start("half"))
    exam.check(0.25, "training with whole chrono", lambda: runs.course("whole"))
    exam.check(0.25, "training with half of it", lambda: runs.course("half"))
    exam.check(0.25, "the validation score", lambda: runs.score("half", "validation", 1, 3e-3))
    exam.check(0.25, "the test score", lambda: runs.score("half", "test", 2, 1.5 / 256))


def mean_and_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean and its 95 % interval by Student's t."""
    table = {2: 4.3027, 3: 3.1824, 4: 2.7764, 5: 2.5706, 6: 2.4469, 7: 2.3646, 8: 2.3060, 9: 2.2622}
    n = len(values)
    mean = sum(values) / n
    half = table[n - 1] * math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1) / n)
    return mean, mean - half, mean + half


def best_rate(validation: Any) -> int:
    """Return the rate of smallest mean loss, among those at which no seed diverged."""
    means = {r: sum(row) / len(row) for r, row in enumerate(np.asarray(validation, float).tolist())}
    whole = {r: m for r, m in means.items() if math.isfinite(m)}
    return min(whole, key=lambda r: whole[r])


def who_wins(first: dict, second: dict) -> str:
    """Compare two tables of scores."""
    one, other = (np.asarray(t["test"], float)[best_rate(t["validation"])] for t in (first, second))
    _, low, high = mean_and_interval(one - other)
    return "first" if low > 0 else "second" if high < 0 else "undecided"


def rates_chosen(exam: Exam, rng: np.random.Generator, *, diverged: bool) -> None:
    for _ in range(4):
        table = rng.uniform(0.5, 2, (4, 6))
        if diverged:  # the best rate but for one seed, and one that is bad anyway
            table[1] = 0.1
            table[1, rng.integers(6)] = [np.nan, np.inf][rng.integers(2)]
            table[2, rng.integers(6)] = np.nan
        else:  # the best on average is not the best in its best, nor in its middle seeds
            table[0] = [0.01, 0.4, 0.4, 0.4, 3.0, 3.0]
            table[3] = [0.6, 0.6, 0.6, 0.6, 0.6, 0.7]
        table = table[rng.permutation(4)]
        got = exam.ask("choose", table.tolist() if rng.integers(2) else table)
        if got != best_rate(table):
            raise Wrong("another rate has the smaller mean validation loss")


def intervals(exam: Exam, rng: np.random.Generator) -> None:
    for n in (3, 5, 8):
        values = rng.normal(0.2, 1, n)
        close(exam.ask("interval", values), mean_and_interval(values), "(mean, low, high)", 1e-2)


def tables(rng: np.random.Generator, case: str) -> tuple[dict, dict]:
    """Draw two tables of scores; each case is one in which a shortcut concludes something else."""
    hard = np.array([0.0, 0.25, 0.1, 0.3, 0.05, 0.2]) + rng.uniform(0, 0.02, 6)
    one, other = ({"validation": rng.uniform(0.8, 2, (3, 6)), "test": rng.uniform(0.2, 0.4, (3, 6))}
                  for _ in range(2))  # fmt: skip
    best, second = rng.permutation(3)[:2]
    one["validation"][best], other["validation"][second] = 0.2, 0.3
    wins = rng.uniform(0.03, 0.05, 6)
    if case == "paired":  # always a little better, and both vary much from seed to seed
        one["test"][best], other["test"][second] = 0.6 + hard + wins, 0.6 + hard
    elif case == "undecided":  # better on average, not by seed
        wide = 0.1 * rng.permutation([-3, -1, 0, 1, 2, 4]) + rng.uniform(0.01, 0.02, 6)
        one["test"][best], other["test"][second] = 0.5 + wide, np.full(6, 0.5)
    elif case == "chosen by validation":  # another rate has the higher test scores
        one["test"][best], other["test"][second] = 0.6 + wins, np.full(6, 0.6)
        other["test"][best] = 0.9 + wins
    elif case == "a rate for each":  # at the other's rate it would have lost
        one["test"][best], other["test"][second] = 0.6 + wins, 0.7 + 2 * wins
        one["validation"][second], other["validation"][best] = 0.5, 0.5
    return (one, other) if rng.integers(2) else (other, one)


def winners(exam: Exam, rng: np.random.Generator, *cases: str) -> None:
    for case in cases:
        for _ in range(3):
            first, second = tables(rng, case)
            plain = [{k: v.tolist() for k, v in table.items()} for table in (first, second)]
            got = exam.ask("winner", *plain)
            if got not in OUTCOMES:
                raise Wrong('winner should return "first", "second" or "undecided"')
            if got != who_wins(first, second):
                raise Wrong("it concludes something that the numbers do not say")


def own_results(exam: Exam) -> dict:
    """Return RESULTS, if they are whole and of this student's budget. Raises: Wrong."""
    got = exam.value("RESULTS")
    if not isinstance(got, dict) or not got:
        raise Wrong("RESULTS is empty, or no dictionary")
    missing = {"delay", "steps", "seeds", "rates", *KINDS} - got.keys()
    if missing:
        raise Wrong(f"RESULTS has no {', '.join(sorted(missing))}")
    delay = pick(exam.variant, "delay", DELAYS)
    if (got["delay"], got["steps"]) != (delay, STEPS):
        raise Wrong(f"of variant {exam.variant} a delay of {delay} and {STEPS} steps were asked")
    seeds, rates = list(got["seeds"]), list(got["rates"])
    if len(set(seeds)) < 5 or len(set(seeds)) < len(seeds):
        raise Wrong(f"at least five different seeds were asked for, got {len(set(seeds))}")
    if not set(seeds) <= {10 * exam.variant + k for k in range(6)}:
        raise Wrong(f"these are not the seeds of variant {exam.variant}")
    if len(set(rates)) < 3 or len(set(rates)) < len(rates):
        raise Wrong(f"at least three learning rates were asked for, got {len(set(rates))}")
    for kind, name in itertools.product(KINDS, ("first", "validation", "test")):
        if np.shape(got[kind][name]) != (len(rates), len(seeds)):
            raise Wrong(f"{name} of {kind} needs a number for each rate and seed")
    return got


def of_256(got: dict) -> None:
    """Check that shares right are counts out of 256."""
    for kind in KINDS:
        counts = 256 * np.asarray(got[kind]["test"], float)
        if not (np.abs(counts - counts.round()) < 0.05).all() or not (counts >= 0).all():
            raise Wrong(f"the test scores of {kind} are no shares of 256 answers")


def first_losses(got: dict) -> None:
    """Recompute each run's loss before training."""
    first = loss_at_first(got["delay"])
    for half, kind in enumerate(KINDS):
        of_kind = np.array([first(half, jax.random.key(seed)) for seed in got["seeds"]])
        for row in got[kind]["first"]:
            close(row, of_kind, f"the first losses of {kind}", 0, 5e-3)


def results(exam: Exam) -> None:
    """Check RESULTS and CONCLUSION."""

    def whole() -> None:
        of_256(own_results(exam))

    def concluded() -> None:
        got, said = own_results(exam), exam.value("CONCLUSION")
        first_losses(got)
        if said not in OUTCOMES.values():
            raise Wrong('CONCLUSION should be "whole", "half" or "undecided"')
        if said != OUTCOMES[who_wins(got["whole"], got["half"])]:
            raise Wrong("CONCLUSION is not what these RESULTS say")

    exam.check(0.25, "RESULTS: the budget that was asked for, for both kinds", whole)
    exam.check(
        0.5, "RESULTS: runs of this variant's seeds", lambda: first_losses(own_results(exam))
    )
    exam.check(0.5, "CONCLUSION follows from these RESULTS", concluded)


@question(
    4,
    "Which half of chrono does the work?",
    5,
    *("experiment", "choose", "interval", "winner", "RESULTS", "CONCLUSION"),
)
def chrono(exam: Exam) -> None:
    one_run(exam)
    rngs = iter(exam.rng.spawn(6))  # one for each check: no answer changes what others are asked

    def check(points: float, what: str, test, *args, **settings) -> None:
        exam.check(points, what, partial(test, exam, next(rngs), *args, **settings))

    check(0.25, "choosing a rate", rates_chosen, diverged=False)
    check(0.25, "choosing a rate where some diverge", rates_chosen, diverged=True)
    check(0.5, "the interval", intervals)
    check(0.25, "a winner that only pairs show", winners, "paired")
    check(0.25, "no winner", winners, "undecided")
    mine = ("chosen by validation", "a rate for each")
    check(0.25, "a rate for each, by its own validation", winners, *mine)
    results(exam)
