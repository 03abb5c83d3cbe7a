"""Claims: sentences of the course that hold only as long as their measurement carries them.

A lesson ends its experiment with `claim(...)`. The claim is weighed against a rival (a bound, or
another model), with its interval over seeds; it shows a box, or raises. What it measured stays in
the notebook's outputs, from which the evidence page is built.
"""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from numpy.typing import ArrayLike

from rnnlib.claims.box import as_text, show
from rnnlib.claims.statements import STATEMENTS, VERDICTS
from rnnlib.claims.weighing import ClaimError, Timed, decide, weigh

Measured = ArrayLike | Timed
Rival = tuple[str, Any]  # what it is called, and its numbers, of the kinds that can be measured
Settings = ParamSpec("Settings")
T = TypeVar("T")


def judge(
    statement: str,
    sentence: str,
    measured: Measured,
    *,
    name: str,
    below: Rival | None = None,
    above: Rival | None = None,
    unit: str = "",
    verdict: str = "supported",
) -> dict[str, Any]:
    """Return a claim's numbers as `claim` stores them, or raise as it does."""
    _check_words(statement, verdict, name)
    sides = (("below", below), ("above", above))
    rivals = {side: rival for side, rival in sides if rival is not None}
    if not rivals:
        raise ValueError(f"claim {name} could not fail: give it a rival, `below` or `above`")
    found = {"statement": statement, "sentence": sentence, "name": name, "unit": unit}
    found |= {"verdict": verdict}
    if isinstance(measured, Timed):
        numbers, outcome = decide(measured, rivals, name)
        found |= numbers | {"outcome": outcome}
        if outcome == "refuted":
            raise ClaimError(f"the interval lies on the wrong side.\n{as_text(found)}")
    else:
        numbers, outcome = weigh(measured, rivals, name)
        found |= numbers
        if outcome != "carried":
            raise ClaimError(f"a difference's interval is not above zero.\n{as_text(found)}")
    return _rounded(found)


def _called_as(
    judge: Callable[Settings, Any],
) -> Callable[[Callable[..., T]], Callable[Settings, T]]:
    """Give a function the parameters of another, for its readers and for the type checker."""

    def give(function: Callable[..., T]) -> Callable[Settings, T]:
        function.__wrapped__ = judge  # where `inspect.signature` looks
        return function

    return give


@_called_as(judge)
def claim(*args: Any, **settings: Any) -> None:
    """Show a claim with its numbers in a box, if the measurement carries it.

    `measured` has one value for each of 3 or more seeds (or is one exact number, outside an array).
    `below` and `above` name what it is held against, as ("5-gram", 2.41) or ("GRU", one value per
    seed); with both it must lie between. The claim is carried if the whole 95 % interval of the
    difference lies on the right side.
    `verdict` is what the sentence, being true, means for the statement of the course. `name` is
    unique in the course and begins with the lesson's number ("01_lstm_below_ngram").

    A claim about time takes a ratio of a `Race`, which runs fresh processes until it is decided
    or the time is over. It is carried; or refuted, if the interval lies on the wrong side; or
    undecided in this run, which the box says and which is no failure: the machine was busy.

    Raises: ClaimError (not carried, or refuted, or not finite), ValueError (unknown statement or
    verdict, no rival, fewer than 3 seeds, a name of another form).
    """
    found = judge(*args, **settings)
    folder = os.environ.get("RNNLIB_CLAIMS")
    if folder:  # lessons run in several processes: one file for each
        Path(folder).mkdir(parents=True, exist_ok=True)
        with (Path(folder) / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
    show(found)


def overall(verdicts: list[str]) -> str:
    """Return a statement's verdict: that of its claims if they agree, else qualified.

    Raises: ValueError (no verdict, or an unknown one).
    """
    if not verdicts or not set(verdicts) <= set(VERDICTS):
        raise ValueError(f"verdicts must be some of {', '.join(VERDICTS)}, got {verdicts}")
    return verdicts[0] if len(set(verdicts)) == 1 else "qualified"


def _check_words(statement: str, verdict: str, name: str) -> None:
    if statement not in STATEMENTS:
        raise ValueError(f"no statement {statement!r}; there are {', '.join(STATEMENTS)}")
    if verdict not in VERDICTS:
        raise ValueError(f"a verdict is one of {', '.join(VERDICTS)}, got {verdict!r}")
    if not re.fullmatch(r"\d\d_\w+", name):
        raise ValueError(f'a claim is named by its lesson, such as "01_learns", got {name!r}')


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
