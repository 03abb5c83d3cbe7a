"""How the result of a recorded run is stored.

A result is a (nested) dictionary of numbers, strings, lists and arrays. Small things go to JSON
with six significant digits, large arrays to an .npz file in half precision, or more where half
would lose them. The JSON is written last and names its .npz, so that an interruption leaves the
earlier record whole.
"""

import glob
import hashlib
import io
import json
import os
import pickle
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

LARGE = 1_000  # arrays of more entries go to the .npz file
ROOM = 2**21  # bytes that a disk must take before a long run: most records are smaller


def save(path: Path, content: dict, result: Any) -> None:
    """Write a record: NAME.json and, if it has large arrays, NAME.<start of its hash>.npz.

    Raises: ValueError (a result that cannot be stored), OSError (a disk that is full, a folder that
    cannot be written); the earlier record stays whole.
    """
    arrays: dict[str, np.ndarray] = {}
    content = content | {"result": encode(result, arrays)}
    if arrays:
        packed = io.BytesIO()
        np.savez_compressed(packed, **arrays)  # pyright: ignore[reportArgumentType]
        digest = _sha256(packed.getvalue())
        content |= {"npz": f"{path.stem}.{digest[:8]}.npz", "npz_sha256": digest}
        _write(path.with_name(content["npz"]), packed.getvalue())
    _sign(path, content)
    for old in path.parent.glob(f"{glob.escape(path.stem)}.*npz"):
        if old.name != content.get("npz"):
            old.unlink()


def read(path: Path) -> dict:
    """Read a record and checks that it is whole.

    Raises: ValueError, KeyError, TypeError, AttributeError, OSError (it is not).
    """
    content, arrays = _checked(path), {}
    if "npz" in content:
        packed = path.with_name(content["npz"]).read_bytes()
        if content["npz_sha256"] != _sha256(packed):
            raise ValueError("its .npz file has another checksum")
        with np.load(io.BytesIO(packed)) as opened:
            arrays = dict(opened)
    return content | {"result": decode(content["result"], arrays)}


def restamp(path: Path, content: dict) -> None:
    """Rewrite some of what a record says beside its result, which stays to the byte."""
    _sign(path, _checked(path) | content)


def try_to_write(path: Path) -> None:
    """Write as much as a record may need into its folder, and take it away.

    Raises: OSError (a disk that is full, a folder that cannot be written).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path.parent) as trial:
        trial.write(bytes(ROOM))


def keep(path: Path, result: Any) -> Path:
    """Pickle a result that cannot be a record, and return where it is.

    Beside the record, as .NAME.pickle, or, if its folder refuses that, too, among temporary files.
    """
    beside, data = path.with_name(f".{path.stem}.pickle"), pickle.dumps(result)
    try:
        _write(beside, data)
    except OSError:
        place: Any = {"prefix": f"{path.stem}.", "suffix": ".pickle", "delete": False}
        with tempfile.NamedTemporaryFile(**place) as file:
            file.write(data)
        return Path(file.name)
    return beside


def _checked(path: Path) -> dict:
    content = json.loads(path.read_bytes())
    if content.pop("sha256") != _sha256(json.dumps(content).encode()):
        raise ValueError("its checksum is wrong")
    return content


def _sign(path: Path, content: dict) -> None:
    """Write JSON with its checksum, one key a line, and each list of numbers on one line."""
    text = json.dumps(content | {"sha256": _sha256(json.dumps(content).encode())}, indent=1)
    numbers = r'\[\n\s+([^"\[\]{}]*?)\n\s*\]'
    text = re.sub(numbers, lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"
    _write(path, text.encode())


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)  # on a full disk it would fill what is left
        raise


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def encode(value: Any, arrays: dict | None = None, path: str = "") -> Any:
    """Turn a result into what JSON can hold; large arrays go to `arrays`, keyed "a/b/c"."""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or "/" in key or key.startswith("@"):
                raise ValueError(f'keys must be text without "/" or a first "@", got {key!r}')
        return {k: encode(v, arrays, f"{path}/{k}".lstrip("/")) for k, v in value.items()}
    if value is None or isinstance(value, str | bool):
        return value
    array = as_array(value)
    if array is None and isinstance(value, list | tuple):  # of texts, dictionaries, or ragged
        return [encode(v, arrays, f"{path}/{i}".lstrip("/")) for i, v in enumerate(value)]
    if array is None:
        raise ValueError(f"cannot store a {type(value).__name__} at {path or 'the top'!r}")
    if array.size > LARGE and arrays is not None:
        arrays[path] = _narrow(array)
        return {"@npz": path, "shape": list(array.shape)}
    return rounded(array.tolist())


def decode(value: Any, arrays: Mapping) -> Any:
    """Turn what JSON held back into a result; numbers in lists become arrays."""
    if isinstance(value, dict) and "@npz" in value:
        array = arrays[value["@npz"]]
        return array.astype(np.float32) if array.dtype == np.float16 else array
    if isinstance(value, dict):
        return {k: decode(v, arrays) for k, v in value.items()}
    if isinstance(value, list):
        array = as_array(value)
        return [decode(v, arrays) for v in value] if array is None else array
    return value


def as_array(value: Any) -> np.ndarray | None:
    """Return numbers, in whatever container, as one array; None for anything else, or ragged."""
    try:
        array = np.asarray(value)
        array = array if array.dtype.kind in "biuf" else array.astype(np.float32, casting="safe")
    except (TypeError, ValueError):
        return None
    return array if not (isinstance(value, list | tuple) and array.size == 0) else None


def _narrow(array: np.ndarray) -> np.ndarray:
    """Return floats as float16, or wider if they must be, and whole numbers as small as may be."""
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            narrow = (array.astype(kind) for kind in (np.float16, np.float32))
            return next((n for n in narrow if _fits(n, array)), array)
    low, high = np.min_scalar_type(array.min()), np.min_scalar_type(array.max())
    return array.astype(np.promote_types(low, high))


def _fits(narrow: np.ndarray, array: np.ndarray) -> bool:
    """Say whether nothing became infinite, and not many became 0: a few tiny weights may go."""
    same = np.isfinite(narrow) == np.isfinite(array)
    return bool(same.all() and np.mean((narrow == 0) & (array != 0)) <= 0.01)


def rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
