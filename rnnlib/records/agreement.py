"""When two results of a recorded run agree, and what the small one does not visit of the full."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rnnlib.records.storage import LARGE, as_array, rounded

SHORT = 40  # characters: longer texts are what a model wrote, shorter ones are names
SIZE = re.compile(r"\d[\d.,]*")  # in a name: "LSTM, 9,000 steps" and "LSTM, 6 steps" are one case
NOT_REPEATABLE = ("weights", "seconds", "samples")  # keys ending so: only the shape must agree


def outline(value: Any, comparable: bool = True) -> Any:
    """Return what two runs of one small case have in common: numbers, shapes and short texts."""
    if isinstance(value, Mapping):
        return {
            k: outline(v, comparable and not k.endswith(NOT_REPEATABLE)) for k, v in value.items()
        }
    if isinstance(value, str) and comparable and len(value) <= SHORT and "\n" not in value:
        return value
    if value is None or isinstance(value, str):
        return type(value).__name__
    array = as_array(value)
    if array is None:
        return [outline(v, comparable) for v in value]
    small = comparable and array.size <= LARGE
    return rounded(array.tolist()) if small else {"@shape": list(array.shape)}


def differences(fresh: Any, stored: Any, rtol: float, path: str = "") -> Iterator[str]:
    """Yield one line for each place where two outlines differ.

    Whole numbers and texts must be equal; other numbers x may be off by rtol |x|, and, since small
    ones are often what is left of large ones, by a twentieth of rtol times their array's largest.
    """
    here = path or "the result"
    if isinstance(fresh, dict) and isinstance(stored, dict) and fresh.keys() == stored.keys():
        for key in fresh:
            yield from differences(fresh[key], stored[key], rtol, f"{path}/{key}".lstrip("/"))
        return
    one, other = as_array(fresh), as_array(stored)
    if one is None or other is None:
        nested = isinstance(fresh, list) and isinstance(stored, list) and len(fresh) == len(stored)
        if nested:
            for i, pair in enumerate(zip(fresh, stored, strict=True)):
                yield from differences(*pair, rtol, f"{path}/{i}".lstrip("/"))
        elif fresh != stored:
            yield f"{here}: {_brief(fresh)}, stored {_brief(stored)}"
    elif one.shape != other.shape:
        yield f"{here}: shape {one.shape}, stored {other.shape}"
    else:
        close = _close(one, other, rtol)
        if not close.all():
            where = f" at {np.argwhere(~close)[0].tolist()}" if one.ndim else ""
            yield f"{here}{where}: {one[~close][0]:.6g}, stored {other[~close][0]:.6g}"


def unvisited(full: Any, small: Any) -> list[str]:
    """List the cases, by name, that the full result has and the small one lacks.

    A case is a path of dictionary keys, "Copying/GRU"; numbers in it, which are sizes, read "#".
    Results may be outlines, or as stored. Of a case that is missing its parts are not listed.
    """
    missing = _cases(full) - _cases(small)
    return sorted(case for case in missing if case.rpartition("/")[0] not in missing)


def _cases(value: Any, path: str = "") -> set[str]:
    found = {path} if path else set()
    if isinstance(value, Mapping) and not value.keys() & {"@npz", "@shape"}:
        parts = [(v, f"{path}/{SIZE.sub('#', k)}".lstrip("/")) for k, v in value.items()]
        return found.union(*(_cases(v, inner) for v, inner in parts))
    items = value if isinstance(value, list | tuple) else ()
    return found.union(*(_cases(v, path) for v in items))


def _close(one: np.ndarray, other: np.ndarray, rtol: float) -> np.ndarray:
    if one.dtype.kind in "biu" and other.dtype.kind in "biu":
        return one == other
    scale = np.max(np.abs(other), initial=0, where=np.isfinite(other))
    floor = rtol / 20 * scale if scale else 1e-6
    return np.isclose(one, other, rtol=rtol, atol=floor, equal_nan=True)


def _brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:56]} …"
