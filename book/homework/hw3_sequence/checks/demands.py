"""What several questions ask of an answer, with words for the student."""

from typing import Any

import numpy as np

from grading.judge import Wrong, close


def needs(truth: Any, message: str) -> None:
    """Raises: Wrong, if something is not so."""
    if not truth:
        raise Wrong(message)


def whole(got: Any, expected: int, what: str) -> None:
    """Compare whole numbers exactly. Raises: Wrong."""
    close(got, expected, what, rtol=0, atol=1e-9 * (1 + abs(expected)))


def listed(got: Any, length: int, what: str) -> Any:
    """Return an answer that should consist of so many parts. Raises: Wrong."""
    fits = isinstance(got, list | np.ndarray) and len(got) == length
    needs(fits, f"{what} must have {length} parts")
    return got
