"""Write book/evidence.md's list of statements from the claims in the executed notebooks.

The text above the list is written by hand; what stands between the two markers is not.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import generated
from rnnlib.claims.box import KEY, numbers
from rnnlib.claims.claim import overall
from rnnlib.claims.statements import STATEMENTS, VERDICTS

ROOT = Path(__file__).resolve().parent.parent
NAME = "evidence"
GROUPS = {
    "G": "What an RNN can do",
    "M": "Memory",
    "S": "Sequence",
    "E": "Exposure",
    "R": "Repetition",
    "A": "Attention",
    "B": "All at once",
}
PLANNED = {  # the lessons that put each statement to the test
    "G1": (1,),
    "G2": (2,),
    "M1": (3, 4),
    "M2": (3, 4),
    "M3": (4, 5),
    "M4": (5,),
    "S1": (6,),
    "S2": (6,),
    "S3": (7,),
    "S4": (6, 7),
    "S5": (6, 7, 14),
    "E1": (8, 9),
    "E2": (8, 9),
    "R1": (10,),
    "R2": (11,),
    "R3": (11,),
    "R4": (10, 11),
    "A1": (12, 13),
    "A2": (12, 13),
    "B1": (14, 15),
}
Claim = dict[str, Any]


class EvidenceError(ValueError):
    """The claims do not have the form that is needed."""


def collect(folder: Path) -> list[Claim]:
    """Return the claims in a folder's notebooks, in order, each with its `lesson` and `title`."""
    claims = []
    for path in sorted(folder.glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        lines = "".join("".join(c["source"]) + "\n" for c in cells if c["cell_type"] == "markdown")
        titles = [line[2:].strip() for line in lines.splitlines() if line.startswith("# ")]
        about = {"lesson": path.name, "title": (titles or [path.stem])[0]}
        outputs = (output for cell in cells for output in cell.get("outputs", []))
        claims += [o["metadata"][KEY] | about for o in outputs if KEY in o.get("metadata", {})]
    return _named_once(claims)


def fresh(folder: Path) -> list[Claim]:
    """Return the claims that a run of the lessons left in $RNNLIB_CLAIMS."""
    files = sorted(folder.glob("*.jsonl"))
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return _named_once([json.loads(line) for line in lines])


def differences(committed: Iterable[Claim], measured: Iterable[Claim]) -> list[str]:
    """Return one line for each way in which a fresh run's claims are not the committed ones.

    The words must be the same, those of the rivals too, and the fresh means and differences must
    lie in the committed intervals (which count as no narrower than 1 % of the mean to either side:
    exact counts have no width). Of times only the words count, and an undecided claim is none of
    these ways: on another machine, or on a busy one, other numbers are found.
    """
    old, new = ({claim["name"]: claim for claim in claims} for claims in (committed, measured))
    found = [f"{name}: committed, but not measured anew" for name in old if name not in new]
    found += [f"{name}: measured anew, but not committed" for name in new if name not in old]
    for name in (name for name in old if name in new):
        was, now = old[name], new[name]
        for key in ("statement", "sentence", "unit", "verdict"):
            if was[key] != now[key]:
                found.append(f"{name}: {key} was {was[key]!r}, is {now[key]!r}")
        found += [f"{name}: {line}" for line in _moved(was, now)]
    return found


def undecided(claims: Iterable[Claim]) -> list[str]:
    """Return the names of the claims about time that a run has left undecided."""
    return [claim["name"] for claim in claims if claim.get("outcome") == "undecided"]


def _moved(was: Claim, now: Claim) -> list[str]:
    """Return what has moved out of a claim's intervals; with other rivals, only that."""
    rivals, fresh_rivals = ([f"{r['side']} {r['label']}" for r in c["rivals"]] for c in (was, now))
    if rivals != fresh_rivals:
        return [f"rivals were {rivals}, are {fresh_rivals}"]
    if "outcome" in was:  # another machine: the sentence was not refuted, or `claim` had raised
        return []
    half = (was["high"] - was["low"]) / 2
    rows = [("", was["mean"], now["mean"], max(half, 0.01 * abs(was["mean"])))]
    for label, old, new in zip(rivals, was["rivals"], now["rivals"], strict=True):
        half = (old["high"] - old["low"]) / 2
        exact, scale = old["n"] == 1, max(abs(was["mean"]), abs(old["mean"]))
        reach = 0.01 * abs(old["mean"])
        rows.append((f"{label}, ", old["mean"], new["mean"], reach if exact else max(half, reach)))
        margins = old["difference"], new["difference"], max(half, 0.01 * scale)
        rows.append((f"{label}, difference ", *margins))
    return [
        f"{what}measured {new}, committed {old} ± {reach:.4g}"
        for what, old, new, reach in rows
        if not abs(new - old) <= reach
    ]


def listing(claims: list[Claim]) -> str:
    """Return the statements with their verdicts, numbers and lessons, as Markdown.

    Raises: EvidenceError (a claim is undecided: it is no evidence).
    """
    if open_ones := undecided(claims):
        raise EvidenceError(
            f"undecided where the notebooks were executed: {', '.join(open_ones)}; "
            "execute these lessons again while the machine does nothing else"
        )
    of = {key: [c for c in claims if c["statement"] == key] for key in STATEMENTS}
    measured = sum(1 for found in of.values() if found)
    parts = [f"{measured} of {len(STATEMENTS)} statements have been measured so far.", _table(of)]
    for letter, title in GROUPS.items():
        here = [_section(key, found) for key, found in of.items() if key[0] == letter and found]
        parts += [f"## {title}", *here] if here else []
    return "\n\n".join(parts)


def _table(of: dict[str, list[Claim]]) -> str:
    rows = ["| Id | Statement | Verdict |", "|---|---|---|"]
    for key, claims in of.items():
        name, verdict = key, f"not yet: {_lessons(PLANNED[key])}"
        if claims:
            name, verdict = f"[{key}](#{key.lower()})", _signed(_verdict(claims))
        rows.append(f"| {name} | {STATEMENTS[key]} | {verdict} |")
    return "\n".join(rows)


def _section(key: str, claims: list[Claim]) -> str:
    parts = [f"### {key}", f"*{STATEMENTS[key]}*", f"**{_signed(_verdict(claims))}**"]
    for lesson in dict.fromkeys(claim["lesson"] for claim in claims):
        here = [claim for claim in claims if claim["lesson"] == lesson]
        parts.append(f"[{here[0]['title']}](../notebooks/{lesson}):")
        lines = [f"- {VERDICTS[c['verdict']][0]} {c['sentence']}\\\n  {numbers(c)}" for c in here]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _verdict(claims: list[Claim]) -> str:
    return overall([claim["verdict"] for claim in claims])


def _signed(verdict: str) -> str:
    return f"{VERDICTS[verdict][0]}\N{NO-BREAK SPACE}{verdict}"


def _lessons(which: tuple[int, ...]) -> str:
    *first, last = map(str, which)
    return f"lessons {', '.join(first)} and {last}" if first else f"lesson {last}"


def _named_once(claims: list[Claim]) -> list[Claim]:
    names = [claim["name"] for claim in claims]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise EvidenceError(f"a claim's name must be its own in the whole course: {twice}")
    return claims


def text() -> str:
    """Return the generated part of the page."""
    return listing(collect(ROOT / "notebooks"))


def main() -> None:
    """Bring book/evidence.md up to date."""
    generated.refresh(ROOT / "book" / "evidence.md", NAME, text())


if __name__ == "__main__":
    main()
