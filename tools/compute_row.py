"""Compute a row of the scorecard: make row MODEL=path.py:Class.

`Class.init(key)` makes the model; lesson 16 says what a model must be able to do. The row is
written to rows/Class.json after each training, so that an interrupted one goes on where it was.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jsonschema
import numpy as np

import rnnlib
from rnnlib.claims.intervals import interval
from rnnlib.measuring import machine, timing
from rnnlib.scorecard.budget import Init, check_model, operations, parameters, read, state_bytes
from rnnlib.scorecard.row import Effort, Row
from rnnlib.scorecard.trainings import LONG, TRAININGS, cross_entropy
from rnnlib.training.tuning import Search, check_bracketed

SCHEMA = json.loads(Path(__file__).with_name("row.schema.json").read_text())
STEPS = (600,)


def load(model: str) -> tuple[Init, str]:
    """Find the `init` that path.py:Class names: -> (init, the sha256 of the file).

    Raises: ValueError (no file, no class of that name in it, or a class without `init`).
    """
    path, _, name = model.rpartition(":")
    file = Path(path)
    if not (path and name.isidentifier() and file.is_file()):
        raise ValueError(f"MODEL must be path.py:Class, with a file that is there, got {model!r}")
    spec: Any = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module  # so that a dataclass in it finds its module
    spec.loader.exec_module(module)
    found = getattr(module, name, None)
    if found is None:
        raise ValueError(f"{path} has no {name}")
    if not callable(getattr(found, "init", None)):
        raise ValueError(f"{name} has no init(key), which makes the model")
    return found.init, hashlib.sha256(file.read_bytes()).hexdigest()


def seconds(model: Any) -> dict[str, list[float]]:
    """Time a step of training on characters, and a token that is written, ten times each."""
    batch = jax.jit(lambda key: TRAININGS["characters"].draw(key, jnp.int32(0), 0))(
        jax.random.key(1)
    )
    gradient = jax.jit(jax.grad(lambda model: cross_entropy(read(model, batch.inputs), batch)))

    def write(model: Any, first: jax.Array) -> Any:
        step = lambda state, _: (model.step(state, first[0])[0], None)  # noqa: E731
        return jax.lax.scan(step, model.prefill(first)[0], length=LONG[1])[0]

    programs = {
        "a training step": partial(gradient, model),
        "a token": partial(jax.jit(write), model, jnp.zeros(8, jnp.int32)),
    }
    times = timing.compare(programs, repeats=10)
    each = {"a training step": 1, "a token": LONG[1]}
    return {name: (times[name].seconds / each[name]).tolist() for name in programs}


def begin(model: str, digest: str, init: Init, effort: Effort) -> dict[str, Any]:
    """Check a model, and return its row without cells."""
    check_model(init)
    made = jax.jit(init)(jax.random.key(0))
    return {
        "format": 1,
        "model": model,
        "made_by": made_by(digest, effort),
        "device": machine.device(),
        "budget": budgets(made),
        "seconds": seconds(made),
        "cells": {},
    }


def budgets(model: Any) -> dict[str, float]:
    """Return what a model costs, but for seconds."""
    return {
        "parameters": parameters(model),
        "operations a token": operations(model),
        "bytes after 64 tokens": state_bytes(model),
    }


def made_by(digest: str, effort: Effort) -> dict[str, Any]:
    """Return what a row depends on, as JSON gives it back."""
    settings = {"sha256": digest, "rnnlib": rnnlib.__version__, "effort": vars(effort)}
    return json.loads(json.dumps(settings))


def save(row: dict[str, Any], path: Path) -> None:
    """Write a row that fits the schema, whole or not at all.

    Raises: jsonschema.ValidationError (it does not fit), ValueError (a number that is not finite:
    a network diverged), OSError.
    """
    jsonschema.validate(row, SCHEMA)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(row, indent=1, allow_nan=False) + "\n")
    os.replace(part, path)


def resume(path: Path, digest: str, effort: Effort) -> dict[str, Any] | None:
    """Return the row that is there, if the same model made it with the same effort."""
    try:
        row = json.loads(path.read_text())
        jsonschema.validate(row, SCHEMA)
    except (OSError, ValueError, jsonschema.ValidationError):
        return None
    return row if row["made_by"] == made_by(digest, effort) else None


def compute(model: str, folder: Path, effort: Effort, trainings: list[str]) -> dict[str, Any]:
    """Compute a row, or what is missing of it, and tell of each cell as it comes.

    Raises: ValueError (a model that may not enter, or a rate that was not bracketed).
    """
    init, digest = load(model)
    path = folder / f"{model.rpartition(':')[2]}.json"
    row = resume(path, digest, effort) or begin(model, digest, init, effort)
    save(row, path)
    there = {case.rpartition(", ")[0] for case in row["cells"]}
    missing = [name for name in trainings if name not in there]
    start = time.perf_counter()
    for number, (name, steps, outcome) in enumerate(Row(init, effort).cells(missing, STEPS), 1):
        search = Search(**outcome.pop("search"))
        cell = {"search": as_json(search), "networks": outcome}
        row["cells"][f"{name}, {steps} steps"] = cell
        save(row, path)
        minutes = (time.perf_counter() - start) / 60
        print(
            f"{number} of {len(missing)}, {minutes:.1f} minutes: {in_words(search, outcome)}",
            flush=True,
        )
    searches = {case: Search(**from_json(cell["search"])) for case, cell in row["cells"].items()}
    check_bracketed(searches)
    print(f"The row is in {path}")
    return row


def in_words(search: Search, outcome: dict[str, list[float]]) -> str:
    """Return a cell as a line: what each network got, the mean and its interval, the rate."""
    parts = []
    for column, values in outcome.items():
        mean, low, high = interval(values)
        each = " ".join(f"{value:.3g}" for value in values)
        parts.append(f"{column} {mean:.3g} [{low:.3g}, {high:.3g}] ({each})")
    return f"{'; '.join(parts)}; rate {search.row()}"


def as_json(search: Search) -> dict[str, Any]:
    """Return a search as JSON takes it, which knows no infinity."""
    finite = lambda x: float(x) if np.isfinite(x) else None  # noqa: E731
    scores = [[finite(score) for score in of_rate] for of_rate in search.scores]
    return {
        "rates": list(map(float, search.rates)),
        "scores": scores,
        "solved": finite(search.solved),
    }


def from_json(fields: dict[str, Any]) -> dict[str, Any]:
    """Read what `as_json` wrote."""
    scores = [[np.inf if score is None else score for score in row] for row in fields["scores"]]
    solved = -np.inf if fields["solved"] is None else fields["solved"]
    return {"rates": np.array(fields["rates"]), "scores": np.array(scores), "solved": solved}


def main(arguments: list[str]) -> None:
    """Compute the row that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="path.py:Class")
    parser.add_argument("--folder", type=Path, default=Path("rows"))
    parser.add_argument("--training", nargs="*", choices=list(TRAININGS), default=list(TRAININGS))
    wanted = parser.parse_args(arguments)
    try:
        compute(wanted.model, wanted.folder, Effort(), wanted.training)
    except ValueError as error:
        sys.exit(f"refused: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
