"""Finding what was handed in: one notebook of each person, and a reason for all else."""

import hashlib
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from grading import learning_systems
from grading.archives import is_zip, unpack
from grading.ipynb import is_notebook
from grading.learning_systems import Owner
from grading.names import file_name, in_order, key

TYPED = "it is text that was typed in, not a file"
FAULTS = {"": "", "file": "", "link": "it is a link, not a file"}
RECEIPT = ".txt"  # Blackboard's, beside every file
NOBODYS = (".", "__MACOSX", "~$", "Thumbs.db", "desktop.ini")
UNPACKED = "unpacked"  # the folder for what lies in zips, below that of the results
MOST, BYTES = 50, 2**30  # notebooks in a student's zip, and what they hold


@dataclass(frozen=True)
class Handed:
    """One file that was handed in, and whose it is, as a learning system named it."""

    path: Path
    who: str
    identifier: str = ""  # Canvas's user ID, or Moodle's participant
    system: str = ""
    note: str = ""  # what the teacher should know about it
    fault: str = ""  # why it cannot be graded, where that is known without reading it
    also: tuple[str, ...] = ()  # other names by which a roster may list this person
    mark: str = ""  # what tells it from somebody of nearly the same name

    @property
    def name(self) -> str:
        """What its files are called."""
        parts = dict.fromkeys(filter(None, [self.who, self.identifier, self.mark]))
        return file_name("_".join(parts))


class File(NamedTuple):
    """A file, whose it is, and what is known to be wrong with it."""

    path: Path
    owner: Owner
    fault: str
    order: tuple  # the last counts


def beside(folder: Path) -> Path:
    """Return the folder for what comes out: beside that of the hand-ins, or beside their zip."""
    folder = Path(os.path.abspath(folder))  # `.` has no name
    return folder.with_name((folder.stem if is_zip(folder) else folder.name) + "-graded")


def handed_in(folder: Path, known: Collection[str] = (), place: Path | None = None) -> list[Handed]:
    """Find all that was handed in: a learning system's download or its zip, or plain notebooks.

    See `survey`. Raises: ValueError.
    """
    return survey(folder, known, place)[0]


def survey(
    folder: Path, known: Collection[str] = (), place: Path | None = None
) -> tuple[list[Handed], list[str]]:
    """Find all that was handed in, and the names of files that are nobody's.

    What is no notebook counts where a system or a folder says whose it is, and where it is all
    that this person handed in. Of a person's several notebooks the last counts, by the system's
    number or date, else by name. `known` are the roster's names (their `names.key`), and zips are
    unpacked in `place`.

    Raises: ValueError (no such folder, or nothing in it, or two plain notebooks of one name).
    """
    place = place or beside(folder) / UNPACKED
    if place.resolve() in [folder.resolve(), *folder.resolve().parents]:
        raise ValueError(f"{place} is emptied on each run: nothing handed in may lie there")
    shutil.rmtree(place, ignore_errors=True)
    root, faults = folder, {}
    if is_zip(folder):
        root = place / "download"
        try:
            faults = unpack(folder, root)
        except ValueError as error:
            raise ValueError(f"{folder}: {error}") from None
    paths = [p for p in _files(root) if place == root.parent or place not in p.parents]
    owners = _owners([path.relative_to(root).parts for path in paths], known)
    people: dict[tuple[str, str], list[File]] = defaultdict(list)
    for path, owner in zip(paths, owners, strict=True):
        if owner:
            files = _opened(path, owner, faults.get(path, ""), place / "zips")
            people[owner.system, owner.same].extend(files)
    if not people:
        raise ValueError(f"there is no notebook (.ipynb) in {folder}")
    _clear(people.values())
    strangers = [
        str(p.relative_to(root)) for p, owner in zip(paths, owners, strict=True) if not owner
    ]
    found = _apart([_one(files) for files in people.values()])
    return sorted(found, key=lambda one: one.name), strangers


