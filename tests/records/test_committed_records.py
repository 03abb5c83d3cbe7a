"""The committed records: what their small cases visit."""

import json
from pathlib import Path

import pytest

from rnnlib.records.agreement import unvisited
from rnnlib.records.record import FOLDER

RECORDS = sorted(FOLDER.glob("*.json"))

# Made before a small case had to visit every case by name. This list only shrinks.
UNVISITED = {
    "04_opening",
    "04_recall",
    "04_remedies",
    "04_tasks",
    "05_agreement",
    "05_context",
    "05_selectional",
    "07_parity",
    "07_s3",
    "07_s5",
    "08_excess",
    "12_dials",
    "12_learning",
    "12_map",
    "12_starts",
}


def content(path: Path) -> dict:
    return json.loads(path.read_bytes())


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_the_small_case_visits_every_case_by_name(path):
    missing = unvisited(content(path)["result"], content(path)["small"])
    if path.stem in UNVISITED:
        assert missing, "take it out of UNVISITED"
    else:
        assert not missing, "add them to `small`, then restamp"
