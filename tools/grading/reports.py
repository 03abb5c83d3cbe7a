"""What comes out of grading: tables for Canvas and Moodle, a page per student, a summary."""

import csv
import html
import io
from pathlib import Path
from typing import Any

from grading.copies import alike

Record = dict[str, Any]

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c1b1a; background: #fcfbf9 }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0;
  border-bottom: 1px solid #dedbd5 }
td.n { text-align: right; white-space: nowrap }
.bar { background: #5147d0; height: .8rem; min-width: 1px }
pre { white-space: pre-wrap; background: #f1efea; padding: .6rem; overflow-wrap: anywhere }
@media (prefers-color-scheme: dark) { body { color: #e8e6e1; background: #191816 }
  td, th { border-color: #3a3834 } pre { background: #262421 } .bar { background: #9a94ff } }
"""


def write_all(records: list[Record], folder: Path, out: Path) -> str:
    """Write every report, and say in a few lines what there is."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "feedback").mkdir(exist_ok=True)
    assignment = folder.name.replace("_", " ")
    write_csv(out / "grades.csv", grades(records))
    for system, table in (("canvas", canvas), ("moodle", moodle)):
        own = [record for record in records if record["system"] == system]
        if own:
            write_csv(out / f"{system}.csv", table(own, assignment))
    for record in records:
        page = feedback(record, assignment)
        (out / "feedback" / f"{record['name']}.html").write_text(page, encoding="utf-8")
    rubric = (folder / "rubric.md").read_text(encoding="utf-8")
    (out / "summary.html").write_text(summary(records, assignment, rubric), encoding="utf-8")
    mean = sum(record["got"] for record in records) / len(records)
    automatic = records[0]["of"] - records[0]["by_hand"]
    return (
        f"{len(records)} submissions, mean {mean:.1f} of {automatic:g} points; "
        f"{records[0]['by_hand']:g} more are given by hand (rubric and texts: summary.html).\n"
        f"{out}: grades.csv, feedback/, summary.html"
    )


def write_csv(path: Path, rows: list[list[Any]]) -> None:
    """Write a table; a cell that a spreadsheet would take for a formula becomes text."""
    text = io.StringIO(newline="")
    for row in rows:
        csv.writer(text).writerow([_harmless(cell) for cell in row])
    path.write_text(text.getvalue(), encoding="utf-8", newline="")


def grades(records: list[Record]) -> list[list[Any]]:
    """Give everybody's points, question by question."""
    numbers = max((record["results"] for record in records), key=len)
    head = ["name", "variant", *(f"q{r['number']}" for r in numbers), "total", "of", "by hand"]
    rows: list[list[Any]] = [[*head, "reason"]]
    for r in records:
        points = [result["got"] for result in r["results"]] or [0] * len(numbers)
        total = [r["got"], r["of"] - r["by_hand"], r["by_hand"], r.get("reason", "")]
        rows.append([r["name"], r.get("variant", ""), *points, *total])
    return rows


def canvas(records: list[Record], assignment: str) -> list[list[Any]]:
    """Give the table that Canvas's gradebook imports; it finds people by ID.

    Canvas makes a new assignment of the last column, unless it is renamed to an existing one's
    name with its number, as in the gradebook's own export.
    """
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    rows: list[list[Any]] = [[*head, assignment]]
    automatic = records[0]["of"] - records[0]["by_hand"]
    rows.append(["    Points Possible", "", "", "", "", automatic])
    return rows + [[r["who"], r["identifier"], "", "", "", r["got"]] for r in records]


def moodle(records: list[Record], assignment: str) -> list[list[Any]]:
    """Give the table that Moodle imports as an offline grading worksheet; it finds participants."""
    head = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade"]
    rows: list[list[Any]] = [[*head, "Grade can be changed", "Feedback comments"]]
    for r in records:
        comment = "; ".join(
            f"{result['number']}: {result['got']:g}/{result['points'] - result['by_hand']:g}"
            for result in r["results"]
        )
        person = [f"Participant {r['identifier']}", r["who"], "", "", r["got"]]
        rows.append([*person, r["of"] - r["by_hand"], "Yes", comment or r.get("reason", "")])
    return rows


def feedback(record: Record, assignment: str) -> str:
    """Write one student's page."""
    automatic = record["of"] - record["by_hand"]
    parts = [
        f"<h1>{_text(assignment)}: {_text(record['who'])}</h1>",
        f"<p><strong>{record['got']:g} of {automatic:g} points</strong>, and up to "
        f"{record['by_hand']:g} that a person gives.</p>",
    ]
    if record.get("reason"):
        parts.append(f"<p>{_text(record['reason'])}</p>")
    for result in record["results"]:
        parts.append(f"<h2>Question {result['number']}. {_text(result['title'])}</h2><table>")
        for check in result["checks"]:
            mark = f"{check['got']:g} / {check['points']:g}"
            parts.append(
                f"<tr><td>{_text(check['what'])}<br><em>{_text(check['message'])}</em></td>"
                f"<td class=n>{mark}</td></tr>"
            )
        if result["by_hand"]:
            parts.append(f"<tr><td>By hand</td><td class=n>/ {result['by_hand']:g}</td></tr>")
        parts.append("</table>")
    if record.get("failed"):
        failed = "\n".join(record["failed"])
        parts.append(f"<h2>Cells that raised an error when graded</h2><pre>{_text(failed)}</pre>")
    return _page(f"{assignment}: {record['who']}", parts)


def summary(records: list[Record], assignment: str, rubric: str) -> str:
    """Write the teacher's page: distribution, hardest question, likely copies, texts to grade."""
    automatic = records[0]["of"] - records[0]["by_hand"]
    parts = [f"<h1>{_text(assignment)}</h1><p>{len(records)} submissions.</p>"]
    parts += ["<h2>Points</h2><table>", *_bars([r["got"] for r in records], automatic), "</table>"]
    parts += ["<h2>Questions, the hardest first</h2><table>", *_questions(records), "</table>"]
    parts += ["<h2>Likely copies</h2>", *_copies(records)]
    odd = [r for r in records if r.get("reason")]
    parts += ["<h2>Out of the ordinary</h2><table>"]
    parts += [f"<tr><td>{_text(r['name'])}</td><td>{_text(r['reason'])}</td></tr>" for r in odd]
    parts += ["</table><h2>To be graded by hand</h2>", f"<pre>{_text(rubric)}</pre>"]
    for r in records:
        for result in r["results"]:
            for name, text in result["texts"].items():
                parts.append(f"<h3>{_text(r['name'])}, {_text(name)}</h3><pre>{_text(text)}</pre>")
    return _page(assignment, parts)


def _bars(values: list[float], most: float, bins: int = 10) -> list[str]:
    """Draw how many got how much."""
    counts = [0] * bins
    for value in values:
        counts[min(int(value / most * bins), bins - 1)] += 1
    rows = []
    for i, count in enumerate(counts):
        width = 100 * count / max(counts)
        rows.append(
            f"<tr><td class=n>{i * most / bins:.0f} to {(i + 1) * most / bins:.0f}</td>"
            f'<td class=n>{count}</td><td width=70%><div class=bar style="width:{width:.0f}%">'
            "</div></td></tr>"
        )
    return rows


def _questions(records: list[Record]) -> list[str]:
    shares: dict[str, list[float]] = {}
    for record in records:
        for result in record["results"]:
            most = result["points"] - result["by_hand"]
            if most:
                title = f"{result['number']}. {result['title']}"
                shares.setdefault(title, []).append(result["got"] / most)
    means = sorted((sum(s) / len(s), title) for title, s in shares.items())
    return [
        f"<tr><td>{_text(title)}</td><td class=n>{100 * mean:.0f} %</td></tr>"
        for mean, title in means
    ]


def _copies(records: list[Record]) -> list[str]:
    pairs = alike({r["name"]: r["cells"] for r in records if r.get("cells")})
    if not pairs:
        return ["<p>None: no two submissions share most of what is neither's handout.</p>"]
    rows = [
        f"<tr><td>{_text(a)}</td><td>{_text(b)}</td><td class=n>{100 * share:.0f} %</td></tr>"
        for share, a, b in pairs
    ]
    return [
        "<p>Share of code in common, names and numbers aside, and what most have aside. "
        "A place to look, not a verdict.</p><table>",
        *rows,
        "</table>",
    ]


def _text(value: Any) -> str:
    return html.escape(str(value))


def _harmless(cell: Any) -> Any:
    text = str(cell)
    return f"'{text}" if isinstance(cell, str) and text[:1] in "=+-@\t\r" else cell


def _page(title: str, parts: list[str]) -> str:
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    body = "\n".join(parts)
    return (
        f'<!doctype html><html lang="en">{head}<title>{_text(title)}</title>'
        f"<style>{STYLE}</style><body>{body}</body></html>\n"
    )
