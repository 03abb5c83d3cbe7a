"""Keep notebooks/colab.json: which notebooks have passed the contract with Colab as they are now.

Such a notebook need not be executed whole again. Its state is the code of its cells, what these use
of rnnlib, and the pins of Colab's versions: whoever changes one of them voids the stamp.
"""

import ast
import json
import os
from collections.abc import Iterable
from pathlib import Path

import nbformat

from assemble import BOOTSTRAP, ROOT
from colab_pins import PINS
from fingerprint import digest, fingerprint, parse

STAMP = ROOT / "notebooks" / "colab.json"
PASSED = ROOT / ".cache" / "colab_passed"  # by the tests' processes, a file for each notebook


def notebooks(root: Path = ROOT) -> list[Path]:
    """Find all notebooks: the lessons, then the homework."""
    return [
        p for g in ("*.ipynb", "homework/*.ipynb") for p in sorted((root / "notebooks").glob(g))
    ]


def code(path: Path) -> list[str]:
    """Read a notebook's code cells after the first, which is the builder's."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"][1:]


def state(path: Path, root: Path = ROOT) -> str:
    """Digest all that a notebook's run on Colab depends on."""
    cells = code(path)
    texts = {
        "cells": json.dumps(cells),
        "bootstrap": BOOTSTRAP.read_text(),
        "pins": PINS.read_text(),
    }
    built_from = fingerprint(texts, [parse(cell) for cell in cells], root)
    return digest(json.dumps(built_from, sort_keys=True))


def imports(cells: Iterable[str]) -> str:
    """Pick all import statements out of cells, each once, wherever they stand."""
    nodes = [node for cell in cells for node in ast.walk(parse(cell))]
    found = [ast.unparse(n) for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)]
    return "\n".join(dict.fromkeys(found))


def stamps() -> dict[str, str]:
    """Read the committed states that passed, by notebook."""
    return json.loads(STAMP.read_text()) if STAMP.exists() else {}


def passed(path: Path) -> bool:
    """Whether a notebook has passed in its present state."""
    here = PASSED / path.stem
    known = {stamps().get(path.stem), here.read_text() if here.exists() else None}
    return state(path) in known


def note(path: Path, state: str) -> None:
    """Note that a notebook passed in a state."""
    PASSED.mkdir(parents=True, exist_ok=True)
    part = PASSED / f"{path.stem}.{os.getpid()}.part"
    part.write_text(state)
    part.replace(PASSED / path.stem)


def main() -> None:
    """Stamp the notebooks that have passed as they are now; the stamps of others go."""
    new = {path.stem: state(path) for path in notebooks() if passed(path)}
    if new != stamps():
        part = STAMP.with_suffix(".part")
        part.write_text(json.dumps(new, indent=1, sort_keys=True) + "\n")
        part.replace(STAMP)
        print(f"{STAMP.relative_to(ROOT)}: {len(new)} of {len(notebooks())} notebooks have passed")


if __name__ == "__main__":
    main()
