"""Question 1, matrices in a tree: held against a loop in NumPy."""

import math

import numpy as np

from grading.judge import Exam, close, question

from .demands import listed, needs, whole


def loop(a: np.ndarray, b: np.ndarray, h: np.ndarray) -> np.ndarray:
    """All states, one after the other, in float64."""
    found = []
    for factor, shift in zip(a.astype(float), b.astype(float), strict=True):
        h = h @ factor + shift
        found.append(h)
    return np.array(found)


def steps_of(exam: Exam, n: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random A[n, H, H], which neither commute nor explode, b[n, H] and h0[H]."""
    a = exam.rng.normal(0, 0.8 / math.sqrt(size), (n, size, size)) + 0.3 * np.eye(size)
    b, h = exam.rng.normal(size=(n, size)), exam.rng.normal(0, 2, size)
    return a.astype(np.float32), b.astype(np.float32), h.astype(np.float32)


def tree_counts(n: int) -> tuple[int, int]:
    """Count rounds and joins by carrying the scheme out on a list of nothing."""
    if n == 1:
        return 0, 0
    pairs = len(range(1, n, 2))
    rounds, joins = tree_counts(pairs)
    between = len(range(2, n, 2))
    return rounds + 1 + (between > 0), joins + pairs + between


def work_of(n: int, size: int) -> tuple[int, int]:
    """Count the operations of tree and loop, product by product."""
    matrices, vector = size * size * (2 * size - 1), size * (2 * size - 1)
    one_join = matrices + vector + size
    return tree_counts(n)[1] * one_join + vector + size, n * (vector + size)


def joined(exam: Exam, part: int, n: int, size: int) -> None:
    """Join n pairs of steps and look at one part of the answer."""
    (a, b, _), (c, d, _) = steps_of(exam, n, size), steps_of(exam, n, size)
    got = listed(exam.ask("join", [a, b], [c, d]), 2, "join's answer")
    expected = (
        np.array([early @ late for early, late in zip(a, c, strict=True)]),
        np.array([early @ late + more for early, late, more in zip(b, c, d, strict=True)]),
    )
    close(got[part], expected[part], "the joined " + "Ab"[part], rtol=1e-3, atol=1e-4)


def all_states(exam: Exam, n: int, size: int, start: bool = True) -> None:
    a, b, h = steps_of(exam, n, size)
    h = h if start else np.zeros_like(h)
    close(exam.ask("states", a, b, h), loop(a, b, h), "the states", rtol=2e-3, atol=2e-3)


def logarithmic(exam: Exam) -> None:
    """The program must be right, have no loop, and hardly grow with the length."""
    all_states(exam, 8, 3)
    counts = [exam.ask("operations", n) for n in (32, 256)]
    needs(all(isinstance(c, dict) and c for c in counts), "`operations` should count something")
    loops = {"scan", "while"} & set(counts[1])
    needs(not loops, f"the program has a loop over time ({', '.join(sorted(loops))})")
    small, large = (sum(c.values()) for c in counts)
    needs(large < 4 * small, "the program grows with the number of steps, as a loop's does")


def right_rounds(exam: Exam) -> None:
    for n in [1, 2, 3, 4, 5, 7, 8, 9, *map(int, exam.rng.integers(10, 5000, 4)), 4096, 4097]:
        whole(exam.ask("rounds", n), tree_counts(n)[0], f"rounds({n})")


def right_work(exam: Exam, which: int) -> None:
    for n in (1, 2, 3, 6, 7, 64, *map(int, exam.rng.integers(10, 3000, 3))):
        size = int(exam.rng.integers(2, 40))
        got = listed(exam.ask("work", n, size), 2, "work's answer")
        whole(got[which], work_of(n, size)[which], f"work({n}, {size})[{which}]")


@question(1, "Matrices in a tree", 4, "join", "states", "rounds", "work")
def first(exam: Exam) -> None:
    exam.check(0.5, "join: the matrix of two steps, in the right order",
               lambda: joined(exam, 0, 5, 3))  # fmt: skip
    exam.check(0.5, "join: the shift of two steps", lambda: joined(exam, 1, 5, 3))
    exam.check(0.25, "states: 8 steps from a start of zeros",
               lambda: all_states(exam, 8, 3, start=False))  # fmt: skip
    exam.check(0.5, "states: 8 steps from another start", lambda: all_states(exam, 8, 3))
    exam.check(0.25, "states: lengths that are no power of two, and one step alone",
               lambda: [all_states(exam, n, 3) for n in (13, 1)])  # fmt: skip
    exam.check(0.5, "states: right, and in logarithmic depth", lambda: logarithmic(exam))
    exam.check(0.75, "rounds, for many lengths", lambda: right_rounds(exam))
    exam.check(0.5, "work of the tree", lambda: right_work(exam, 0))
    exam.check(0.25, "work of the loop", lambda: right_work(exam, 1))
