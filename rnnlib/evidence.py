"""Claims: sentences of the course that hold only as long as their measurement carries them.

A lesson ends its experiment with `claim(...)`. The claim is weighed against a rival (a bound, or
another model), with its interval over seeds; it shows a box, or raises. What it measured stays in
the notebook's outputs, from which the evidence page is built.
"""

import html
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnnlib.intervals import difference, interval, sample

KEY = "rnnlib_claim"  # in the metadata of a notebook's output: no reader has to know a new type
STATEMENTS = {
    "G1": "RNNs generate text, by character or by word.",
    "G2": "They can write short poems, answer questions and mimic basic sentence structure.",
    "M1": "Memory is passed on step by step, and fades with distance.",
    "M2": "GRU and LSTM remember longer than the plain RNN.",
    "M3": "Even LSTMs lose fidelity as sequences grow.",
    "M4": "Nested sentences need the subject several clauses later, and RNNs lose the thread.",
    "S1": "The computation is strictly sequential in time.",
    "S2": "So it is hard to parallelise on GPUs, and training takes longer.",
    "S3": "Generating takes longer too.",
    "S4": "Very long sequences get inefficient.",
    "S5": "Transformers look at all positions at once, and are far more efficient.",
    "E1": "Training feeds the right words (teacher forcing); generation feeds the model's own.",
    "E2": "One bad prediction makes a weird context, which makes worse ones: errors snowball.",
    "R1": "Generated text repeats itself.",
    "R2": "It is short-sighted: it cannot plan a sentence or a story.",
    "R3": "It drifts: it starts on one topic and ends on another.",
    "R4": "The cause is in part limited memory and no global view.",
    "A1": "RNNs treat all past words equally, or only through the hidden state.",
    "A2": 'They cannot say "this past word matters now"; attention can.',
    "B1": "Seeing the whole sentence at once gives contextual embeddings, and made Transformers, "
    "BERT and GPT possible.",
}
VERDICTS = {  # the sign, and the colour of the box
    "supported": ("✓", "46, 160, 67"),
    "qualified": ("◐", "191, 135, 0"),
    "contradicted": ("✗", "218, 54, 51"),
}
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
) -> None:
    """Shows a claim with its numbers in a box, if the measurement carries it.

    `measured` has one value for each of 3 or more seeds (or is one exact number, outside an array).
    `below` and `above` name what it is held against, as ("5-gram", 2.41) or ("GRU", one value per
    seed); with both it must lie between. The claim is carried if the whole 95 % interval of the
    difference lies on the right side.
    `verdict` is what the sentence, being true, means for the statement of the course. `name` is
    unique in the course and begins with the lesson's number ("01_lstm_below_ngram").

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
    )
    folder = os.environ.get("RNNLIB_CLAIMS")
    if folder:  # lessons run in several processes: one file for each
        Path(folder).mkdir(parents=True, exist_ok=True)
        with (Path(folder) / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
    _show(found)


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
) -> dict[str, Any]:
    """Returns a claim's numbers as `claim` stores them, or raises as it does."""
    _check_words(statement, verdict, name, below, above)
    values = _finite(measured, name)
    mean, low, high = interval(values)
    found: dict[str, Any] = {"statement": statement, "sentence": sentence, "name": name}
    found |= {"mean": mean, "low": low, "high": high, "n": values.size, "unit": unit}
    found |= {"values": np.atleast_1d(values).tolist(), "rivals": [], "verdict": verdict}
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
        raise ClaimError(f"a difference's interval is not above zero.\n{_as_text(found)}")
    return _rounded(found)


def overall(verdicts: list[str]) -> str:
    """Returns a statement's verdict: that of its claims if they agree, else qualified."""
    if not verdicts or not set(verdicts) <= set(VERDICTS):
        raise ValueError(f"verdicts must be some of {', '.join(VERDICTS)}, got {verdicts}")
    return verdicts[0] if len(set(verdicts)) == 1 else "qualified"


def compare(guess: Any, measured: Any, what: str, unit: str = "") -> None:
    """Answers a Predict cell: what was guessed, what was measured, and how far apart they are.

    `guess` and `measured` are numbers (of an array the mean is taken) or words; None: no guess.
    """
    if isinstance(measured, str):
        answer, off = measured, "" if guess == measured else " Not what you expected?"
    else:
        value = float(np.mean(measured))
        answer, off = f"{value:.3g} {unit}".rstrip(), ""
        if isinstance(guess, int | float):
            gap = abs(guess - value)
            share = f" ({100 * gap / abs(value):.0f} %)" if value else ""
            off = f" You were {gap:.2g} {unit}".rstrip() + f" off{share}."
    start = "No guess made." if guess is None else f"You guessed {guess} {unit}".rstrip() + "."
    print(f"{what}: measured {answer}. {start}{off if guess is not None else ''}")


def numbers(found: dict[str, Any]) -> str:
    """Returns a claim's numbers as a sentence."""
    places, unit = _places(found), found["unit"]

    def show(value: float) -> str:
        return f"{value:,.{places}f}".replace("-", "−")

    text = f"Measured: {show(found['mean'])} {unit}".rstrip()
    if found["n"] > 1:
        text += f" (95 % interval {show(found['low'])} to {show(found['high'])}, "
        text += f"{found['n']} seeds)"
    for rival in found["rivals"]:
        sign = -1 if rival["side"] == "below" else 1
        level = show(rival["mean"]) if rival["n"] > 1 else f"{rival['mean']:,.6g}"
        text += f". {rival['side'].capitalize()} {rival['label']} ({level}) by "
        text += show(sign * rival["difference"])
        if rival["high"] > rival["low"]:
            least, most = sorted((sign * rival["low"], sign * rival["high"]))
            text += f" ({show(least)} to {show(most)})"
    return text + "."


def _places(found: dict[str, Any]) -> int:
    """Returns the decimals to show: one or two digits of the narrowest interval."""
    widths = [(x["high"] - x["low"]) / 2 for x in (found, *found["rivals"])]
    gaps = [abs(r["difference"]) / 10 for r in found["rivals"]]
    scale = min([x for x in (*widths, *gaps) if x > 0], default=1.0)
    scale = max(scale, abs(found["mean"]) / 1e4)
    return int(np.clip(np.ceil(0.3 - np.log10(scale)), 0, 6))


def _as_text(found: dict[str, Any]) -> str:
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


def _show(found: dict[str, Any]) -> None:
    bundle = {"text/plain": _as_text(found), "text/html": _as_html(found)}
    try:
        from IPython import display, get_ipython
    except ImportError:
        get_ipython = display = None
    if get_ipython is None or display is None or get_ipython() is None:
        print(bundle["text/plain"])
    else:
        display.display(bundle, metadata={KEY: found}, raw=True)


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
