"""Reading what students hand in: files that may be anything."""

import json
import re
from pathlib import Path
from typing import Any

LARGEST = 256 * 2**20  # bytes of a file
MOST = 20 * 2**20  # bytes of its code
NOTEBOOK = re.compile(r"\.ipynb(?:\.json|\.txt| ?\(\d+\))*$", re.IGNORECASE)  # as browsers save it
TOKEN = re.compile(  # of JSON: a string, perhaps a key; or a bracket
    rb'("(?:[^"\\]++|\\.)*+(?:"|\\?\Z))(\s*:)?|[\[\]{}]', re.DOTALL
)
SOURCE = b'"source"', b'"input"'  # the second until nbformat 3


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
    if not content.strip():
        raise Unreadable("the file is empty")
    try:
        content = _utf_8(content)
        if len(content) > MOST and len(content := only_code(content)) > MOST:
            raise Unreadable(f"its code is larger than {MOST // 2**20} MiB")
        cells = _cells(json.loads(content))
        sources = [_source(c) for c in cells if c.get("cell_type", "code") == "code"]
        found = ["".join(source) for source in sources]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(f"it is not a notebook ({type(error).__name__})") from None
    if not any(map(str.strip, found)):
        raise Unreadable("it has no code")
    return found


def _utf_8(content: bytes) -> bytes:
    encoding = json.detect_encoding(content)
    if encoding.startswith("utf-8"):
        return content
    return content.decode(encoding, "surrogatepass").encode(errors="surrogatepass")


def _cells(notebook: Any) -> list[Any]:
    if "worksheets" in notebook:  # until nbformat 3
        return [cell for sheet in notebook["worksheets"] for cell in sheet["cells"]]
    return notebook["cells"]


def _source(cell: Any) -> Any:
    return cell["source"] if "source" in cell else cell.get("input", "")


def only_code(content: bytes) -> bytes:
    """Return a notebook's code cells and nothing else of it: pictures may be far larger.

    What is left out is never built, since that may need far more memory than its text.
    """
    found, source, is_code, start, depth = [], b'""', True, 0, 0
    keys = [b""] * 8  # the last key at each depth
    for token in TOKEN.finditer(content):
        if not 0 <= depth < 1000:  # no notebook
            break
        kind, cell = token[0][:1], _depth_of_cells(keys)
        if kind in b"[{":
            depth += 1
            keys[min(depth, 7)] = b""
            if depth == cell:
                source, is_code = b'""', True
            elif depth == cell + 1 and keys[cell] in SOURCE:
                start = token.start()
        elif kind in b"]}":
            if depth == cell + 1 and keys[cell] in SOURCE:
                source = content[start : token.end()]
            elif depth == cell and is_code:
                found.append(b'{"source": %s}' % source)
            depth -= 1
        elif token[2]:
            keys[min(depth, 7)] = token[1]
        elif depth == cell and keys[cell] in SOURCE:
            source = token[1]
        elif depth == cell and keys[cell] == b'"cell_type"':
            is_code = token[1] == b'"code"'
    return b'{"cells": [%s]}' % b",".join(found) if depth == 0 else b""


def _depth_of_cells(keys: list[bytes]) -> int:
    """Return how deep a cell lies: in a list in the notebook, until nbformat 3 in a worksheet's."""
    if keys[1] == b'"cells"':
        return 3
    return 5 if (keys[1], keys[3]) == (b'"worksheets"', b'"cells"') else -9
