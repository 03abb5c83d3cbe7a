"""Submissions that mean no harm: what a notebook may hold, and what a slip costs."""

import json

import pytest

# ruff: noqa: F401, F811 (fixtures are imported, and then asked for by name)
from toy_homework import GOOD, graded, reasons, toy, way

pytestmark = pytest.mark.slow


def test_cells_without_metadata_or_out_of_order_are_graded(toy):
    bare = {"cells": [{"source": [line]} for line in GOOD]}
    assert graded(toy, json.dumps(bare))["got"] == 6
    late = ["table = [make(x) for x in range(3)]", "def make(x):\n    return x", *reversed(GOOD)]
    record = graded(toy, late)
    assert record["got"] == 6 and not reasons(record)


def test_a_renamed_function_is_told_from_a_missing_one(toy):
    record = graded(toy, [cell.replace("twice", "double") for cell in GOOD])
    assert record["got"] == 2
    assert "The notebook defines no `twice`. It defines double, half." in reasons(record)


def test_a_syntax_error_costs_its_own_cell_only(toy):
    record = graded(toy, [*GOOD, "def f(:"])
    assert record["got"] == 6 and "code cell 5, line 1: SyntaxError" in reasons(record)


def test_what_a_notebook_allows_is_allowed(toy):
    timed = "%%time\n" + GOOD[2]
    future = "from __future__ import annotations"
    record = graded(toy, [future, *GOOD[:2], timed, "def half(x: NoSuchName):\n    return x / 2"])
    assert record["got"] == 6 and not reasons(record)


def test_a_number_too_long_to_write_costs_its_own_question_only(toy):
    record = graded(toy, [*GOOD, "def half(x):\n    return 10**5000"])
    assert record["got"] == 4 and "ValueError: Exceeds the limit" in reasons(record)
