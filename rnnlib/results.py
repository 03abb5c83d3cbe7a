"""How the result of a recorded run is stored, and when two results agree.

A result is a (nested) dictionary of numbers, strings, lists and arrays. Small things go to JSON
with six significant digits, large arrays to an .npz file in half precision.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

LARGE = 1_000  # arrays of more entries go to the .npz file
NOT_REPEATABLE = ("weights", "seconds")  # keys ending so: only the shape must agree


def encode(value: Any, arrays: dict | None = None, path: str = "") -> Any:
    """Turns a result into what JSON can hold; large arrays go to `arrays`, keyed "a/b/c"."""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or "/" in key or key.startswith("@"):
                raise ValueError(f'keys must be text without "/" or a first "@", got {key!r}')
        return {k: encode(v, arrays, f"{path}/{k}".lstrip("/")) for k, v in value.items()}
    if value is None or isinstance(value, str | bool):
        return value
    array = _as_array(value)
    if array is None and isinstance(value, list | tuple):  # of texts, dictionaries, or ragged
        return [encode(v, arrays, f"{path}/{i}".lstrip("/")) for i, v in enumerate(value)]
    if array is None:
        raise ValueError(f"cannot store a {type(value).__name__} at {path or 'the top'!r}")
    if array.size > LARGE and arrays is not None:
        arrays[path] = _narrow(array, path)
        return {"@npz": path, "shape": list(array.shape)}
    return _rounded(array.tolist())


def decode(value: Any, arrays: Mapping) -> Any:
    """Turns what JSON held back into a result; numbers in lists become arrays."""
    if isinstance(value, dict) and "@npz" in value:
        array = arrays[value["@npz"]]
        return array.astype(np.float32) if array.dtype == np.float16 else array
    if isinstance(value, dict):
        return {k: decode(v, arrays) for k, v in value.items()}
    if isinstance(value, list):
        array = _as_array(value)
        return [decode(v, arrays) for v in value] if array is None else array
    return value


def _as_array(value: Any) -> np.ndarray | None:
    """Returns numbers, in whatever container, as one array; None for anything else, or ragged."""
    try:
        array = np.asarray(value)
        array = array if array.dtype.kind in "biuf" else array.astype(np.float32, casting="safe")
    except (TypeError, ValueError):
        return None
    return array if not (isinstance(value, list | tuple) and array.size == 0) else None


def _narrow(array: np.ndarray, path: str) -> np.ndarray:
    """Returns floats as float16 and whole numbers in the smallest type that holds them."""
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            narrow = array.astype(np.float16)
        if np.isfinite(array).all() and not np.isfinite(narrow).all():
            raise ValueError(f"{path}: numbers beyond 65,504 do not fit float16; rescale them")
        return narrow
    low, high = np.min_scalar_type(array.min()), np.min_scalar_type(array.max())
    return array.astype(np.promote_types(low, high))


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def outline(value: Any, comparable: bool = True) -> Any:
    """Returns what two runs of one small case have in common: numbers and shapes, no text."""
    if isinstance(value, Mapping):
        return {
            k: outline(v, comparable and not k.endswith(NOT_REPEATABLE)) for k, v in value.items()
        }
    if value is None or isinstance(value, str):
        return type(value).__name__
    array = _as_array(value)
    if array is None:
        return [outline(v, comparable) for v in value]
    small = comparable and array.size <= LARGE
    return _rounded(array.tolist()) if small else {"@shape": list(array.shape)}


def differences(fresh: Any, stored: Any, rtol: float, path: str = "") -> Iterator[str]:
    """Yields one line for each place where two outlines differ."""
    here = path or "the result"
    if isinstance(fresh, dict) and isinstance(stored, dict) and fresh.keys() == stored.keys():
        for key in fresh:
            yield from differences(fresh[key], stored[key], rtol, f"{path}/{key}".lstrip("/"))
        return
    one, other = _as_array(fresh), _as_array(stored)
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
        scale = np.max(np.abs(other), initial=0, where=np.isfinite(other))
        close = np.isclose(one, other, rtol=0, atol=rtol * scale + 1e-6, equal_nan=True)
        if not close.all():
            where = f" at {np.argwhere(~close)[0].tolist()}" if one.ndim else ""
            yield f"{here}{where}: {one[~close][0]:.6g}, stored {other[~close][0]:.6g}"


def _brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:56]} …"
