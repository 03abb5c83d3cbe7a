"""Write book/evidence.md's list of statements from the boxes in the executed notebooks.

The text above the list is written by hand; what stands between the two markers is not.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import generated
from rnnlib.claims.box import CLAIM, CONCLUSION, decisive, numbers
from rnnlib.claims.evidence import Claim, Conclusion, Estimate
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


class EvidenceError(ValueError):
    """The boxes do not have the form that is needed."""


@dataclass(frozen=True)
class Evidence:
    """All claims by name, all conclusions by statement and part, and where the claims stand."""

    claims: dict[str, Claim] = field(default_factory=dict)
    conclusions: dict[tuple[str, str], Conclusion] = field(default_factory=dict)
    lessons: dict[str, tuple[str, str]] = field(default_factory=dict)  # a claim's file and title

    def add(self, metadata: dict[str, Any], lesson: tuple[str, str] = ("", "")) -> None:
        """Add what an output's metadata, or a line of $RNNLIB_CLAIMS, holds.

        Raises: EvidenceError (a name, or a conclusion, that is there already; claims as another
        rnnlib wrote them).
        """
        if CLAIM in metadata:
            try:
                claim = Claim.from_json(metadata[CLAIM])
            except (KeyError, TypeError) as error:
                raise EvidenceError(f"{lesson[0]}: claims of another form; execute it") from error
            if claim.name in self.claims:
                raise EvidenceError(f"a claim's name must be its own in the course: {claim.name}")
            self.claims[claim.name], self.lessons[claim.name] = claim, lesson
        if CONCLUSION in metadata:
            conclusion = Conclusion(**metadata[CONCLUSION])
            key = conclusion.statement, conclusion.part
            if key in self.conclusions:
                raise EvidenceError(f"{' '.join(key).strip()} is concluded twice")
            self.conclusions[key] = conclusion

    def check(self) -> "Evidence":
        """Return this, if it can be shown.

        Raises: EvidenceError (a conclusion that rests on no claim, or an undecided claim).
        """
        for conclusion in self.conclusions.values():
            named = conclusion.rests_on
            if named and named not in self.claims:
                raise EvidenceError(f"{conclusion.statement} rests on {named!r}: no such claim")
        if open_ones := self.undecided():
            raise EvidenceError(
                f"undecided where the notebooks were executed: {', '.join(open_ones)}; "
                "execute these lessons again while the machine does nothing else"
            )
        return self

    def undecided(self) -> list[str]:
        """Return the names of the claims about time that a run has left undecided."""
        return [name for name, claim in self.claims.items() if claim.outcome == "undecided"]


def collect(folder: Path) -> Evidence:
    """Return what the outputs of a folder's notebooks hold, in order."""
    evidence = Evidence()
    for path in sorted(folder.glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        lines = "".join("".join(c["source"]) + "\n" for c in cells if c["cell_type"] == "markdown")
        titles = [line[2:].strip() for line in lines.splitlines() if line.startswith("# ")]
        for output in (output for cell in cells for output in cell.get("outputs", [])):
            evidence.add(output.get("metadata", {}), (path.name, (titles or [path.stem])[0]))
    return evidence


def fresh(folder: Path) -> Evidence:
    """Return what a run of the lessons left in $RNNLIB_CLAIMS."""
    evidence = Evidence()
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            evidence.add(json.loads(line))
    return evidence


def differences(committed: Evidence, measured: Evidence) -> list[str]:
    """Return one line for each way in which a fresh run's boxes are not the committed ones.

    The words must be the same, those of the rivals too, and the fresh values and gaps must lie in
    the committed intervals (which count as no narrower than 1 % of the value to either side: exact
    counts have no width). Of times only the words count, and an undecided claim is none of these
    ways: on another machine, or on a busy one, other numbers are found.
    """
    old, new = committed.claims, measured.claims
    lines = [f"{name}: committed, but not measured anew" for name in old if name not in new]
    lines += [f"{name}: measured anew, but not committed" for name in new if name not in old]
    for name in (name for name in old if name in new):
        for key in ("statement", "sentence", "unit", "kind", "of", "source"):
            was, now = getattr(old[name], key), getattr(new[name], key)
            if was != now:
                lines.append(f"{name}: {key} was {was!r}, is {now!r}")
        lines += [f"{name}: {line}" for line in _moved(old[name], new[name])]
    said, anew = committed.conclusions, measured.conclusions
    changed = [key for key in {**said, **anew} if said.get(key) != anew.get(key)]
    return lines + [f"{' '.join(k).strip()}: concluded otherwise than committed" for k in changed]


def _moved(was: Claim, now: Claim) -> list[str]:
    """Return what has moved out of a claim's intervals; with other rivals, only that."""
    if was.estimate is None or now.estimate is None:
        return []
    rivals, fresh_rivals = ([f"{r.side} {r.label}" for r in c.rivals] for c in (was, now))
    if rivals != fresh_rivals:
        return [f"rivals were {rivals}, are {fresh_rivals}"]
    if was.kind == "time":  # another machine: the sentence was not refuted, or `claim` had raised
        return []
    rows = [("", was.estimate, now.estimate.mean, abs(was.estimate.mean))]
    for label, old, new in zip(rivals, was.rivals, now.rivals, strict=True):
        half = (old.gap.high - old.gap.low) / 2 if old.n > 1 else 0.0
        level = Estimate(old.level, old.level - half, old.level + half)
        scale = max(abs(was.estimate.mean), abs(old.level))
        rows.append((f"{label}, ", level, new.level, abs(old.level)))
        rows.append((f"{label}, difference ", old.gap, new.gap.mean, scale))
    return [
        f"{what}measured {new:.6g}, committed {old.mean:.6g} ({old.low:.4g} to {old.high:.4g})"
        for what, old, new, scale in rows
        if not min(old.low, old.mean - scale / 100) <= new <= max(old.high, old.mean + scale / 100)
    ]


def listing(evidence: Evidence) -> str:
    """Return the statements with their verdicts, numbers and lessons, as Markdown.

    Raises: EvidenceError (as `Evidence.check`).
    """
    evidence.check()
    concluded = {statement for statement, _ in evidence.conclusions}
    parts = [f"{len(concluded)} of {len(STATEMENTS)} statements have a verdict so far."]
    parts.append(_table(evidence))
    for letter, title in GROUPS.items():
        keys = [key for key in STATEMENTS if key[0] == letter]
        here = [section for key in keys if (section := _section(key, evidence))]
        parts += [f"## {title}", *here] if here else []
    return "\n\n".join(parts)


def _table(evidence: Evidence) -> str:
    rows = ["| Statement | Verdict |", "|---|---|"]
    for key, statement in STATEMENTS.items():
        verdicts = _verdicts(key, evidence)
        claims = any(claim.statement == key for claim in evidence.claims.values())
        name = f"[{key}](#{key.lower()})" if verdicts or claims else key
        verdict = "<br>".join(verdicts) or f"not yet: {_lessons(PLANNED[key])}"
        rows.append(f"| {name} {statement} | {verdict} |")
    return "\n".join(rows)


def _section(key: str, evidence: Evidence) -> str:
    """Return a statement's verdicts and claims; nothing if there are none."""
    claims = [claim for claim in evidence.claims.values() if claim.statement == key]
    verdicts = _verdicts(key, evidence)
    if not claims and not verdicts:
        return ""
    parts = [f"### {key}", f"*{STATEMENTS[key]}*", *(verdicts or ["**no verdict yet**"])]
    lessons = dict.fromkeys(evidence.lessons[claim.name] for claim in claims)
    for lesson, title in lessons:
        here = [claim for claim in claims if evidence.lessons[claim.name] == (lesson, title)]
        parts.append(f"[{title}](../notebooks/{lesson}):")
        parts.append("\n".join(f"- {c.sentence}\\\n  {numbers(c)} *{_source(c)}*" for c in here))
    return "\n\n".join(parts)


def _verdicts(key: str, evidence: Evidence) -> list[str]:
    lines = []
    for (statement, part), conclusion in evidence.conclusions.items():
        if statement == key:
            about = f", {part}" if part else ""
            sign = VERDICTS[conclusion.verdict][0]
            line = f"**{sign}\N{NO-BREAK SPACE}{conclusion.verdict}{about}.** {conclusion.sentence}"
            claim = evidence.claims.get(conclusion.rests_on)
            lines.append(line + (f" ({decisive(claim)}.)" if claim else ""))
    return lines


def _source(claim: Claim) -> str:
    """Return where a claim's numbers are from, in words."""
    if claim.source.startswith("record "):
        return f"From the {claim.source}."
    return {"live": "Live.", "one machine": "On one machine."}[claim.source]


def _lessons(which: tuple[int, ...]) -> str:
    *first, last = map(str, which)
    return f"lessons {', '.join(first)} and {last}" if first else f"lesson {last}"


def text() -> str:
    """Return the generated part of the page."""
    return listing(collect(ROOT / "notebooks"))


def main() -> None:
    """Bring book/evidence.md up to date."""
    generated.refresh(ROOT / "book" / "evidence.md", NAME, text())


if __name__ == "__main__":
    main()
