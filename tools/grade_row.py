"""Grade a final project: make grade-row FOLDER=handed-in/doejane.

Two cells are trained anew, on seeds that nobody was told. What was handed in runs in a sandbox:
no network, nobody else's files. It could still forge what it reports from there, which whoever
reads model.py will see.
"""

import argparse
import contextlib
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jsonschema
import numpy as np

import compute_row as rows
from grading.sandbox import COURSE, Limits, NoSandbox, bubblewrap
from rnnlib.claims.intervals import difference
from rnnlib.records.record import load as load_record
from rnnlib.scorecard import budget
from rnnlib.scorecard.row import COLUMNS, Effort, Row
from rnnlib.training.tuning import Search, check_bracketed

MODELS = ("Mine", "Before")
ALIKE = 0.02  # means that are so near are alike, whatever the interval says
NETWORKS, MINUTES = 3, 20
RECORDS = ("16_plain", "16_lstm", "16_linear", "16_delta", "16_attention", "16_hybrid")
EFFORT = Effort()
Points = dict[str, tuple[int, str]]  # question -> (points, why)


def measure(
    folder: Path, trainings: list[str], seed: int, effort: dict[str, Any]
) -> dict[str, Any]:
    """Check both models, and train networks of `Mine` on seeds of our own; run in the sandbox."""
    report: dict[str, Any] = {"faults": {}, "budgets": {}, "cells": {}}
    for name in MODELS:
        try:
            init, report[f"sha256 {name}"] = rows.load(f"{folder / 'model.py'}:{name}")
            budget.check_model(init)
            report["budgets"][name] = rows.budgets(jax.jit(init)(jax.random.key(0)))
        except Exception as error:  # whatever a stranger's code raises
            report["faults"][name] = f"{type(error).__name__}: {error}"
    if "Mine" in report["faults"]:
        return report
    stored = json.loads((folder / "rows" / "Mine.json").read_text())["cells"]
    trainer = Row(
        rows.load(f"{folder / 'model.py'}:Mine")[0], Effort(**{**effort, "networks": NETWORKS})
    )
    for name in trainings:
        case = next(case for case in stored if case.rpartition(", ")[0] == name)
        steps = int(case.rpartition(", ")[2].split()[0])
        rate = Search(**rows.from_json(stored[case]["search"])).rate
        key, test_key = jax.random.split(jax.random.key(seed))
        keys = jax.random.split(key, NETWORKS)
        models = trainer.train(name, keys, np.full(NETWORKS, rate), steps)
        report["cells"][name] = trainer.ask(name, models, test_key)
    return report


def in_sandbox(folder: Path, trainings: list[str], seed: int, effort: Effort) -> dict[str, Any]:
    """Run `measure` where it can do no harm: -> its report.

    Raises: NoSandbox (bubblewrap is missing), ValueError (it wrote no report).
    """
    words = bubblewrap(Limits(disk=512 * 2**20))
    here, ours = words.index("--remount-ro"), "/home/course/tools"
    binds = ["--ro-bind", str(folder.resolve()), "/home/handed-in"]
    for file in ("compute_row.py", "row.schema.json", "grade_row.py", "grading/sandbox.py"):
        binds += ["--ro-bind", str(COURSE / "tools" / file), f"{ours}/{file}"]
    binds += ["--unsetenv", "JAX_DISABLE_MOST_OPTIMIZATIONS"]
    program = [
        f"{ours}/grade_row.py",
        "/home/handed-in",
        "--inside",
        json.dumps([trainings, seed, vars(effort)]),
    ]
    command = [*words[:here], *binds, *words[here:-2], *program]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60 * MINUTES)
    except FileNotFoundError as error:
        raise NoSandbox("bubblewrap is missing: sudo apt-get install bubblewrap") from error
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"it ran for {MINUTES} minutes and was stopped") from error
    line = done.stdout.strip().rpartition("\n")[2]
    if not line.startswith("{"):
        raise ValueError(f"it ended without a report: {done.stderr.strip()[-300:]}")
    return json.loads(line)


def grade(folder: Path, secret: str, effort: Effort = EFFORT) -> Points:
    """Grade one project's machine share: -> its points, and why.

    Raises: NoSandbox.
    """
    try:
        stored = {name: read_row(folder / "rows" / f"{name}.json") for name in MODELS}
    except (OSError, ValueError, jsonschema.ValidationError) as error:
        return {"rows": (0, f"rows/Mine.json and rows/Before.json are needed: {error}")}
    chance = random.Random(f"{secret} {folder.name}")
    trained = [case.rpartition(", ")[0] for case in stored["Mine"]["cells"]]
    chosen, seed = chance.sample(trained, min(2, len(trained))), chance.randrange(1, 2**31)
    try:
        report = in_sandbox(folder, chosen, seed, effort)
    except ValueError as error:
        return {"enters": (0, f"model.py could not be run: {error}")}
    return {
        "enters": _enters(report),
        "budgets": _budgets(report, stored, effort),
        "bracketed": _bracketed(stored),
        **{f"cell {name}": _alike(report, stored["Mine"], name) for name in chosen},
        **_claims(folder, stored),
    }


