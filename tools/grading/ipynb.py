"""Reading what students hand in: files that may be anything."""

import json
import re
from pathlib import Path

LARGEST = 256 * 2**20  # bytes of a file
MOST = 20 * 2**20  # bytes of it without its outputs
NOTEBOOK = re.compile(r"\.ipynb(?:\.json|\.txt| ?\(\d+\))*$", re.IGNORECASE)  # as browsers save it
TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]')  # of JSON: a string, or a bracket


class Unreadable(Exception):
    """A file that is no notebook; the message is for the student."""


def is_notebook(path: Path) -> bool:
    """Tell by a file's name whether it is one."""
    return bool(NOTEBOOK.search(path.name))


def code_cells(path: Path) -> list[str]:
    """Return the sources of a notebook's code cells; of a cell nothing but these is looked at.

    Raises: Unreadable.
    """
    if path.is_symlink() or not path.is_file():
        raise Unreadable("it is not a file")
    if not is_notebook(path):
        raise Unreadable(f"it is no notebook: it ends in {path.suffix or 'nothing'}, not in .ipynb")
    if path.stat().st_size > LARGEST:
        raise Unreadable(f"it is larger than {LARGEST // 2**20} MiB: clear its outputs")
    content = path.read_bytes()
    if len(content) > MOST and len(content := without_outputs(content)) > MOST:
        raise Unreadable(f"it is larger than {MOST // 2**20} MiB, its outputs aside")
    if not content.strip():
        raise Unreadable("the file is empty")
    try:
        cells = json.loads(content)["cells"]
        sources = [c.get("source", "") for c in cells if c.get("cell_type", "code") == "code"]
        found = ["".join(source) for source in sources]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(f"it is not a notebook ({type(error).__name__})") from None
    if not any(map(str.strip, found)):
        raise Unreadable("it has no code")
    return found


def without_outputs(content: bytes) -> bytes:
    """Cut out what a notebook's cells printed and drew, which may be far larger than all else."""
    kept, depth, at, before, inside = [], 0, 0, b"", False
    for token in TOKEN.finditer(content):
        kind = content[token.start()]
        depth += (kind in b"[{") - (kind in b"]}")
        if kind == ord("[") and depth == 4 and before == b'"outputs"':  # {"cells": [{"outputs": [
            kept.append(content[at : token.end()])
            inside = True
        elif kind == ord("]") and depth == 3 and inside:
            at, inside = token.start(), False
        before = token[0] if depth == 3 else b""
    return b"".join([*kept, b"" if inside else content[at:]])
