"""Tables of points: what the teacher enters by hand, and what learning systems import."""

import csv
import io
from pathlib import Path
from typing import Any

from grading.names import key
from grading.sheets import FORMULA, Row, Sheet, read

Record = dict[str, Any]
BY_HAND = ["name", "points", "comment"]


def write(path: Path, content: str) -> None:
    """Replace a file in one step; what is no text in it (a student's doing) is written as code."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(content, encoding="utf-8", errors="backslashreplace", newline="")
    part.replace(path)


def with_hand(records: list[Record], path: Path) -> list[Record]:
    """Add the points that the teacher has entered, and a line in that table for whoever is new.

    A line or a column that the teacher added stays.

    Raises: ValueError (no such table, points that cannot be, or points that nobody would get).
    """
    sheet = _by_hand(records, path)
    given = _given(sheet, path)
    new = [record["name"] for record in records if key(record["name"]) not in given]
    lost = unclaimed(records, path) if new else []
    if lost:
        said = "has points for nobody who handed in (did a spreadsheet change the name?)"
        raise ValueError(f"{path}, {', '.join(lost)}: {said}; nothing there: {', '.join(new)}")
    if new:
        lines = [[n if key(c) == "name" else "" for c in sheet.head] for n in new]
        rows = [sheet.head, *(row.cells for row in sheet.rows), *lines]
        write_csv(path, rows, sheet.delimiter)
    found = []
    for record in records:
        row = given.get(key(record["name"]))
        cells = sheet.named(row) if row else {"points": "", "comment": ""}
        points = _points(cells, record, f"{path}, line {row.line}") if row else None
        total, comment = record["got"] + (points or 0), cells["comment"]
        found.append({**record, "hand": points, "comment": comment, "total": total})
    return found


def unclaimed(records: list[Record], path: Path) -> list[str]:
    """Return the lines of that table with points for somebody who handed nothing in."""
    sheet, known = _by_hand(records, path), {key(record["name"]) for record in records}
    rows = [(row.line, sheet.named(row)) for row in sheet.rows]
    return [
        f"line {line} ({cells['name']})"
        for line, cells in rows
        if cells["points"] and key(cells["name"]) not in known
    ]


def _by_hand(records: list[Record], path: Path) -> Sheet:
    if not path.exists():
        return Sheet(BY_HAND, [])
    known = [record["name"] for record in records]
    return read(path, BY_HAND, "the columns name, points and comment", known)


def _given(sheet: Sheet, path: Path) -> dict[str, Row]:
    """Return everybody's line; of two the one that is filled in. Raises: ValueError (both are)."""
    found: dict[str, Row] = {}
    for row in sheet.rows:
        cells = sheet.named(row)
        other = found.setdefault(key(cells["name"]), row)
        before = sheet.named(other)
        filled, empty = (any(c[n] for n in BY_HAND[1:]) for c in (cells, before))
        if filled and empty and cells != before:
            lines = f"lines {other.line} and {row.line}"
            raise ValueError(f"{path}, {lines} are both for {cells['name']}: delete one")
        if filled:
            found[key(cells["name"])] = row
    return found


def _points(cells: dict[str, str], record: Record, where: str) -> float | None:
    text = cells["points"]
    if text.isdecimal() and cells["comment"].isdecimal():
        said = f"is {text},{cells['comment']} a number with a comma?"
        raise ValueError(f"{where}: {said} Write {text}.{cells['comment']}")
    try:
        points = float(text.replace(",", ".")) if text else None
    except ValueError:
        points = -1.0
    if points is None or 0 <= points <= record["by_hand"]:
        return points
    needed = f"needs points from 0 to {record['by_hand']:g}, or none yet"
    raise ValueError(f"{where}: {record['name']} {needed}, got {text!r}")


def automatic(record: Record) -> float:
    """Return how many of the points the tests give."""
    return record["of"] - record["by_hand"]


def write_csv(path: Path, rows: list[list[Any]], delimiter: str = ",", people: bool = True) -> None:
    """Write a table for people, or for a program; what would be a formula in it becomes text.

    Excel takes UTF-8 for something else without a mark in front. Blackboard asks for quotes.
    """
    text = io.StringIO(newline="")
    quoting = csv.QUOTE_MINIMAL if people else csv.QUOTE_ALL
    for row in rows:
        cells = [_harmless(cell) for cell in row]
        csv.writer(text, delimiter=delimiter, quoting=quoting).writerow(cells)
    write(path, "\ufeff" * people + text.getvalue())


def grades(records: list[Record]) -> list[list[Any]]:
    """Give everybody's points, question by question."""
    numbers = max((record["results"] for record in records), key=len)
    head = ["name", "variant", *(f"q{r['number']}" for r in numbers), "tests", "by hand"]
    rows: list[list[Any]] = [[*head, "total", "of", "reason"]]
    for r in records:
        points = [result["got"] for result in r["results"]] or [0] * len(numbers)
        hand = "" if r["hand"] is None else r["hand"]
        total = [r["got"], hand, r["total"], r["of"], r.get("reason", "")]
        rows.append([r["name"], r.get("variant", ""), *points, *total])
    return rows


def canvas(records: list[Record], assignment: str) -> list[list[Any]]:
    """Give the table that Canvas's gradebook imports; it finds people by ID.

    Canvas makes a new assignment of the last column, unless it is renamed to an existing one's
    name with its number, as in the gradebook's own export. Who is anonymous is left out.
    """
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    rows: list[list[Any]] = [[*head, assignment]]
    rows.append(["    Points Possible", "", "", "", "", records[0]["of"]])
    named = [r for r in records if r["identifier"].isdecimal()]
    return rows + [[r["who"], r["identifier"], "", "", "", r["total"]] for r in named]


def moodle(records: list[Record], assignment: str) -> list[list[Any]]:
    """Give the table that Moodle imports as an offline grading worksheet; it finds participants.

    Who has no number is left out: that is a team without a group.

    It asks for three columns, by their English names: Identifier, Grade, Last modified (grade).
    """
    head = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade"]
    head += ["Grade can be changed", "Last modified (grade)", "Feedback comments"]
    rows: list[list[Any]] = [head]
    for r in filter(lambda r: r["identifier"], records):
        comment = "; ".join(
            f"{result['number']}: {result['got']:g}/{result['points'] - result['by_hand']:g}"
            for result in r["results"]
        )
        comment = "; ".join(filter(None, [comment or r.get("reason", ""), r["comment"]]))
        person = [f"Participant {r['identifier']}", r["who"], "", "", r["total"], r["of"]]
        rows.append([*person, "Yes", "", comment])
    return rows


def blackboard(records: list[Record], assignment: str) -> list[list[Any]]:
    """Give the table that Blackboard's Grade Center imports; it finds people by login.

    It makes a new column of text, unless the last one is renamed to an existing one's name with its
    number, as in its own export.
    """
    return [["Username", assignment], *([r["who"], r["total"]] for r in records)]


def _harmless(cell: Any) -> Any:
    text = str(cell)
    return f"'{text}" if isinstance(cell, str) and text.startswith(FORMULA) else cell