def read_row(path: Path) -> dict[str, Any]:
    """Read a row. Raises: OSError, ValueError (no JSON), jsonschema.ValidationError."""
    row = json.loads(path.read_text())
    jsonschema.validate(row, rows.SCHEMA)
    return row


def _enters(report: dict[str, Any]) -> tuple[int, str]:
    faults = [f"{name}: {fault}" for name, fault in report["faults"].items()]
    return (0, "; ".join(faults)) if faults else (2, "both models may enter")


def _budgets(
    report: dict[str, Any], stored: dict[str, Any], effort: Effort = EFFORT
) -> tuple[int, str]:
    for name in MODELS:
        spent = stored[name]["made_by"]["effort"]
        if spent != json.loads(json.dumps(vars(effort))):
            return 0, f"rows/{name}.json took another effort than all rows may: {spent}"
        if stored[name]["made_by"]["sha256"] != report.get(f"sha256 {name}"):
            return 0, f"rows/{name}.json was made by another model.py than the one handed in"
        told, counted = stored[name]["budget"], report["budgets"].get(name, {})
        if any(abs(told[kind] - counted.get(kind, 0)) > 0.01 * told[kind] for kind in told):
            return 0, f"rows/{name}.json has another budget than the model: {counted}"
    return 2, "the budgets are those of the models"


def _bracketed(stored: dict[str, Any]) -> tuple[int, str]:
    searches = {
        f"{name}, {case}": Search(**rows.from_json(cell["search"]))
        for name in MODELS
        for case, cell in stored[name]["cells"].items()
    }
    try:
        check_bracketed(searches)
    except ValueError as error:
        return 0, str(error)
    return 2, "every rate is bracketed"


def _alike(report: dict[str, Any], row: dict[str, Any], training: str) -> tuple[int, str]:
    """Compare a row with what hidden seeds gave, under each column of a training."""
    for column, hidden in report["cells"].get(training, {}).items():
        told = networks(row, column)
        gap, low, high = difference(told, hidden)
        scale = max(1.0, abs(float(np.mean(hidden))))
        if not low <= 0 <= high and abs(gap) > ALIKE * scale:
            return 0, f"{column}: {told.tolist()} in the row, {hidden} with hidden seeds"
    if training not in report["cells"]:
        return 0, "not trained anew, since the model may not enter"
    return 2, "comes out alike with hidden seeds"


def _claims(folder: Path, stored: dict[str, Any]) -> Points:
    try:
        claims = json.loads((folder / "claims.json").read_text())
        assert isinstance(claims, list) and len(claims) == 2, "two claims are needed"
    except (OSError, ValueError, AssertionError) as error:
        return {"claims": (0, f"claims.json: {error}")}
    return {f"claim {n}": _claim(claim, stored) for n, claim in enumerate(claims, 1)}


def _claim(claim: dict[str, str], stored: dict[str, Any]) -> tuple[int, str]:
    """Weigh a claim by the networks of both rows: carried if the whole interval is on its side."""
    try:
        column, name, side = claim["column"], claim["rival"], claim["side"]
        ours = networks(stored["Mine"], column)
        rival = networks(stored["Before"], column) if name == "Before" else of_record(name, column)
    except (KeyError, TypeError, IndexError, StopIteration) as error:
        return 0, f"it needs a column, a rival and a side that there are: {error!r}"
    _, low, high = difference(ours, rival)
    text = f"{column}: {ours.mean():.3g}, {name} {rival.mean():.3g}, gap [{low:.3g}, {high:.3g}]"
    carried = {"above": low > 0, "below": high < 0}.get(side, False)
    return (2, f"carried: {text}") if carried else (0, f"not carried: {text}")


def networks(row: dict[str, Any], column: str) -> np.ndarray:
    """Return a row's networks under a column, after the most steps."""
    marks = (cell["networks"] for cell in row["cells"].values())
    return np.array([mark[column] for mark in marks if column in mark][-1])


def of_record(name: str, column: str) -> np.ndarray:
    """Return the networks of one of the scorecard's own rows. Raises: StopIteration (none)."""
    training = COLUMNS[column].training
    steps = 1200 if "pretrained" in training else 600
    case = f"{name}, {training}, {steps} steps"
    with contextlib.redirect_stdout(io.StringIO()):  # each record says where it was made
        records = [load_record(record) for record in RECORDS]
    return np.array(next(record[case][column] for record in records if case in record))


def main(arguments: list[str]) -> None:
    """Grade the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    wanted = parser.parse_args(arguments)
    if wanted.inside:
        print(json.dumps(measure(wanted.folder, *json.loads(wanted.inside))))
        return
    try:
        points = grade(wanted.folder, os.environ.get("SECRET", ""))
    except NoSandbox as error:
        sys.exit(str(error))
    for question, (earned, why) in points.items():
        print(f"{earned}  {question}: {why}")
    print(f"{sum(earned for earned, _ in points.values())} of 14; a person gives the other 6")


if __name__ == "__main__":
    main(sys.argv[1:])
