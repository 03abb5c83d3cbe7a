"""Claims: sentences of the course that hold only as long as their measurement carries them.

A lesson ends its experiment with `claim(...)`. The claim is weighed against a rival (a bound, or
another model), with its interval over seeds; it shows a box, or raises. What it measured stays in
the notebook's outputs, from which the evidence page is built.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnnlib.claims.box import as_text, show
from rnnlib.claims.intervals import difference, interval, sample
from rnnlib.claims.statements import STATEMENTS, VERDICTS

Rival = tuple[str, ArrayLike]


class ClaimError(AssertionError):
    """A measurement does not carry its claim."""


def claim(
    statement: str,
    sentence: str,
    measured: ArrayLike,
    *,
    name: str,
    below: Rival | None = None,
    above: Rival | None = None,
    unit: str = "",
    verdict: str = "supported",
    timed: bool = False,
) -> None:
    """Shows a claim with its numbers in a box, if the measurement carries it.

    `measured` has one value for each of 3 or more seeds (or is one exact number, outside an array).
    `below` and `above` name what it is held against, as ("5-gram", 2.41) or ("GRU", one value per
    seed); with both it must lie between. The claim is carried if the whole 95 % interval of the
    difference lies on the right side.
    `verdict` is what the sentence, being true, means for the statement of the course. `name` is
    unique in the course and begins with the lesson's number ("01_lstm_below_ngram").
    A `timed` claim rests on the machine as well: its values are repeats of one comparison, not
    seeds, and a run elsewhere must carry the sentence but need not find the same numbers.

    Raises: ClaimError (not carried, or not finite), ValueError (unknown statement or verdict, no
    rival, fewer than 3 seeds, a name of another form).
    """
    found = judge(
        statement,
        sentence,
        measured,
        name=name,
        below=below,
        above=above,
        unit=unit,
        verdict=verdict,
        timed=timed,
    )
    folder = os.environ.get("RNNLIB_CLAIMS")
    if folder:  # lessons run in several processes: one file for each
        Path(folder).mkdir(parents=True, exist_ok=True)
        with (Path(folder) / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
    show(found)


def judge(
    statement: str,
    sentence: str,
    measured: ArrayLike,
    *,
    name: str,
    below: Rival | None = None,
    above: Rival | None = None,
    unit: str = "",
    verdict: str = "supported",
    timed: bool = False,
) -> dict[str, Any]:
    """Returns a claim's numbers as `claim` stores them, or raises as it does."""
    _check_words(statement, verdict, name, below, above)
    values = _finite(measured, name)
    mean, low, high = interval(values)
    found: dict[str, Any] = {"statement": statement, "sentence": sentence, "name": name}
    found |= {"mean": mean, "low": low, "high": high, "n": values.size, "unit": unit}
    found |= {"values": np.atleast_1d(values).tolist(), "rivals": [], "verdict": verdict}
    if timed:
        found["timed"] = True
    carried = True
    for side, rival in (("below", below), ("above", above)):
        if rival is not None:
            against = _finite(rival[1], f"{name}, {rival[0]}")
            gap, least, most = difference(values, against)
            carried &= most < 0 if side == "below" else least > 0
            entry: dict[str, Any] = {"side": side, "label": rival[0], "mean": float(against.mean())}
            found["rivals"].append(
                entry | {"n": against.size, "difference": gap, "low": least, "high": most}
            )
    if not carried:
        raise ClaimError(f"a difference's interval is not above zero.\n{as_text(found)}")
    return _rounded(found)


def overall(verdicts: list[str]) -> str:
    """Returns a statement's verdict: that of its claims if they agree, else qualified."""
    if not verdicts or not set(verdicts) <= set(VERDICTS):
        raise ValueError(f"verdicts must be some of {', '.join(VERDICTS)}, got {verdicts}")
    return verdicts[0] if len(set(verdicts)) == 1 else "qualified"


def _check_words(
    statement: str, verdict: str, name: str, below: Rival | None, above: Rival | None
) -> None:
    if statement not in STATEMENTS:
        raise ValueError(f"no statement {statement!r}; there are {', '.join(STATEMENTS)}")
    if verdict not in VERDICTS:
        raise ValueError(f"a verdict is one of {', '.join(VERDICTS)}, got {verdict!r}")
    if not re.fullmatch(r"\d\d_\w+", name):
        raise ValueError(f'a claim is named by its lesson, such as "01_learns", got {name!r}')
    if below is None and above is None:
        raise ValueError(f"claim {name} could not fail: give it a rival, `below` or `above`")


def _finite(values: ArrayLike, what: str) -> np.ndarray:
    array = sample(values, what)
    if not np.isfinite(array).all():
        raise ClaimError(f"{what}: a measurement is not finite: {array.tolist()}")
    return array


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