def _files(root: Path) -> list[Path]:
    if not root.is_dir():
        raise ValueError(f"there is no folder {root}")
    found = [path for path in sorted(root.rglob("*")) if not path.is_dir()]
    return [path for path in found if not _is_nobodys(path.relative_to(root))]


def _is_nobodys(path: Path) -> bool:
    return any(part.startswith(NOBODYS) for part in path.parts)


def _owners(paths: list[learning_systems.Parts], known: Collection[str]) -> list[Owner | None]:
    found = learning_systems.owners(paths)
    loose = [parts for parts, owner in zip(paths, found, strict=True) if not owner]
    notebooks = [p for p in loose if is_notebook(Path(p[-1])) or p[-1].lower().endswith(".zip")]
    plain = iter(learning_systems.plain(loose, set(notebooks), known))
    return [owner or next(plain) for owner in found]


def _opened(path: Path, owner: Owner, fault: str, place: Path) -> list[File]:
    """Take the notebooks out of a zip; of anything else, tell what it is."""
    order = learning_systems.later(path.name, owner.when)
    if fault or not is_zip(path):
        fault = fault or FAULTS.get(owner.kind, TYPED)
        return [File(path, owner, fault, (order, []))]

    def wanted(inner: Path) -> bool:
        return is_notebook(inner) and not _is_nobodys(inner.relative_to(own))

    own = place / hashlib.sha256(str(path).encode(errors="replace")).hexdigest()[:16]
    try:
        found = unpack(path, own, wanted, MOST, BYTES)
    except ValueError as error:
        found, fault = {}, f"{error}"
    files = [File(p, owner, f, (order, in_order(p.name))) for p, f in sorted(found.items())]
    return files or [File(path, owner, fault or "the zip holds no notebook", (order, []))]


def _clear(people: Collection[list[File]]) -> None:
    """Make sure that no two people get one name. Raises: ValueError."""
    of = defaultdict(list)
    for files in people:
        of[key(_one(files).name)].append(files)
    unclear = []
    for groups in of.values():
        files = sorted(file.path for group in groups for file in group)
        folders = {path.parent for path in files}
        names = {_one(group).name for group in groups}
        if len(names) < len(groups) or (len(folders) > 1 and not groups[0][0].owner.system):
            unclear.append(", ".join(map(str, files)))
    if unclear:
        raise ValueError("\n  ".join(["files of one name, whose are they?", *unclear]))


def _apart(people: list[Handed]) -> list[Handed]:
    """Mark the names that only capitals, ß or leading zeros tell apart: tables would not."""
    alike, found = Counter(key(one.name) for one in people), []
    for one in people:
        if alike[key(one.name)] > 1:
            mark = hashlib.sha256(one.name.encode()).hexdigest()[:4]
            note = f"{one.note} Another's name is nearly the same: look whose points are whose."
            one = replace(one, mark=mark, note=note.strip())
        found.append(one)
    return found


def _one(files: list[File]) -> Handed:
    """Choose what counts of one person's files, and note what does not."""
    notebooks = [file for file in files if is_notebook(file.path) and not file.fault]
    papers = [file for file in files if file.owner.kind != RECEIPT]
    file = max(notebooks or papers or files, key=lambda file: file.order)
    owner, notes = file.owner, []
    notes += [f"{said}." for said in (owner.team, owner.doubt) if said]
    if len(notebooks) > 1:
        notes.append(f"{len(notebooks)} notebooks; graded: {file.path.name}.")
    rest = [f for f in papers if f not in notebooks and f != file]
    if rest:
        more = f" and {len(rest) - 5} more" if len(rest) > 5 else ""
        names = [f.path.name + f" ({f.fault})" * bool(f.fault) for f in rest[:5]]
        notes.append(f"Also handed in: {', '.join(names)}{more}.")
    return Handed(
        file.path,
        owner.who,
        owner.identifier,
        owner.system,
        " ".join(notes),
        file.fault,
        owner.also,
    )
