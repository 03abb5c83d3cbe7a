"""Unpacking zips by strangers: nothing leaves its folder, and no disk is filled."""

import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from itertools import chain, count
from pathlib import Path

from grading.names import file_name

LARGEST = 512 * 2**20  # bytes of one file in it, unpacked
LONGEST = 255  # bytes of a name
USUAL = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)


def is_zip(path: Path) -> bool:
    """Tell by a file's name whether it is one."""
    return path.suffix.lower() == ".zip" and path.is_file() and not path.is_symlink()


def unpack(
    archive: Path,
    into: Path,
    wanted: Callable[[Path], bool] = lambda path: True,
    files: int = 100_000,
    size: float = float("inf"),
) -> dict[Path, str]:
    """Unpack the wanted files of a zip, and say of each what kept it packed: mostly nothing.

    Whatever path a file asks for, it lands below the folder; it lies there empty if it is
    encrypted, broken or too large. What is a link there is a file here.

    Raises: ValueError (it is no zip, or one with more files or bytes than these, or than the disk).
    """
    try:
        with zipfile.ZipFile(archive) as file:
            found = [(e, _place(into, _name(e))) for e in file.infolist() if not e.is_dir()]
            found = [(entry, place) for entry, place in found if wanted(place)]
            if len(found) > files:
                raise ValueError(f"it holds more than {files} files")
            needed = sum(entry.file_size for entry, _ in found if entry.file_size <= LARGEST)
            into.mkdir(parents=True, exist_ok=True)
            if needed > min(size, shutil.disk_usage(into).free / 2):
                raise ValueError(f"unpacked it would need {needed / 2**20:,.0f} MiB")
            return dict(_write(file, entry, _free(place)) for entry, place in found)
    except BROKEN as error:
        said = f"{error}" if type(error) is ValueError else "it is no zip, or a broken one"
        raise ValueError(said) from None


def _free(place: Path) -> Path:
    """Give what has the name of another a number, as browsers do, so that the last counts."""
    names = (place.with_name(f"{place.stem} ({n}){place.suffix}") for n in count(1))
    return next(path for path in chain([place], names) if not path.exists())


def _write(file: zipfile.ZipFile, entry: zipfile.ZipInfo, place: Path) -> tuple[Path, str]:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    if entry.flag_bits & 1:
        return place, "it is in a zip that needs a password"
    if entry.file_size > LARGEST:
        return place, f"unpacked it is larger than {LARGEST // 2**20} MiB"
    if entry.compress_type not in USUAL:
        return place, "it is in a zip that was packed in an unusual way"
    try:
        with file.open(entry) as source, place.open("wb") as target:
            shutil.copyfileobj(source, target)
    except BROKEN:
        place.write_bytes(b"")
        return place, "it is in a zip that is broken"
    return place, ""


def _name(entry: zipfile.ZipInfo) -> str:
    """Return a file's name; some programs write UTF-8 without saying so."""
    try:
        said = entry.flag_bits & 0x800
        return entry.filename if said else entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


def _place(into: Path, name: str) -> Path:
    """Return where a file may be written: no absolute path, no drive, no `..`."""
    parts = [part.strip() for part in re.split(r"[/\\]", name)]
    parts = [p for p in parts if p not in ("", ".", "..") and not re.fullmatch("[A-Za-z]:", p)]
    return into.joinpath(*(_short(part) for part in parts))


def _short(part: str) -> str:
    if len(part.encode(errors="replace")) <= LONGEST:
        return part
    return file_name(part[:-20]) + part[-20:]
