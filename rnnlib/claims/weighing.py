"""What a measurement says of a claim: its interval lies on the right side, on neither, or not.

Times are weighed otherwise than seeds. They are ratios, so that logarithms are averaged: then a
ratio and its inverse say the same. And they hang on a machine that does other things as well, so
that they are measured further, process by process, until the machine lets them be decided.
"""

import math
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from rnnlib.claims.intervals import difference, interval, sample

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


Rivals = Mapping[str, tuple[str, ArrayLike]]
TimedRivals = Mapping[str, tuple[str, float | Timed]]  # Timed: of the same processes


def weigh(
    measured: ArrayLike, rivals: Rivals, name: str, tail: float = 0.025
) -> tuple[dict[str, Any], str]:
    """Return the numbers of a claim about seeds, and whether it is carried, undecided or refuted.

    Raises: ClaimError (not finite), ValueError (fewer than 3 seeds).
    """
    values = _finite(measured, name)
    mean, low, high = interval(values, tail)
    found: dict[str, Any] = {"mean": mean, "low": low, "high": high, "n": values.size}
    found |= {"values": np.atleast_1d(values).tolist(), "rivals": []}
    outcomes = set()
    for side, (label, rival) in rivals.items():
        against = _finite(rival, f"{name}, {label}")
        gap, low, high = difference(values, against, tail)
        outcomes.add(_outcome(side, low, high))
        entry = {"side": side, "label": label, "mean": float(against.mean()), "n": against.size}
        found["rivals"].append(entry | {"difference": gap, "low": low, "high": high})
    return found, next(o for o in ("refuted", "undecided", "carried") if o in outcomes)


def decide(timed: Timed, rivals: TimedRivals, name: str) -> tuple[dict[str, Any], str]:
    """Return the same of a claim about time, measured until it is decided or the time is over.

    It is looked at no more than three times, after 3, 6 and 12 processes (or when the time is
    over), each time with an interval that misses the truth in 5 % / 3 of all cases. So although
    one stops at the first look that decides, the intervals of all looks hold it in 95 %.

    Raises: ClaimError (not finite).
    """
    while True:
        found, outcome = _weigh_times(timed.values, rivals, name)
        if outcome != "undecided" or not timed.more():
            return found | {"repeats": timed.repeats, "processor": timed.processor}, outcome


def _weigh_times(values: np.ndarray, rivals: TimedRivals, name: str) -> tuple[dict[str, Any], str]:
    if values.size < LOOKS[0]:
        found: dict[str, Any] = {"n": values.size, "values": values.tolist()}
        found["rivals"] = [{"side": side, "label": label} for side, (label, _) in rivals.items()]
        return found, "undecided"
    logs = {
        side: (label, np.log(rival.values if isinstance(rival, Timed) else rival))
        for side, (label, rival) in rivals.items()
    }
    found, outcome = weigh(np.log(values), logs, name, TAIL)
    found = _exponentials(found) | {"values": values.tolist()}
    for entry in found["rivals"]:
        factor = math.exp(entry.pop("difference"))
        entry |= _exponentials(entry) | {"factor": factor}
    return found, outcome


def _exponentials(found: dict[str, Any]) -> dict[str, Any]:
    return found | {key: math.exp(found[key]) for key in ("mean", "low", "high")}


def _outcome(side: str, low: float, high: float) -> str:
    """Say whether an interval of differences lies on the side that is claimed."""
    right, wrong = (high < 0, low > 0) if side == "below" else (low > 0, high < 0)
    return "carried" if right else "refuted" if wrong else "undecided"


def _finite(values: ArrayLike, what: str) -> np.ndarray:
    array = sample(values, what)
    if not np.isfinite(array).all():
        raise ClaimError(f"{what}: a measurement is not finite: {array.tolist()}")
    return array
