"""Grade the one submission that Gradescope hands over, and write what it wants to read.

The container is thrown away after each submission; inside it, the submission runs as a user without
rights who can read neither the checks nor the results.
"""

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from grading.grade import find, grade
from grading.handed_in import Handed, handed_in
from grading.learning_systems import COPY, later, stem
from grading.roster import ROSTER, roster
from grading.sandbox import probe
from grading.tables import write


def results(record: dict[str, Any]) -> dict[str, Any]:
    """Say a record in Gradescope's words; the points by hand are given in a question of its own."""
    tests = [
        {
            "name": f"{result['number']}. {result['title']}: {check['what']}",
            "score": check["got"],
            "max_score": check["points"],
            "output": check["message"] or "Right.",
        }
        for result in record["results"]
        for check in result["checks"]
    ]
    output = "\n".join([record.get("reason", ""), *record.get("failed", [])]).strip()
    found = {"score": record["got"], "output": output or "Every cell ran.", "tests": tests}
    # A submission could let its errors tell what it was asked, and answer it the next time.
    return {**found, "visibility": "after_due_date", "stdout_visibility": "hidden"}


def newest(found: list[Handed]) -> Handed:
    """Choose the last of one notebook's copies. Raises: ValueError (they have other names)."""
    names = {COPY.sub("", stem(one.path.name)).casefold() for one in found}
    if len(names) > 1:
        raise ValueError(f"hand in one notebook, not {len(found)}")
    one = max(found, key=lambda one: later(one.path.name))
    note = f"{len(found)} notebooks; graded: {one.path.name}." if len(found) > 1 else one.note
    return replace(one, note=note)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: see --help."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("homework")
    parser.add_argument("folder", type=Path, help="/autograder/submission")
    parser.add_argument("results", type=Path, help="/autograder/results/results.json")
    parser.add_argument("--isolation", default="user")
    parser.add_argument("--metadata", type=Path, default="/autograder/submission_metadata.json")
    parser.add_argument("--roster", type=Path, help=ROSTER)
    asked = parser.parse_args(arguments)
    # What is wrong here is not the student's fault: Gradescope says so.
    probe(asked.isolation)
    variants, secret = roster(asked.roster), os.environ.get("SECRET", "")
    user = json.loads(asked.metadata.read_text())["users"][0]  # of a group, the first
    try:
        one = newest(handed_in(asked.folder))
        one = replace(one, who=user["name"], identifier=user["email"], mark="")
        record = grade(one, find(asked.homework), variants, secret, asked.isolation)
        found = results(record)
    except ValueError as error:
        found = {"score": 0, "output": f"{error}"}
    write(asked.results, json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
