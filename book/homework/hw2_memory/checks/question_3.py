"""Question 3, what a partial memory scores: held against sums over all that can be."""

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from grading.judge import Exam, Wrong, close, question


def all_sequences(items: int, symbols: int) -> tuple[float, float]:
    """Try every sequence: the mean of ln |set| and of 1 / |set|."""
    sizes = [len(set(s)) for s in itertools.product(range(symbols), repeat=items)]
    return float(np.mean(np.log(sizes))), float(np.mean(1 / np.array(sizes)))


def onto(items: int, symbols: int) -> tuple[float, float]:
    """Count the sequences with exactly d symbols, by inclusion and exclusion, in whole numbers."""
    loss = right = 0.0
    for d in range(1, min(items, symbols) + 1):
        onto_d = sum((-1) ** j * math.comb(d, j) * (d - j) ** items for j in range(d))
        share = float(Fraction(math.comb(symbols, d) * onto_d, symbols**items))
        loss, right = loss + share * math.log(d), right + share / d
    return loss, right


def replaced(symbols: int, survives: float, aware: bool) -> tuple[float, float]:
    """Sum over what was shown and what is in mind; -p ln p of the posterior, case by case."""
    joint = np.full((symbols, symbols), (1 - survives) / symbols**2)
    joint += np.eye(symbols) * survives / symbols
    posterior = joint / joint.sum(axis=0)
    right = float((joint.sum(axis=0) * posterior.max(axis=0)).sum())
    if aware:
        return (1 - survives) * math.log(symbols), right
    return float(-(joint * np.log(np.where(joint > 0, posterior, 1))).sum()), right


def pair(got: Any, expected: tuple[float, float], which: int) -> None:
    """Compare one of the two numbers that a player scores."""
    got = np.asarray(got, float)
    if got.shape != (2,):
        raise Wrong(f"needed the pair (loss, accuracy), got the shape {got.shape}")
    close(got[which], expected[which], ("the loss", "the accuracy")[which], 1e-3, 1e-6)


def of_a_set(exam: Exam, items: int, symbols: int, which: int, truth: Callable) -> None:
    pair(exam.ask("unordered", items, symbols), truth(items, symbols), which)


def damaged(exam: Exam, symbols: int, aware: bool, *cases: tuple[float, int]) -> None:
    for p, which in cases:
        pair(exam.ask("garbled", symbols, p, aware), replaced(symbols, p, aware), which)


@question(3, "What a partial memory scores", 3, "kept", "unordered", "garbled")
def partial_memory(exam: Exam) -> None:
    rng = exam.rng
    symbols, items = int(rng.integers(3, 6)), int(rng.integers(3, 6))
    many, more = int(rng.integers(18, 31)), int(rng.integers(16, 31))
    known, delay = int(rng.integers(3, many - 3)), int(rng.integers(20, 90))
    survives = float(rng.uniform(0.2, 0.8))

    def some(which: int) -> None:
        loss = (many - known) * math.log(symbols) / (many + delay + many)
        right = (known + (many - known) / symbols) / many
        pair(exam.ask("kept", many, symbols, delay, known), (loss, right), which)

    a_set, after = partial(of_a_set, exam), partial(damaged, exam, symbols + 2)
    exam.check(0.5, "some places known: the loss", lambda: some(0))
    exam.check(0.25, "some places known: the accuracy", lambda: some(1))
    exam.check(0.5, "a set: the loss", lambda: a_set(items, symbols, 0, all_sequences))
    exam.check(0.25, "a set: the accuracy", lambda: a_set(items, symbols, 1, all_sequences))
    exam.check(0.25, "large sets: the loss", lambda: a_set(many, more, 0, onto))
    exam.check(0.25, "aware of the damage: the loss", lambda: after(True, (survives, 0)))
    exam.check(0.5, "unaware of the damage: the loss", lambda: after(False, (survives, 0)))
    exam.check(
        0.25, "damaged: the accuracy", lambda: [after(a, (survives, 1)) for a in (True, False)]
    )
    exam.check(
        0.25,
        "damaged always, or never",
        lambda: [after(a, *itertools.product((0.0, 1.0), (0, 1))) for a in (True, False)],
    )
