"""What comes out of grading: tables, a page per student, a summary for the teacher."""

import html
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grading import published
from grading.sandbox import COURSE
from grading.shared_code import alike, pasted
from grading.tables import (
    Record,
    automatic,
    blackboard,
    canvas,
    grades,
    moodle,
    unclaimed,
    with_hand,
    write,
    write_csv,
)

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
    assignment = folder.name.replace("_", " ")
    by_hand = out / "by-hand.csv"
    records = with_hand(records, by_hand)
    write_csv(out / "grades.csv", grades(records))
    for table in (blackboard, canvas, moodle):
        system = table.__name__
        own = [record for record in records if record["system"] == system]
        if own:
            write_csv(out / f"{system}.csv", table(own, assignment), people=False)
    for record in records:
        page = feedback(record, assignment)
        write(out / "feedback" / f"{record['name']}.html", page)
    rubric = (folder / "rubric.md").read_text(encoding="utf-8")
    write(out / "summary.html", summary(records, assignment, rubric, *public(folder)))
    mean = sum(record["got"] for record in records) / len(records)
    left = sum(record["hand"] is None for record in records)
    lost = ", ".join(unclaimed(records, by_hand))
    said = f"\nby-hand.csv has points for nobody who handed in: {lost}" if lost else ""
    return (
        f"{len(records)} graded, mean {mean:.1f} of {automatic(records[0]):g} points; "
        f"{records[0]['by_hand']:g} more are given by hand (rubric and texts: summary.html; "
        f"{left} to go: by-hand.csv).\n{out}: grades.csv, feedback/, summary.html{said}"
    )


def public(folder: Path) -> tuple[list[str], list[str]]:
    """Return the cells that anybody can read: the handout's, and the solution's."""
    source = COURSE / "book" / "homework" / f"{folder.name}.md"
    if not source.exists():  # on Gradescope, which must not hold the solution
        return [], []
    solution = published.code(published.read(source))
    return published.code(published.without_solutions(published.read(source))), solution


def feedback(record: Record, assignment: str) -> str:
    """Write one student's page."""
    by_tests = f"{record['got']:g} of {automatic(record):g} points"
    hand = f"up to {record['by_hand']:g} that a person gives"
    if record["hand"] is not None:
        hand = f"{record['hand']:g} of {record['by_hand']:g} by hand. {_text(record['comment'])}"
    parts = [
        f"<h1>{_text(assignment)}: {_text(record['who'])}</h1>",
        f"<p><strong>{by_tests}</strong> by the tests, and {hand}</p>",
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


def summary(
    records: list[Record],
    assignment: str,
    rubric: str,
    handout: Sequence[str] = (),
    solution: Sequence[str] = (),
) -> str:
    """Write the teacher's page: distribution, hardest question, likely copies, texts to grade."""
    bars = _bars([r["got"] for r in records], automatic(records[0]))
    parts = [f"<h1>{_text(assignment)}</h1><p>{len(records)} submissions.</p>"]
    parts += ["<h2>Points by the tests</h2><table>", *bars, "</table>"]
    parts += ["<h2>Questions, the hardest first</h2><table>", *_questions(records), "</table>"]
    parts += ["<h2>Likely copies</h2>", *_copies(records, handout, solution)]
    odd = [r for r in records if r.get("reason")]
    parts += ["<h2>Out of the ordinary</h2><table>"]
    parts += [f"<tr><td>{_text(r['name'])}</td><td>{_text(r['reason'])}</td></tr>" for r in odd]
    parts += ["</table><h2>To be graded by hand</h2>", f"<pre>{_text(rubric)}</pre>"]
    for r in records:
        for result in r["results"]:
            for name, text in result["texts"].items():
                parts.append(f"<h3>{_text(r['name'])}, {_text(name)}</h3><pre>{_text(text)}</pre>")
    return _page(assignment, parts)


def _bars(values: list[float], most: float) -> list[str]:
    """Draw how many got how much, by whole points, in about ten rows."""
    step = max(1, math.ceil(most / 10))
    starts = range(0, math.ceil(most), step)
    counts = [0] * len(starts)
    for value in values:
        counts[min(int(value / step), len(starts) - 1)] += 1
    rows = []
    for start, count in zip(starts, counts, strict=True):
        width = 100 * count / max(counts)
        rows.append(
            f"<tr><td class=n>{start} to {min(start + step, most):g}</td>"
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


def _copies(records: list[Record], handout: Sequence[str], solution: Sequence[str]) -> list[str]:
    cells = {r["name"]: r["cells"] for r in records if r.get("cells")}
    pairs = alike(cells, handout)
    if solution:
        known = "(the published solution)"
        pairs = [(s, name, known) for s, name in pasted(cells, solution, handout)] + pairs
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


def _page(title: str, parts: list[str]) -> str:
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    body = "\n".join(parts)
    return (
        f'<!doctype html><html lang="en">{head}<title>{_text(title)}</title>'
        f"<style>{STYLE}</style><body>{body}</body></html>\n"
    )
