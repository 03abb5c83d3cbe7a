"""Claims: sentences of the course that hold only as long as their measurement carries them.

A lesson ends its experiment with `claim(...)`. The claim is weighed against a rival (a bound, or
another model), with its interval over networks; it shows a box, or raises. What it measured stays
in the notebook's outputs, from which the evidence page is built.
"""

import re
from typing import Any

from rnnlib.claims.box import as_text, show
from rnnlib.claims.evidence import Claim
from rnnlib.claims.statements import STATEMENTS
from rnnlib.claims.weighing import ClaimError, Measured, Timed, decide, weigh

Rival = tuple[str, Any]  # what it is called, and its numbers, of the kind that is measured
LEANING = (
    "It Its They Their He She This That These Those Such But And Nor Or So Also Here There Then "
    "Thus Yet Both Neither"
).split()


def claim(
    statement: str,
    sentence: str,
    measured: Measured | Timed,
    *,
    name: str,
    below: Rival | None = None,
    above: Rival | None = None,
    unit: str = "",
    of: str = "",
    recorded: str = "",
) -> None:
    """Show a claim with its numbers in a box, if the measurement carries it.

    `measured` has one value for each of 3 or more networks (or is one exact number, outside an
    array); or it is a `count`, a `share` or `arrivals`. `below` and `above` name what it is held
    against, as ("5-gram", 2.41) or ("GRU", numbers of the same kind); with both it must lie
    between. The claim is carried if the whole 95 % interval of the difference lies on the right
    side. `of` says what is counted, if it is not networks ("pages of one network"; "311 pairs × 4
    networks", which stands for the number too), and `recorded` names the record that the numbers
    are from. `name` is unique in the course and begins with the lesson's number
    ("01_lstm_below_ngram"). The sentence can be read alone.

    A claim about time takes a ratio of a `Race`, which runs fresh processes until it is decided
    or the time is over. It is carried; or refuted, if the interval lies on the wrong side; or
    undecided in this run, which the box says and which is no failure: the machine was busy.

    Raises: ClaimError (not carried, or refuted, or not finite), ValueError (unknown statement, a
    sentence that leans on another or has no full stop, no rival or one of another kind, fewer than
    3 networks, values in [0, 1] whose interval leaves it, a name of another form).
    """
    words = {"statement": statement, "sentence": sentence, "name": name, "unit": unit, "of": of}
    rivals = {"below": below, "above": above}
    show(judge(words, measured, {side: rival for side, rival in rivals.items() if rival}, recorded))


def judge(
    words: dict[str, str],
    measured: Measured | Timed,
    rivals: dict[str, Rival],
    recorded: str = "",
) -> Claim:
    """Return a claim as `claim` shows it, or raise as it does."""
    check_sentence(words["statement"], words["sentence"])
    name = words["name"]
    if not re.fullmatch(r"\d\d_\w+", name):
        raise ValueError(f'a claim is named by its lesson, such as "01_learns", got {name!r}')
    if not rivals:
        raise ValueError(f"claim {name} could not fail: give it a rival, `below` or `above`")
    if isinstance(measured, Timed):
        numbers, outcome = decide(measured, rivals, name)
        unit, source, wrong = "fresh processes", "one machine", outcome == "refuted"
    else:
        numbers, outcome = weigh(measured, rivals, name)
        unit, source = "networks", f"record {recorded}" if recorded else "live"
        wrong = outcome != "carried"
    of = words["of"] or unit
    found = Claim(**words | {"of": of}, source=source, outcome=outcome, **numbers)
    if wrong:
        why = "lies on the wrong side" if source == "one machine" else "is not above zero"
        raise ClaimError(f"the interval of a difference {why}.\n{as_text(found)}")
    _check_range(found)
    return found


def check_sentence(statement: str, sentence: str) -> None:
    """Refuse a sentence that cannot be read alone.

    Raises: ValueError (unknown statement, a word that points elsewhere in front, no full stop).
    """
    if statement not in STATEMENTS:
        raise ValueError(f"no statement {statement!r}; there are {', '.join(STATEMENTS)}")
    first = (re.findall(r"\w+", sentence) or [""])[0]
    if first in LEANING or not sentence.endswith("."):
        raise ValueError(
            f"a sentence is read alone, and ends with a full stop; it may not begin with "
            f"{', '.join(LEANING)}; got {sentence!r}"
        )


def _check_range(found: Claim) -> None:
    """Refuse the interval of a mean that leaves [0, 1], where all its values lie."""
    if found.kind == "mean" and found.estimate and 0 <= min(found.values) <= max(found.values) <= 1:
        low, high = found.estimate.low, found.estimate.high
        if not 0 <= low <= high <= 1:
            raise ValueError(
                f"{found.name}: all values lie in [0, 1], but their interval is {low:.4g} to "
                f"{high:.4g}: give them as share(...), or as count(...) of the networks"
            )
