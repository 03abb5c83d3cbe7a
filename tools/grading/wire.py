"""What the grader and a submission say to each other: one JSON object per line, arrays included.

No pickle: reading what a submission wrote must not run it.
"""

import base64
import json
from typing import Any

import numpy as np

PLAIN = (bool, int, float, str, type(None))
KINDS = "biuf"  # of arrays: truth values, whole numbers, real numbers


def pack(value: Any) -> Any:
    """Turn a value into what JSON can say. Raises: TypeError (it holds something else)."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, dict):
        return {"items": [[pack(key), pack(item)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [pack(item) for item in value]
    if not hasattr(value, "__array__"):
        raise TypeError(f"it holds a {type(value).__name__}; needed numbers, words, arrays")
    array = np.asarray(value)
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype.kind not in KINDS:
        raise TypeError(f"it holds an array of {array.dtype}; needed numbers")
    content = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"array": [array.dtype.str, list(array.shape), content]}


def unpack(value: Any) -> Any:
    """Turn it back; tuples come back as lists. Raises: ValueError (it was not packed here)."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, list):
        return [unpack(item) for item in value]
    try:
        if "items" in value:
            return {unpack(key): unpack(item) for key, item in value["items"]}
        kind, shape, content = value["array"]
        dtype = np.dtype(kind)
        if dtype.kind not in KINDS:
            raise ValueError(f"an array of {dtype}")
        return np.frombuffer(base64.b64decode(content), dtype).reshape(shape).copy()
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"not a packed value: {error}") from None


def line(message: dict[str, Any]) -> bytes:
    """Write one message."""
    return json.dumps(message).encode() + b"\n"
