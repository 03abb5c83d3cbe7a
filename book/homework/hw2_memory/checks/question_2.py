"""Question 2, what an LSTM's cell is made of: held against plain loops."""

import math
from functools import partial

import numpy as np

from grading.judge import Exam, Wrong, close, question


def unrolled(f: np.ndarray, i: np.ndarray) -> np.ndarray:
    """Write 1 into each step in turn, and step on."""
    weights, running = [], np.zeros((0, f.shape[1]))
    for forget, write in zip(f, i, strict=True):
        running = np.concatenate([running * forget, write[None]])
        weights = running
    return np.asarray(weights)


def chrono_share(delay: int, chrono: int, least: float) -> float:
    """Look for the u from which on enough is kept, by bisection."""
    low, high = 1.0, float(chrono - 1)

    def keeps(u: float) -> bool:
        return delay * math.log1p(-1 / (1 + u)) >= math.log(least)

    if keeps(low):
        return 1.0
    if not keeps(high):
        return 0.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if keeps(middle) else (middle, high)
    return (chrono - 1 - high) / (chrono - 2)


def half_lives(biases: list[float]) -> list[float]:
    """Take ln 2 / ln(1 + e^-b), by its series where e^-b is small."""
    small = [math.exp(-b) for b in biases]
    return [math.log(2) / (e - e * e / 2 if e < 1e-4 else math.log(1 + e)) for e in small]


def shares(exam: Exam, kind: str, rng: np.random.Generator) -> None:
    for _ in range(4):
        delay = int(rng.integers(5, 60))
        limits = {"inside": 3.0, "told too little": 0.3}[kind]
        least = float(rng.uniform(0.3, 0.7))
        needed = 1 / (least ** (-1 / delay) - 1)
        chrono = max(int(limits * needed), 3)
        got = exam.ask("share_holding", delay, chrono, least)
        close(got, chrono_share(delay, chrono, least), "a share of units")
    if kind == "told too little":
        got = exam.ask("share_holding", 1, 40, 0.2)
        close(got, 1.0, "a share of units for a delay of one step")


def right_weights(exam: Exam, f: np.ndarray, i: np.ndarray) -> None:
    close(exam.ask("past_weights", f, i), unrolled(f, i), "w", 1e-2, 1e-7)


def summed(exam: Exam) -> None:
    """With a student's weights the sum is the cell that the gates make, step by step."""
    rng = exam.rng
    f, i, g = rng.uniform(0.5, 1, (20, 3)), rng.uniform(0, 1, (20, 3)), rng.normal(size=(20, 3))
    c = np.zeros(3)
    for t in range(20):
        c = f[t] * c + i[t] * g[t]
    got = np.asarray(exam.ask("past_weights", f, i), float)
    if got.shape != f.shape:
        raise Wrong(f"w has the shape {got.shape}, needed {f.shape}")
    close((got * g).sum(axis=0), c, "the sum of w g", 1e-2, 1e-3)


def right_lives(exam: Exam, biases: np.ndarray) -> None:
    close(exam.ask("half_life", biases), half_lives(list(biases)), "n", 1e-2)


@question(2, "What an LSTM's cell is made of", 4, "past_weights", "half_life", "share_holding")
def cell(exam: Exam) -> None:
    rng = exam.rng

    weights, lives = partial(right_weights, exam), partial(right_lives, exam)
    # Two shapes in all, so that JAX compiles twice.
    few, shut = (tuple(rng.uniform(0.2, 1, (2, 20, 3))) for _ in range(2))
    shut[0][rng.integers(8, 16), :2] = 0.0
    writes = rng.uniform(0.1, 1, (2000, 4))
    long = rng.uniform(0.1, 0.6, (2000, 4)), writes
    slow = rng.uniform(0.995, 1, (2000, 4)), writes
    some, none = rng.spawn(2)
    mild, large = rng.uniform(-4, 5, 4), rng.uniform(40, 60, 3)
    exam.check(0.75, "the weights of twenty steps", lambda: weights(*few))
    exam.check(0.5, "with them the sum is the cell that the gates make", lambda: summed(exam))
    exam.check(0.5, "2,000 steps, small gates", lambda: weights(*long))
    exam.check(0.25, "2,000 steps, gates near 1", lambda: weights(*slow))
    exam.check(0.5, "a gate that is shut", lambda: weights(*shut))
    exam.check(0.25, "half-lives, usual biases", lambda: lives(mild))
    exam.check(0.5, "half-lives, large biases", lambda: lives(large))
    exam.check(0.5, "the share of units, some of them", lambda: shares(exam, "inside", some))
    exam.check(
        0.25, "the share of units, none or all", lambda: shares(exam, "told too little", none)
    )
