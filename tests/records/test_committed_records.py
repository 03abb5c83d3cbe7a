"""The committed records: what their small cases visit, and how long they took."""

import json
from pathlib import Path

import pytest

from assemble import ROOT, find
from lessons import BUDGET, LONGEST, recorded_minutes
from rnnlib.records.agreement import unvisited
from rnnlib.records.record import FOLDER

RECORDS = sorted(FOLDER.glob("*.json"))

# Made before a small case had to visit every case by name. This list only shrinks.
UNVISITED = {
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

# Made before there was a budget. These lists only shrink too.
TOO_LONG = {"01_cells", "01_shakespeare", "02_sonnets", "04_recall", "04_tasks", "07_s5"}
OVER_BUDGET = {
    "01_from_tokens_to_text",
    "02_words_poems_answers",
    "04_the_recall_cliff",
    "07_one_token_at_a_time",
}
# Every model on every limitation, so that it may take twice as long (46.9 minutes).
OVER_BUDGET.add("16_the_scorecard")


def content(path: Path) -> dict:
    return json.loads(path.read_bytes())


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_the_small_case_visits_every_case_by_name(path):
    missing = unvisited(content(path)["result"], content(path)["small"])
    if path.stem in UNVISITED:
        assert missing, "take it out of UNVISITED"
    else:
        assert not missing, "add them to `small`, then restamp"


@pytest.mark.parametrize("lesson", find(ROOT, []), ids=lambda lesson: lesson.name)
def test_recording_keeps_within_its_budget(lesson):
    minutes = recorded_minutes(lesson)
    listed = {name for name in TOO_LONG if name[:2] == lesson.name[:2]}
    assert {name for name, taken in minutes.items() if taken > LONGEST} == listed
    assert (sum(minutes.values()) > BUDGET) == (lesson.name in OVER_BUDGET)
