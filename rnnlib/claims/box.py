"""Claims and conclusions as their readers see them: the boxes, which keep what they show."""

import html
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rnnlib.claims.evidence import Claim, Conclusion, Rival
from rnnlib.claims.statements import STATEMENTS, VERDICTS

UNDECIDED = "undecided in this run"
# In the metadata of a notebook's output: no reader has to know a new type.
CLAIM, CONCLUSION = "rnnlib_claim", "rnnlib_conclusion"


def numbers(claim: Claim) -> str:
    """Return a claim's numbers as a sentence."""
    if claim.estimate is None:
        return f"Measured: too little for an interval, {_sample(claim)}."
    written = _writer(claim)
    text = f"Measured: {_level(claim, claim.estimate.mean, claim.n, written)}"
    if claim.n > 1:
        low, high = claim.estimate.low, claim.estimate.high
        spread = f"95 % interval {written(low)} to {written(high)}"
        if claim.kind == "count":
            text = f"{text} ({spread.replace('interval', 'interval of the share')})"
            text = text.replace(") (95 %", ", 95 %")  # one pair of brackets with the median
        elif low == high:
            text += f" (the same in all {_sample(claim)})"
        else:
            text += f" ({spread}, {_sample(claim)})"
    for rival in claim.rivals:
        text += f". {_against(claim, rival, written)}"
    return text + "."


def decisive(claim: Claim) -> str:
    """Return a claim's number and its rivals', without intervals."""
    if claim.estimate is None:
        return UNDECIDED
    written = _writer(claim)
    text = _level(claim, claim.estimate.mean, claim.n, written)
    for rival in claim.rivals:
        text += f"; {rival.label}: {_rival_level(claim, rival, written)}"
    return text


def _writer(claim: Claim) -> Callable[[float], str]:
    """Return how to write a claim's numbers: one or two digits of the narrowest interval."""
    if claim.kind == "time":  # a ratio, whose interval may span powers of ten
        return lambda value: f"{float(f'{value:.3g}'):,g}"
    if claim.kind == "count":
        return lambda value: f"{value:.2f}".replace("-", "−")
    estimates = [e for e in (claim.estimate, *(r.gap for r in claim.rivals)) if e]
    scales = [(e.high - e.low) / 2 for e in estimates] + [abs(e.mean) / 10 for e in estimates[1:]]
    scale = max(min([s for s in scales if s > 0], default=1.0), abs(estimates[0].mean) / 1e4)
    places = int(np.clip(np.ceil(0.3 - np.log10(scale)), 0, 6))
    return lambda value: f"{value:,.{places}f}".replace("-", "−")


def _level(claim: Claim, value: float, n: int, written: Callable[[float], str]) -> str:
    if claim.kind == "count":
        what = claim.note.format(claim.unit) or claim.unit
        words = f"{round(value * n)} of {n} {claim.of} {what}"
    else:
        words = f"{written(value)} {claim.unit}"
    return " ".join(words.split())


def _rival_level(claim: Claim, rival: Rival, written: Callable[[float], str]) -> str:
    if rival.n == 1:
        return f"{rival.level:,.6g}"
    if claim.kind == "count":
        return f"{round(rival.level * rival.n)} of {rival.n}"
    return written(rival.level)


def _sample(claim: Claim) -> str:
    """Return what the numbers were taken from."""
    if claim.of[0].isdigit():
        return claim.of
    of = claim.of.removesuffix("es") if (claim.n, claim.kind) == (1, "time") else claim.of
    return f"{claim.n} {of} {claim.note}".rstrip()


def _against(claim: Claim, rival: Rival, written: Callable[[float], str]) -> str:
    """Return how far from a rival the claim lies: as a difference, or times as a factor."""
    level, gap = _rival_level(claim, rival, written), rival.gap
    if claim.kind == "time":
        text = f"Held against {rival.label} ({level})"
        if rival.n > 1:
            text += f": {written(gap.mean)} times that"
            text += f" ({written(gap.low)} to {written(gap.high)})"
        return text
    text = f"{rival.side.capitalize()} {rival.label} ({level})"
    if claim.kind == "count" and rival.n == 1:
        return text
    ends = sorted((abs(gap.mean), *(e * np.sign(gap.mean) for e in (gap.low, gap.high))))
    text += f" by {written(abs(gap.mean))}"
    return text + (f" ({written(ends[0])} to {written(ends[2])})" if gap.low < gap.high else "")


def as_text(shown: Claim | Conclusion) -> str:
    """Return a claim or a conclusion as plain text."""
    statement = shown.statement
    if isinstance(shown, Conclusion):
        return f"[{statement}{_part(shown)}: {shown.verdict}] {shown.sentence}"
    head = f"[{statement}: {UNDECIDED}] " if shown.outcome == "undecided" else f"[{statement}] "
    return (
        f"{head}{shown.sentence}\n{numbers(shown)}\n"
        f"({statement}: {STATEMENTS[statement]} Claim {shown.name}.)"
    )


def _part(conclusion: Conclusion) -> str:
    return f", {conclusion.part}" if conclusion.part else ""


def as_html(shown: Claim | Conclusion) -> str:
    """Return the box: its order tells all without styles, its tints suit light and dark pages."""
    if isinstance(shown, Conclusion):
        sign, colour = VERDICTS[shown.verdict]
        kind, last = shown.verdict.replace(" ", "-"), ""
        head = f"{shown.statement}{html.escape(_part(shown))} {sign} {shown.verdict}"
    else:
        undecided = shown.outcome == "undecided"
        kind, colour = ("undecided", "128, 128, 128") if undecided else ("evidence", "15, 92, 110")
        head = f"{shown.statement} ? {UNDECIDED}" if undecided else f"Evidence on {shown.statement}"
        last = html.escape(numbers(shown))
        last = f'<p class="claim__numbers" style="margin: 0">{last}</p>\n'
    box = f"border: 1px solid rgba({colour}, 0.4); border-left: 5px solid rgb({colour}); "
    box += f"border-radius: 6px; background: rgba({colour}, 0.08); "
    box += "padding: 0.7em 1em; margin: 0.5em 0; max-width: 46em"
    return (
        f'<div class="claim claim--{kind}" style="{box}">\n'
        f'<p class="claim__statement" style="margin: 0 0 0.4em"><strong>{head}</strong> · '
        f"<em>{html.escape(STATEMENTS[shown.statement])}</em></p>\n"
        f'<p class="claim__sentence" style="margin: 0 0 0.4em">'
        f"<strong>{html.escape(shown.sentence)}</strong></p>\n{last}</div>"
    )


def show(shown: Claim | Conclusion) -> None:
    """Show a box in a notebook, which keeps what it says; elsewhere text.

    A run of all lessons also leaves it in the folder $RNNLIB_CLAIMS.
    """
    metadata = {CLAIM if isinstance(shown, Claim) else CONCLUSION: shown.to_json()}
    folder = os.environ.get("RNNLIB_CLAIMS")
    if folder:  # lessons run in several processes: one file for each
        Path(folder).mkdir(parents=True, exist_ok=True)
        with (Path(folder) / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(metadata) + "\n")
    bundle = {"text/plain": as_text(shown), "text/html": as_html(shown)}
    try:
        from IPython import display, get_ipython
    except ImportError:
        get_ipython = display = None
    if get_ipython is None or display is None or get_ipython() is None:
        print(bundle["text/plain"])
    else:
        display.display(bundle, metadata=metadata, raw=True)
