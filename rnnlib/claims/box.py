"""Claims as their readers see them: the box around a claim."""

import html
from typing import Any

import numpy as np

from rnnlib.claims.statements import STATEMENTS, VERDICTS

KEY = "rnnlib_claim"  # in the metadata of a notebook's output: no reader has to know a new type


def numbers(found: dict[str, Any]) -> str:
    """Returns a claim's numbers as a sentence."""
    places, unit = _places(found), found["unit"]

    def written(value: float) -> str:
        return f"{value:,.{places}f}".replace("-", "−")

    text = f"Measured: {written(found['mean'])} {unit}".rstrip()
    if found["n"] > 1:
        text += f" (95 % interval {written(found['low'])} to {written(found['high'])}, "
        text += f"{found['n']} {'repeats on one machine' if found.get('timed') else 'seeds'})"
    for rival in found["rivals"]:
        sign = -1 if rival["side"] == "below" else 1
        level = written(rival["mean"]) if rival["n"] > 1 else f"{rival['mean']:,.6g}"
        text += f". {rival['side'].capitalize()} {rival['label']} ({level}) by "
        text += written(sign * rival["difference"])
        if rival["high"] > rival["low"]:
            least, most = sorted((sign * rival["low"], sign * rival["high"]))
            text += f" ({written(least)} to {written(most)})"
    return text + "."


def _places(found: dict[str, Any]) -> int:
    """Returns the decimals to show: one or two digits of the narrowest interval."""
    widths = [(x["high"] - x["low"]) / 2 for x in (found, *found["rivals"])]
    gaps = [abs(r["difference"]) / 10 for r in found["rivals"]]
    scale = min([x for x in (*widths, *gaps) if x > 0], default=1.0)
    scale = max(scale, abs(found["mean"]) / 1e4)
    return int(np.clip(np.ceil(0.3 - np.log10(scale)), 0, 6))


def as_text(found: dict[str, Any]) -> str:
    """Returns a claim as plain text."""
    statement = found["statement"]
    return (
        f"[{statement}: {found['verdict']}] {found['sentence']}\n{numbers(found)}\n"
        f"({statement}: {STATEMENTS[statement]} Claim {found['name']}.)"
    )


def _as_html(found: dict[str, Any]) -> str:
    """Returns the box: its order tells all without styles, its tints suit light and dark pages."""
    statement, verdict = found["statement"], found["verdict"]
    sign, colour = VERDICTS[verdict]
    box = f"border: 1px solid rgba({colour}, 0.4); border-left: 5px solid rgb({colour}); "
    box += f"border-radius: 6px; background: rgba({colour}, 0.08); "
    box += "padding: 0.7em 1em; margin: 0.5em 0; max-width: 46em"
    text = html.escape(STATEMENTS[statement])
    return (
        f'<div class="claim claim--{verdict}" style="{box}">\n'
        f'<p class="claim__statement" style="margin: 0 0 0.4em"><strong>{statement} {sign} '
        f"{verdict}</strong> · <em>{text}</em></p>\n"
        f'<p class="claim__sentence" style="margin: 0 0 0.4em">'
        f"<strong>{html.escape(found['sentence'])}</strong></p>\n"
        f'<p class="claim__numbers" style="margin: 0">{html.escape(numbers(found))}</p>\n</div>'
    )


def show(found: dict[str, Any]) -> None:
    """Shows a claim: as a box in a notebook, which keeps its numbers; elsewhere as text."""
    bundle = {"text/plain": as_text(found), "text/html": _as_html(found)}
    try:
        from IPython import display, get_ipython
    except ImportError:
        get_ipython = display = None
    if get_ipython is None or display is None or get_ipython() is None:
        print(bundle["text/plain"])
    else:
        display.display(bundle, metadata={KEY: found}, raw=True)
