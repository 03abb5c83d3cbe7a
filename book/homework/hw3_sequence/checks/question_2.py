"""Question 2, a machine that is never quiet: held against known quantiles."""

import math
from typing import Any

import numpy as np

from grading.judge import Exam, close, question

from .demands import listed, needs, whole

DRAWS = 20_000
TAIL = (0.012, 0.038)  # the quantiles between which an interval's end must lie, around 2.5 %


def within(exam: Exam, got: Any, values: np.ndarray) -> None:
    """Compare low and high with the bootstrap of the median of values[R]. Raises: Wrong."""
    which = exam.rng.integers(0, len(values), (DRAWS, len(values)))
    medians = np.median(values[which], axis=1)
    numbers = [float(np.asarray(x)) for x in listed(got, 3, "the answer")]
    needs(np.isfinite(numbers).all(), "the interval must be finite")
    slack = 1e-9 * abs(medians).max()
    for end, (least, most) in zip(numbers[1:], (TAIL, (1 - TAIL[1], 1 - TAIL[0])), strict=True):
        lowest, highest = np.quantile(medians, [least, most])
        word = "narrow" if (end > highest) == (least < 0.5) else "wide"
        fits = lowest - slack <= end <= highest + slack
        needs(fits, f"the interval is too {word} at its {'low' if least < 0.5 else 'high'} end")


def timed(exam: Exam, repeats: int, drift: float, noise: float, interrupted: float = 0.0):
    """Seconds of two programs on a machine whose speed changes from repeat to repeat."""
    slow, fast = exam.rng.normal(0, drift, (2, repeats))
    load = np.exp(np.cumsum(slow) / 4 + fast)
    true = exam.rng.uniform(0.3, 4)
    pair = []
    for seconds in (true, 1.0):
        stalls = 1 + (exam.rng.random(repeats) < interrupted) * exam.rng.uniform(2, 9, repeats)
        pair.append(1e-3 * seconds * load * stalls * np.exp(exam.rng.normal(0, noise, repeats)))
    return pair


def median_ratio(exam: Exam, n: int) -> None:
    for _ in range(3):
        ours, theirs = timed(exam, n, 0.6, 0.1, 0.1)
        got = listed(exam.ask("ratio", ours, theirs), 3, "the answer")
        close(got[0], np.median([a / b for a, b in zip(ours, theirs, strict=True)]), "the ratio",
              rtol=1e-6)  # fmt: skip


def ratio_interval(exam: Exam, interrupted: float) -> None:
    for repeats in (61, 80):
        ours, theirs = timed(exam, repeats, 0.8, 0.05, interrupted)
        within(exam, exam.ask("ratio", ours.tolist(), theirs), ours / theirs)


def scaling(exam: Exam, n: int, repeats: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sizes, their seconds (a law with a fixed cost, which bends it), and the slope per repeat."""
    sizes = np.sort(exam.rng.choice(np.arange(8, 3000), n, replace=False)).astype(float)
    load = np.exp(exam.rng.normal(0, 0.8, repeats))
    law = sizes ** exam.rng.uniform(0.7, 2.2)
    seconds = 1e-6 * (law + law.mean() / 20)[:, None] * load
    seconds = seconds * np.exp(exam.rng.normal(0, 0.08, (n, repeats)))
    design = np.stack([np.log(sizes), np.ones(n)], axis=1)
    slopes = np.linalg.lstsq(design, np.log(seconds), rcond=None)[0][0]
    return sizes, seconds, slopes


def right_exponent(exam: Exam) -> None:
    for n in (3, 6):
        sizes, seconds, slopes = scaling(exam, n, 31)
        got = listed(exam.ask("exponent", sizes, seconds), 3, "the answer")
        close(got[0], np.median(slopes), "the exponent", rtol=1e-6)


def exponent_interval(exam: Exam) -> None:
    for n, repeats in ((4, 60), (5, 81)):
        sizes, seconds, slopes = scaling(exam, n, repeats)
        within(exam, exam.ask("exponent", sizes.astype(int).tolist(), seconds), slopes)


def right_plan(exam: Exam) -> None:
    for _ in range(6):
        low, repeats = exam.rng.uniform(-1, 3), int(exam.rng.integers(6, 60))
        now = exam.rng.uniform(0.1, 2)
        width = now * exam.rng.uniform(0.05, 0.9)
        expected = math.ceil(repeats * (now / width) ** 2)
        needs_ = exam.ask("repeats_needed", low, low + now, repeats, width)
        close(needs_, expected, "the number of repeats", rtol=0, atol=1.01 * (expected > 1000))
        needs(float(needs_) == round(float(needs_)), "the number of repeats must be whole")


def enough_already(exam: Exam) -> None:
    low, repeats = exam.rng.uniform(0, 3), int(exam.rng.integers(6, 60))
    got = exam.ask("repeats_needed", low, low + 0.2, repeats, 0.5)
    whole(got, repeats, "the number of repeats where the interval is narrow enough")


@question(2, "A machine that is never quiet", 3, "ratio", "exponent", "repeats_needed")
def second(exam: Exam) -> None:
    exam.check(0.5, "ratio: divides within each repeat", lambda: median_ratio(exam, 30))
    exam.check(0.5, "ratio: the interval where the machine is unsteady",
               lambda: ratio_interval(exam, 0.0))  # fmt: skip
    exam.check(0.25, "ratio: the interval with interruptions",
               lambda: ratio_interval(exam, 0.15))  # fmt: skip
    exam.check(0.5, "exponent: the median of the repeats' slopes", lambda: right_exponent(exam))
    exam.check(0.75, "exponent: its interval", lambda: exponent_interval(exam))
    exam.check(0.25, "repeats_needed", lambda: right_plan(exam))
    exam.check(0.25, "repeats_needed: enough already", lambda: enough_already(exam))
