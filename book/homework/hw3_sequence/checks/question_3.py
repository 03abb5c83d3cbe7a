"""Question 3, a cache that does not grow: held against attention, one key at a time."""

import math
from typing import Any

import numpy as np

from grading.judge import Exam, close, question

from .demands import listed, whole


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, window: int) -> np.ndarray:
    """Windowed attention, one position, one head and one key at a time."""
    found = np.zeros(q.shape)
    for t in range(len(q)):
        for head in range(q.shape[1]):
            past = range(max(0, t - window + 1), t + 1)
            scores = np.array([q[t, head] @ k[s, head] for s in past]) / math.sqrt(q.shape[2])
            weights = np.exp(scores - scores.max())
            found[t, head] = sum(w * v[s, head] for w, s in zip(weights, past, strict=True))
            found[t, head] /= weights.sum()
    return found


Parts = tuple[np.ndarray, np.ndarray, np.ndarray]


def text(exam: Exam, n: int, heads: int, d: int, scale: float = 1.5) -> Parts:
    """Random queries, keys and values [n, heads, d]."""
    q, k, v = (exam.rng.normal(size=(n, heads, d)).astype(np.float32) for _ in range(3))
    return scale * q, scale * k, v


def read(exam: Exam, cache: Any, parts: Parts, places: range) -> list[Any]:
    """Let the submission read some positions: the answers; the cache goes with it."""
    found = []
    for t in places:
        answer = listed(exam.ask("step", cache, *(x[t] for x in parts)), 2, "step's answer")
        cache, y = listed(answer[0], 3, "the cache"), answer[1]
        found.append(y)
    return found


def right_empty(exam: Exam) -> None:
    keys, values, t = listed(exam.ask("empty", 5, 3, 2), 3, "the cache")
    for part in (keys, values):
        close(part, np.zeros((5, 3, 2)), "the empty cache")
    whole(t, 0, "t of the empty cache")


def from_empty(exam: Exam, window: int, n: int, skip: int) -> None:
    """Read n positions from the beginning, and look at the answers from `skip` on."""
    parts = text(exam, n, 2, 3)
    got = read(exam, exam.ask("empty", window, 2, 3), parts, range(n))
    close(np.array(got)[skip:], attention(*parts, window)[skip:], "y", rtol=2e-3, atol=1e-4)


def half_full(exam: Exam, window: int, before: int, after: int, scale: float = 1.5) -> None:
    """Hand in a cache as it must be after some positions, with rubbish in the empty places."""
    parts = text(exam, before + after, 2, 4, scale)
    ring = [np.full((window, 2, 4), 37.0, np.float32), np.full((window, 2, 4), -900.0, np.float32)]
    for t in range(before):
        ring[0][t % window], ring[1][t % window] = parts[1][t], parts[2][t]
    got = read(exam, [*ring, before], parts, range(before, before + after))
    expected = attention(*parts, window)[before:]
    close(np.array(got), expected, "y", rtol=2e-3, atol=1e-3)


def right_ring(exam: Exam) -> None:
    """One place changes, and the rest of the cache stays."""
    parts, window, t = text(exam, 1, 2, 3), 4, 10
    ring = [exam.rng.normal(size=(window, 2, 3)).astype(np.float32) for _ in range(2)]
    answer = listed(exam.ask("step", [*ring, t], *(x[0] for x in parts)), 2, "step's answer")
    keys, values, after = listed(answer[0], 3, "the cache")
    for old, new, part in ((ring[0], keys, parts[1]), (ring[1], values, parts[2])):
        old = old.copy()
        old[t % window] = part[0]
        close(new, old, "the cache after a step")
    whole(after, t + 1, "t after a step")


def all_at_once(exam: Exam, n: int, window: int, scale: float = 1.5) -> None:
    parts = text(exam, n, 2, 5, scale)
    close(exam.ask("attend_window", *parts, window), attention(*parts, window), "y",
          rtol=2e-3, atol=1e-3)  # fmt: skip


def right_bytes(exam: Exam) -> None:
    for t in (0, 3, 50, 4000):
        layers, heads, d, window = (int(exam.rng.integers(2, n)) for n in (40, 30, 130, 900))
        full, size = int(exam.rng.integers(0, layers + 1)), int(exam.rng.choice([1, 2, 4]))
        count = sum(min(t, window) if layer >= full else t for layer in range(layers))
        got = exam.ask("kept", t, layers, full, heads, d, window, size)
        whole(got, 2 * count * heads * d * size, "the number of bytes")


def right_reach(exam: Exam) -> None:
    for _ in range(4):
        layers, window, back = int(exam.rng.integers(1, 9)), int(exam.rng.integers(1, 50)), 0
        for _ in range(layers):  # each layer looks from the earliest place seen so far
            back += len(range(window)) - 1
        whole(exam.ask("reach", layers, window), back, "the reach")


@question(3, "A cache that does not grow", 4, "empty", "step", "attend_window", "kept", "reach")
def third(exam: Exam) -> None:
    exam.check(0.25, "empty", lambda: right_empty(exam))
    exam.check(0.5, "step: before the window is full", lambda: from_empty(exam, 7, 5, 0))
    exam.check(0.5, "step: long after it is full", lambda: from_empty(exam, 4, 11, 4))
    exam.check(0.5, "step: one place of the ring changes", lambda: right_ring(exam))
    exam.check(0.5, "step: rubbish in the empty places", lambda: half_full(exam, 6, 2, 7))
    exam.check(0.25, "step: large scores", lambda: half_full(exam, 3, 4, 3, 20))
    exam.check(0.5, "attend_window: longer than the window", lambda: all_at_once(exam, 12, 5))
    exam.check(0.25, "attend_window: shorter; and large scores",
               lambda: (all_at_once(exam, 4, 9), all_at_once(exam, 9, 4, 20)))  # fmt: skip
    exam.check(0.5, "kept", lambda: right_bytes(exam))
    exam.check(0.25, "reach", lambda: right_reach(exam))
