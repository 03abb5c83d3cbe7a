"""Reading what students hand in: files that may be anything."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

LARGEST = 256 * 2**20  # bytes of a file
MOST = 20 * 2**20  # bytes of it without its outputs
NOTEBOOK = re.compile(r"\.ipynb(?:\.json|\.txt| ?\(\d+\))*$", re.IGNORECASE)  # as browsers save it
TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]')  # of JSON: a string, or a bracket
CANVAS = re.compile(r"^(?P<who>[^_]+)_(?:LATE_)?(?P<id>\d+)_\d+_.*$")
MOODLE = re.compile(r"^(?P<who>.+)_(?P<id>\d+)_assignsubmission_file_?$")


class Unreadable(Exception):
    """A file that is no notebook; the message is for the student."""


@dataclass(frozen=True)
class Handed:
    """One file that was handed in, and whose it is, as Canvas or Moodle named it."""

    path: Path
    who: str
    identifier: str = ""  # Canvas's user ID, or Moodle's participant
    system: str = ""
    note: str = ""  # what the teacher should know about it

    @property
    def name(self) -> str:
        """What its files are called: letters, digits, - and _ only."""
        words = [self.who, self.identifier] if self.identifier else [self.who]
        return re.sub(r"[^\w-]+", "_", "_".join(words))


def handed_in(folder: Path) -> list[Handed]:
    """Find all that was handed in: Canvas's and Moodle's downloads unpacked, or plain notebooks.

    What is no notebook counts where one of these systems says whose it is, and where it is all
    that this person handed in. Of a person's several notebooks the last by name counts: Canvas
    numbers what is handed in again.

    Raises: ValueError (no such folder, or nothing in it, or two plain notebooks of one name).
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    of: dict[str, list[Handed]] = {}
    for path in sorted(folder.rglob("*")):
        one = identify(path)
        hidden = any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)
        if not (hidden or path.is_dir()) and (one.system or is_notebook(path)):
            of.setdefault(one.name, []).append(one)
    if not of:
        raise ValueError(f"there is no notebook (.ipynb) in {folder}")
    found, unclear = [], []
    for all_ in of.values():
        *others, one = [one for one in all_ if is_notebook(one.path)] or all_[:1]
        if others and not one.system:
            unclear.append(", ".join(str(one.path) for one in [*others, one]))
        if others:
            one = replace(one, note=f"{len(others) + 1} notebooks; graded: {one.path.name}.")
        found.append(one)
    if unclear:
        raise ValueError("\n  ".join(["files of one name, whose are they?", *unclear]))
    return sorted(found, key=lambda one: one.name)


def is_notebook(path: Path) -> bool:
    """Tell by a file's name whether it is one."""
    return bool(NOTEBOOK.search(path.name))


def identify(path: Path) -> Handed:
    """Read from a file's name, or its folder's, who handed it in."""
    for folder in path.parts[-2::-1]:  # first: within it students name their files as they like
        if match := MOODLE.match(folder):
            return Handed(path, match["who"], match["id"], "moodle")
    if match := CANVAS.match(path.name):
        return Handed(path, match["who"], match["id"], "canvas")
    return Handed(path, path.stem)


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
