"""Predictions: what the reader guessed, held against what was measured."""

from typing import Any

import numpy as np


def compare(guess: Any, measured: Any, what: str, unit: str = "") -> None:
    """Answer a Predict cell: what was guessed, what was measured, and how far apart they are.

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
