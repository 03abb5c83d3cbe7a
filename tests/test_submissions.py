"""Submissions that mean no harm: what a notebook may hold, and what a slip costs."""

import json
from dataclasses import replace

import pytest

# ruff: noqa: F401, F811 (fixtures are imported, and then asked for by name)
from toy_homework import GOOD, graded, grading, reasons, toy, way

from grading.runner import SPENT
from grading.submission import Submission

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


def test_slow_code_before_between_and_after_the_answers_costs_none_of_them(toy, monkeypatch):
    limits = replace(grading.Limits(), statement=0.5, cells=2)
    monkeypatch.setattr(grading, "Limits", lambda: limits)
    slow = ["import time", *["time.sleep(60)"] * 5]
    record = graded(toy, [*slow, *GOOD[:2], *slow, *GOOD[2:], *slow])
    assert record["got"] == 6
    told = reasons(record)
    assert "it took too long" in told and "the time for all cells together was spent" in told


NO_ALARM_HEARD = "sum(range(10**12))"


def test_what_never_ends_after_the_answers_costs_none_of_them_and_what_was_late_is_not_run_again(
    toy, monkeypatch
):
    limits = replace(grading.Limits(), statement=0.5, cells=1)
    monkeypatch.setattr(grading, "Limits", lambda: limits)
    late = ["import time", *["while True: pass", "time.sleep(60)"] * 2]
    record = graded(toy, [*GOOD, *late, *[NO_ALARM_HEARD] * 9, *late])
    assert record["got"] == 6
    told = record["failed"]
    assert "code cell 6, line 1: it took too long" in told
    assert "code cell 10, line 1: it did not come to an end in time" in told
    assert told[-1] == "code cell 23, line 1: " + SPENT


def test_what_came_to_its_end_is_told_from_what_was_late():
    one = Submission([])
    for told in [{"at": 0}, {"at": 1}, {"at": 1, "late": "x"}, {"at": 3}, {"at": 4, "late": "y"}]:
        one._note(told)
    one._note({"failed": []})
    assert one.late == {1: "x", 4: "y"} and list(one.took) == [0, 3]


FOR_EVER = """import jax
endless = jax.jit(lambda x: jax.lax.fori_loop(0, 2**31 - 1, lambda i, x: x @ x * 0.5, x))
found = endless(jax.numpy.ones((8, 8)))
"""


def test_what_jax_computes_for_ever_in_the_background_costs_only_itself(toy):
    """The statement that asks for it is over at once; what comes next would wait for it."""
    in_jax = [*GOOD, "import jax.numpy as jnp\ndef twice(x):\n    return 2 * jnp.asarray(x)"]
    record = graded(toy, [FOR_EVER, *in_jax, "first = twice(1.0)"])
    assert record["got"] == 6
    assert reasons(record) == "code cell 1, line 3: it did not come to an end in time"


ON_A_GPU = """
import os
os.environ["XLA_FLAGS"] = "--xla_gpu_no_such_flag=true"
os.environ["JAX_PLATFORMS"] = "cuda"
os.environ["CUDA_VISIBLE_DEVICES"] = os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "0"
import jax
jax.config.update("jax_platforms", "cuda,cpu")
jax.config.update("jax_platform_name", "gpu")
gpu, tpu = jax.devices("gpu")[0], jax.local_devices(backend="tpu")[0]
jax.config.update("jax_default_device", gpu)
from tqdm.notebook import tqdm, trange
import jax.numpy as jnp
@jax.jit
def double(x):
    return 2 * x
def twice(x):
    for _ in tqdm(trange(3), desc="on a GPU", disable=False):
        x = jax.device_put(jnp.asarray(x), jax.devices("gpu")[0])
    with jax.default_device(tpu):
        return double(x)
half = jax.jit(lambda x: x / 2, backend="gpu")
"""


@pytest.mark.filterwarnings("ignore")
def test_what_ran_on_a_gpu_of_colabs_counts(toy):
    record = graded(toy, [GOOD[0], ON_A_GPU])
    assert record["got"] == 6 and not reasons(record)
