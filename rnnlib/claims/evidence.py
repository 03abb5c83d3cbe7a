"""What a claim and a conclusion hold, and how a notebook's outputs keep them: as plain JSON."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Estimate:
    """A mean, of times the geometric one, and its 95 % interval: of no width where it is exact."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Rival:
    """What a claim is held against: n networks or one exact number, and the gap to it.

    The gap is claim − rival; of times, claim / rival.
    """

    side: str
    label: str
    n: int
    level: float
    gap: Estimate


@dataclass(frozen=True)
class Claim:
    """A sentence, and the measurement that carries it. The estimate is None if that is too little.

    `kind` is mean, count, arrivals, share or time; `of` is the unit of replication; `source` says
    where the numbers are from: live, one machine, or a record by its name.
    """

    statement: str
    sentence: str
    name: str
    unit: str
    kind: str
    of: str
    source: str
    outcome: str
    n: int
    values: list[float]
    note: str
    estimate: Estimate | None
    rivals: list[Rival]

    def to_json(self) -> dict[str, Any]:
        """Return the claim as JSON takes it, with six significant digits."""
        return _rounded(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        rivals = [Rival(**{**r, "gap": Estimate(**r["gap"])}) for r in fields["rivals"]]
        estimate = fields["estimate"] and Estimate(**fields["estimate"])
        return cls(**{**fields, "rivals": rivals, "estimate": estimate})


@dataclass(frozen=True)
class Conclusion:
    """The verdict on a statement, or on a part of it, and the claim with the decisive number."""

    statement: str
    verdict: str
    sentence: str
    rests_on: str
    part: str

    def to_json(self) -> dict[str, Any]:
        """Return the conclusion as JSON takes it."""
        return dataclasses.asdict(self)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
