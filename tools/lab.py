"""The weights of the network in the page: a script, built from the record of lesson 01."""

import base64
import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # Sphinx is started elsewhere
from rnnlib.records import storage  # noqa: E402
from rnnlib.texts import corpora  # noqa: E402
from rnnlib.texts.vocabularies import CharVocabulary  # noqa: E402

RECORD = ROOT / "rnnlib" / "data" / "recorded" / "01_shakespeare.json"


def folded(record: dict) -> list[np.ndarray]:
    """Return what a step needs: table[V, 4H], W_h[H, 4H], readout[H, V] and its bias[V].

    The table is sqrt(H) E W_x + b, the whole product of a token: in the browser a row is taken.
    """
    weights, hidden = record["weights"], int(record["hidden"])
    layer = {name: np.asarray(w, np.float64)[0] for name, w in weights["layers"].items()}
    embedding = np.asarray(weights["embed"]["embedding"], np.float64)
    table = hidden**0.5 * embedding @ layer["w_x"] + layer["b"][None]
    readout = weights["readout"]
    return [table, layer["w_h"], np.asarray(readout["kernel"]), np.asarray(readout["bias"])]


def script(path: Path = RECORD) -> str:
    """Write a classic script: of those alone a page that is opened as a file may load more.

    Raises: ValueError (a record that is damaged: it is checked by its hash).
    """
    record = storage.read(path)
    parts = [np.asarray(part, "<f2").tobytes() for part in folded(record["result"])]
    content = {
        "vocabulary": CharVocabulary(corpora.load("shakespeare")).decode(np.arange(64)),
        "hidden": int(record["result"]["hidden"]),
        "record": record["npz"],
        "weights": base64.b64encode(b"".join(parts)).decode(),
    }
    return f'Recurrent.arrived("shakespeare", {json.dumps(content)});\n'
