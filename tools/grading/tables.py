"""Tables of points: what the teacher enters by hand, and what Canvas and Moodle import."""

import csv
import io
from pathlib import Path
from typing import Any

Record = dict[str, Any]
FORMULA = tuple("=+-@\t\r")  # how a cell begins that a spreadsheet would work out


def write(path: Path, content: str) -> None:
    """Replace a file in one step; what is no text in it (a student's doing) is written as code."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(content, encoding="utf-8", errors="backslashreplace", newline="")
    part.replace(path)


def with_hand(records: list[Record], path: Path) -> list[Record]:
    """Add the points that the teacher has entered, and a line in that table for whoever is new.

    A line or a column that the teacher added stays.

    Raises: ValueError (no such table, or points that cannot be).
    """
    rows: list[list[str]] = [["name", "points", "comment"]]
    if path.exists():
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [[_as_written(cell) for cell in row] for row in csv.reader(file) if row]
    if not rows or {"name", "points", "comment"} - set(rows[0]):
        raise ValueError(f"{path} needs the columns name, points and comment, parted by commas")
    given = {row["name"]: row for row in (dict(zip(rows[0], row)) for row in rows[1:])}  # noqa: B905
    new = [record["name"] for record in records if record["name"] not in given]
    if new:
        write_csv(path, [*rows, *([n if c == "name" else "" for c in rows[0]] for n in new)])
    found = []
    for record in records:
        row = given.get(record["name"], {})
        points = _points(row.get("points", ""), record, path)
        total, comment = record["got"] + (points or 0), row.get("comment", "")
        found.append({**record, "hand": points, "comment": comment, "total": total})
    return found


def _points(text: str, record: Record, path: Path) -> float | None:
    try:
        points = float(text.replace(",", ".")) if text.strip() else None
    except ValueError:
        points = -1.0
    if points is None or 0 <= points <= record["by_hand"]:
        return points
    needed = f"needs points from 0 to {record['by_hand']:g}, or none yet"
    raise ValueError(f"{path}: {record['name']} {needed}, got {text!r}")


def automatic(record: Record) -> float:
    """Return how many of the points the tests give."""
    return record["of"] - record["by_hand"]


def write_csv(path: Path, rows: list[list[Any]]) -> None:
    """Write a table; a cell that a spreadsheet takes for a formula becomes text."""
    text = io.StringIO(newline="")
    for row in rows:
        csv.writer(text).writerow([_harmless(cell) for cell in row])
    write(path, text.getvalue())


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
    name with its number, as in the gradebook's own export.
    """
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    rows: list[list[Any]] = [[*head, assignment]]
    rows.append(["    Points Possible", "", "", "", "", records[0]["of"]])
    return rows + [[r["who"], r["identifier"], "", "", "", r["total"]] for r in records]


def moodle(records: list[Record], assignment: str) -> list[list[Any]]:
    """Give the table that Moodle imports as an offline grading worksheet; it finds participants.

    It asks for three columns, by their English names: Identifier, Grade, Last modified (grade).
    """
    head = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade"]
    head += ["Grade can be changed", "Last modified (grade)", "Feedback comments"]
    rows: list[list[Any]] = [head]
    for r in records:
        comment = "; ".join(
            f"{result['number']}: {result['got']:g}/{result['points'] - result['by_hand']:g}"
            for result in r["results"]
        )
        comment = "; ".join(filter(None, [comment or r.get("reason", ""), r["comment"]]))
        person = [f"Participant {r['identifier']}", r["who"], "", "", r["total"], r["of"]]
        rows.append([*person, "Yes", "", comment])
    return rows


def _harmless(cell: Any) -> Any:
    text = str(cell)
    return f"'{text}" if isinstance(cell, str) and text.startswith(FORMULA) else cell


def _as_written(cell: str) -> str:
    """Undo `_harmless`."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA) else cell
