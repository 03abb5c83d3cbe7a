"""What a measurement says of a claim: its interval lies on the right side, on neither, or not.

Times are weighed otherwise than seeds. They are ratios, so that logarithms are averaged: then a
ratio and its inverse say the same. And they hang on a machine that does other things as well, so
that they are measured further, process by process, until the machine lets them be decided.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from rnnlib.claims.evidence import Estimate, Rival
from rnnlib.claims.intervals import sample
from rnnlib.claims.measurements import Measurement

LOOKS = 3, 6, 12  # at so many processes a claim about time asks whether it is decided
TAIL = 0.025 / len(LOOKS)  # who looks three times errs up to three times as often


class ClaimError(AssertionError):
    """A measurement does not carry its claim."""


@runtime_checkable
class Timed(Protocol):
    """A ratio of times, with one value for each fresh process, that can be measured further."""

    @property
    def values(self) -> np.ndarray:
        """The ratios so far, one for each process."""
        ...

    @property
    def repeats(self) -> int:
        """How many repeats each process took."""
        ...

    @property
    def processor(self) -> str:
        """The full name of the processor."""
        ...

    def more(self) -> bool:
        """Measure up to the next of the LOOKS; return False if that is over, or the time is."""
        ...


Measured = ArrayLike | Measurement
Rivals = Mapping[str, tuple[str, Measured]]
TimedRivals = Mapping[str, tuple[str, float | Timed]]  # Timed: of the same processes


def weigh(
    measured: Measured, rivals: Rivals, name: str, tail: float = 0.025
) -> tuple[dict[str, Any], str]:
    """Return a claim's numbers, and whether it is carried, undecided or refuted.

    Raises: ClaimError (not finite), ValueError (fewer than 3 networks, a rival of another kind).
    """
    ours = _measurement(measured, name)
    weighed, outcomes = [], set()
    for side, (label, rival) in rivals.items():
        theirs = _measurement(rival, f"{name}, {label}")
        gap = ours.gap(theirs, tail)
        outcomes.add(_outcome(side, gap))
        level, n = float(theirs.values.mean()), theirs.values.size
        weighed.append(Rival(side, label, n, level, gap))
    numbers = {"kind": ours.kind, "note": ours.note, "rivals": weighed}
    numbers |= {"estimate": ours.estimate(tail), "n": ours.values.size}
    numbers |= {"values": np.atleast_1d(ours.values).tolist()}
    return numbers, next(o for o in ("refuted", "undecided", "carried") if o in outcomes)


def decide(timed: Timed, rivals: TimedRivals, name: str) -> tuple[dict[str, Any], str]:
    """Return the same of a claim about time, measured until it is decided or the time is over.

    It is looked at no more than three times, after 3, 6 and 12 processes (or when the time is
    over), each time with an interval that misses the truth in 5 % / 3 of all cases. So although
    one stops at the first look that decides, the intervals of all looks hold it in 95 %.

    Raises: ClaimError (not finite).
    """
    while True:
        numbers, outcome = _weigh_times(timed.values, rivals, name)
        if outcome != "undecided" or not timed.more():
            note = f"of {timed.repeats} repeats on {timed.processor}"
            return numbers | {"kind": "time", "note": note}, outcome


def _weigh_times(values: np.ndarray, rivals: TimedRivals, name: str) -> tuple[dict[str, Any], str]:
    shown = {"n": values.size, "values": values.tolist()}
    if values.size < LOOKS[0]:
        return shown | {"estimate": None, "rivals": []}, "undecided"
    logs = {
        side: (label, np.log(rival.values if isinstance(rival, Timed) else rival))
        for side, (label, rival) in rivals.items()
    }
    numbers, outcome = weigh(np.log(values), logs, name, TAIL)
    weighed = [
        dataclasses.replace(r, level=math.exp(r.level), gap=_exponential(r.gap))
        for r in numbers["rivals"]
    ]
    return shown | {"estimate": _exponential(numbers["estimate"]), "rivals": weighed}, outcome


def _exponential(logs: Estimate) -> Estimate:
    return Estimate(math.exp(logs.mean), math.exp(logs.low), math.exp(logs.high))


def _measurement(measured: Measured, what: str) -> Measurement:
    if isinstance(measured, Measurement):
        return measured
    return Measurement("mean", _finite(measured, what))


def _outcome(side: str, gap: Estimate) -> str:
    """Say whether an interval of differences lies on the side that is claimed."""
    above, below = gap.low > 0, gap.high < 0
    right, wrong = (below, above) if side == "below" else (above, below)
    return "carried" if right else "refuted" if wrong else "undecided"


def _finite(values: ArrayLike, what: str) -> np.ndarray:
    array = sample(values, what)
    if not np.isfinite(array).all():
        raise ClaimError(f"{what}: a measurement is not finite: {array.tolist()}")
    return array
