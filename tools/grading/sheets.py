"""Reading tables that a spreadsheet has saved: in its own encoding, parted in its own way."""

import codecs
import csv
import io
import re
from collections.abc import Collection
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from grading.names import key

FORMULA = tuple("=+-@\t\r")  # how a cell begins that a spreadsheet would work out
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
OLDER = ["cp1252", "mac_roman"]  # what Excel saves as plain CSV, on Windows and on a Mac
ELSEWHERE = ["cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "mac_latin2", "mac_cyrillic"]
COMMON = set("äöüßéèêëàâáåæãçñóòôøõíìîïúùûÄÖÜÉÈÀÁÅÆÇÑÓØÍÚ’")  # which one is more likely
SURE = set("äöüßéáçóôíúšžÄÖÜÉÁÇÓÔÍÚŠŽ\u00a0")  # in whatever country's Windows
UNREADABLE = "has a character that cannot be read: save it as CSV UTF-8"


class Row(NamedTuple):
    """A line that is not blank, with its number in the file."""

    line: int
    cells: list[str]


class Sheet(NamedTuple):
    """A table as it stands in a file."""

    head: list[str]
    rows: list[Row]
    delimiter: str = ","

    def named(self, row: Row) -> dict[str, str]:
        """Return a row's cells under their columns' names, in whatever case these stand."""
        cells = [*row.cells, *[""] * len(self.head)]
        return {key(name): cell for name, cell in zip(self.head, cells, strict=False) if name}


def read(path: Path, needed: Collection[str], what: str, known: Collection[str] = ()) -> Sheet:
    """Read a CSV file with these columns, which an error calls `what`.

    Names that are known to stand in it help to tell its encoding.

    Raises: ValueError (with the file, the line and what is wrong).
    """
    text = _text(path, known).removeprefix("\ufeff")
    text = re.sub(r"^sep=.*", "", text, flags=re.IGNORECASE)  # Excel's own
    head = next((line for line in text.splitlines() if line.strip(" ,;\t")), "")
    delimiter = max(",;\t", key=lambda mark: (len(_columns(head, mark) & set(needed)), mark == ","))
    first, *rows = _parsed(path, text, delimiter) or [Row(1, [])]
    names = [key(name) for name in first.cells]
    if any(names.count(name) != 1 for name in needed):
        raise ValueError(f"{path} needs {what}, each once and parted by commas, got {head[:80]!r}")
    for row in rows:
        if any(row.cells[len(names) :]):
            said = f"more cells than columns: {delimiter.join(row.cells)!r}"
            raise ValueError(f"{path}, line {row.line}: {said}")
    return Sheet(first.cells, rows, delimiter)


def as_written(cell: str) -> str:
    """Undo `harmless`, and what reading UTF-8 as Windows' own encoding makes of it."""
    cell = _mended(cell).strip()
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA) else cell


def _text(path: Path, known: Collection[str]) -> str:
    raw = path.read_bytes()
    encoding = next((name for mark, name in MARKS.items() if raw.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in raw[:2]:
        encoding = "utf-16-be" if raw[:1] == b"\0" else "utf-16-le"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
    if encoding != "utf-8":
        raise ValueError(f"{path}, line {line}: {UNREADABLE}") from None
    text = _by_names(raw, known) if known else _by_letters(raw)
    if "\ufffd" in text:
        raise ValueError(f"{path}, line {line}: {UNREADABLE}")
    return text


def _by_names(raw: bytes, known: Collection[str]) -> str:
    """Decode what should hold these names: whatever would not is found missing there."""
    texts = [raw.decode(encoding, errors="replace") for encoding in OLDER + ELSEWHERE]
    return max(texts, key=lambda t: (sum(n in t for n in known), sum(c in COMMON for c in t)))


def _by_letters(raw: bytes) -> str:
    """Decode names that nobody knows, if they can be read in one way only: `Krejèí` is Krejčí."""
    texts = [t for e in OLDER if _is_likely(t := raw.decode(e, errors="replace"))]
    sure = len(texts) == 1 and all(c.isascii() or c in SURE for c in texts[0])
    return texts[0] if sure else "\ufffd"


def _is_likely(text: str) -> bool:
    """Tell whether its words may be words: `JosŽ`, `Jos‚` and `Èâàí` are none."""
    words = re.findall(r"[^\W\d_]+", text)
    return (
        all(c.isascii() or c.isalpha() or c in "\u00a0’" for c in text)
        and not any(a.islower() and b.isupper() and not b.isascii() for a, b in pairwise(text))
        and all(2 * sum(not c.isascii() for c in word) <= len(word) for word in words)
    )


def _columns(line: str, mark: str) -> set[str]:
    return {key(cell) for row in csv.reader([line], delimiter=mark) for cell in row}


def _parsed(path: Path, text: str, delimiter: str) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, line = [], 1
    try:
        for cells in reader:
            row = Row(line, [as_written(cell) for cell in cells])
            rows += [row] if any(row.cells) else []
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {line}: {error}") from None
    return rows


def _mended(cell: str) -> str:
    try:
        raw = b"".join(c.encode("latin-1" if ord(c) < 256 else "cp1252") for c in cell)
        return raw.decode("utf-8")
    except UnicodeError:
        return cell
