"""Claims as their readers see them: the box around a claim."""

import html
from collections.abc import Callable
from typing import Any

import numpy as np

from rnnlib.claims.statements import STATEMENTS, VERDICTS

UNDECIDED = "undecided in this run"
KEY = "rnnlib_claim"  # in the metadata of a notebook's output: no reader has to know a new type


def numbers(found: dict[str, Any]) -> str:
    """Return a claim's numbers as a sentence."""
    if "mean" not in found:
        return f"Measured: too little for an interval, {_sample(found)}."
    places = _places(found)

    def written(value: float) -> str:
        if "outcome" in found:  # a ratio of times, whose interval may span powers of ten
            return f"{float(f'{value:.3g}'):,g}"
        return f"{value:,.{places}f}".replace("-", "−")

    text = f"Measured: {written(found['mean'])} {found['unit']}".rstrip()
    if found["n"] > 1:
        text += f" (95 % interval {written(found['low'])} to {written(found['high'])}, "
        text += f"{_sample(found)})"
    for rival in found["rivals"]:
        level = written(rival["mean"]) if rival["n"] > 1 else f"{rival['mean']:,.6g}"
        text += f". {_against(rival, level, written)}"
    return text + "."


def _sample(found: dict[str, Any]) -> str:
    """Return what the numbers were taken from."""
    if "outcome" not in found:
        return f"{found['n']} seeds"
    runs = f"{found['n']} fresh process{'' if found['n'] == 1 else 'es'}"
    return f"{runs} of {found['repeats']} repeats on {found['processor']}"


def _against(rival: dict[str, Any], level: str, written: Callable[[float], str]) -> str:
    """Return how far from a rival the claim lies: as a difference, or times as a factor."""
    if "factor" in rival:
        text = f"Held against {rival['label']} ({level})"
        if rival["n"] > 1:
            text += f": {written(rival['factor'])} times that"
            text += f" ({written(rival['low'])} to {written(rival['high'])})"
        return text
    sign = -1 if rival["side"] == "below" else 1
    text = f"{rival['side'].capitalize()} {rival['label']} ({level}) by "
    text += written(sign * rival["difference"])
    if rival["high"] > rival["low"]:
        least, most = sorted((sign * rival["low"], sign * rival["high"]))
        text += f" ({written(least)} to {written(most)})"
    return text


def _places(found: dict[str, Any]) -> int:
    """Return the decimals to show: one or two digits of the narrowest interval."""
    widths = [(x["high"] - x["low"]) / 2 for x in (found, *found["rivals"])]
    gaps = [abs(r["difference"]) / 10 for r in found["rivals"] if "difference" in r]
    scale = min([x for x in (*widths, *gaps) if x > 0], default=1.0)
    scale = max(scale, abs(found["mean"]) / 1e4)
    return int(np.clip(np.ceil(0.3 - np.log10(scale)), 0, 6))


def as_text(found: dict[str, Any]) -> str:
    """Return a claim as plain text."""
    statement, (_, _, verdict) = found["statement"], _heading(found)
    return (
        f"[{statement}: {verdict}] {found['sentence']}\n{numbers(found)}\n"
        f"({statement}: {STATEMENTS[statement]} Claim {found['name']}.)"
    )


def _heading(found: dict[str, Any]) -> tuple[str, str, str]:
    """Return the sign, the colour and the words at the head of a claim's box."""
    if found.get("outcome") == "undecided":
        return "?", "128, 128, 128", UNDECIDED
    return *VERDICTS[found["verdict"]], found["verdict"]


def _as_html(found: dict[str, Any]) -> str:
    """Return the box: its order tells all without styles, its tints suit light and dark pages."""
    statement, (sign, colour, verdict) = found["statement"], _heading(found)
    box = f"border: 1px solid rgba({colour}, 0.4); border-left: 5px solid rgb({colour}); "
    box += f"border-radius: 6px; background: rgba({colour}, 0.08); "
    box += "padding: 0.7em 1em; margin: 0.5em 0; max-width: 46em"
    text = html.escape(STATEMENTS[statement])
    return (
        f'<div class="claim claim--{verdict.split()[0]}" style="{box}">\n'
        f'<p class="claim__statement" style="margin: 0 0 0.4em"><strong>{statement} {sign} '
        f"{verdict}</strong> · <em>{text}</em></p>\n"
        f'<p class="claim__sentence" style="margin: 0 0 0.4em">'
        f"<strong>{html.escape(found['sentence'])}</strong></p>\n"
        f'<p class="claim__numbers" style="margin: 0">{html.escape(numbers(found))}</p>\n</div>'
    )


def show(found: dict[str, Any]) -> None:
    """Show a claim: as a box in a notebook, which keeps its numbers; elsewhere as text."""
    bundle = {"text/plain": as_text(found), "text/html": _as_html(found)}
    try:
        from IPython import display, get_ipython
    except ImportError:
        get_ipython = display = None
    if get_ipython is None or display is None or get_ipython() is None:
        print(bundle["text/plain"])
    else:
        display.display(bundle, metadata={KEY: found}, raw=True)
