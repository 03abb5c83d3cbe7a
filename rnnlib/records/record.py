"""Runs too long for a lesson: made once by the lesson's own code, stored, and checked on every use.

A lesson calls `recorded(name, run, full=..., small=...)`. The stored result of `run(**full)` is
loaded, and `run(**small)` is executed at once and held against the small result that was stored
with it. A record made by other code than the lesson's is refused.
"""

import datetime
import importlib.metadata
import importlib.resources
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnlib.measuring import machine
from rnnlib.records import storage
from rnnlib.records.agreement import differences, outline, unvisited
from rnnlib.records.staleness import changes, code_hash

FOLDER = Path(str(importlib.resources.files("rnnlib"))) / "data" / "recorded"


class RecordError(RuntimeError):
    """A record is missing, damaged, or does not agree with a fresh run of its small case."""


class StaleRecord(RecordError):
    """A record was made by other code or other settings than the lesson's."""


class Record(Mapping):
    """The result of a recorded run, as a mapping; lists of numbers are numpy arrays.

    `provenance` says where, when and with what it was made; `small` is the result of the small
    case that ran live (None when the record was only loaded).
    """

    def __init__(self, result: dict, provenance: dict, small: dict | None = None):
        self._result, self.provenance, self.small = result, provenance, small

    def __getitem__(self, key: str) -> Any:
        if key not in self._result:
            raise KeyError(f"the record has no {key!r}; it has {', '.join(self._result)}")
        return self._result[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._result)

    def __len__(self) -> int:
        return len(self._result)

    def __repr__(self) -> str:
        return f"Record({', '.join(self)}; {_summary(self.provenance)})"


def recorded(
    name: str, run: Callable, *, full: dict, small: dict, rtol: float = 0.02, live: bool = False
) -> Record:
    """Load the stored result of `run(**full)`, after checking it by running `run(**small)` here.

    `name` begins with its lesson's number ("01_bits"). `run` is defined in the lesson and returns
    (nested) dictionaries of numbers, strings, lists and arrays. With `live=True` the full case
    runs here and nothing is loaded. The environment variable RNNLIB_RECORD comes before `live`: 1
    (or this name) runs both cases and stores them, which is what `make record` does. "restamp"
    never runs the full case: where the stored small case agrees, the present code, or another small
    case, becomes the record's, and its provenance says so.

    The small case agrees when whole numbers and short texts are equal and other numbers within
    `rtol` (small ones: a twentieth of it, times the largest in their array); of long texts, of
    arrays over 1,000 entries and of keys ending in "weights", "seconds" or "samples" only the kind
    and the shape count, since other versions of JAX and other machines differ there.

    The small case must visit every case by name: every key of the full result, where numbers in a
    key are sizes, which may differ. A record is refused otherwise, after it has been stored.

    Raises: RecordError (missing, damaged, the small case differs or does not visit every case, its
    folder cannot be written, or the full result cannot be stored: it is pickled then), StaleRecord
    (made by other code or settings), ValueError (a name or a small result that cannot be stored).
    """
    if not (name[:2].isdigit() and name[2:3] == "_"):
        raise ValueError(f'a record is named by its lesson, such as "01_bits", got {name!r}')
    made_by = {"code": code_hash(run), "full": _plain(full), "small": _plain(small)}
    order = os.environ.get("RNNLIB_RECORD")
    if order in ("1", name):
        return _make(name, run, full, small, made_by)
    if live and order != "restamp":
        return _now(name, run, full, small)
    stored = _read(name)
    if order == "restamp":
        fresh = _restamp(name, run, small, made_by, stored, rtol)
    else:
        _check_fresh(name, stored["made_by"], made_by)
        fresh = _agreeing(name, run, small, stored, rtol)
    print(f"{name}: {_summary(stored['provenance'])}")
    print("A small case of the same code ran here just now, and agrees with the record's.")
    return Record(stored["result"], stored["provenance"], fresh)


def load(name: str) -> Record:
    """Load a record that an earlier lesson made and checks, such as a trained model's weights.

    Raises: RecordError (missing or damaged).
    """
    stored = _read(name)
    print(f"{name}: {_summary(stored['provenance'])}")
    return Record(stored["result"], stored["provenance"])


def _agreeing(name: str, run: Callable, small: dict, stored: dict, rtol: float) -> dict:
    fresh = run(**small)
    different = list(differences(outline(fresh), stored["small"], rtol))
    if different:
        raise RecordError(
            f"record {name}: its small case, run here, differs from the stored one by more than "
            f"{rtol:g}:\n  " + "\n  ".join(different) + f"\n{_remedy(name)}"
        )
    return fresh


def _restamp(
    name: str, run: Callable, small: dict, made_by: dict, stored: dict, rtol: float
) -> dict:
    """Let a record be of the present code, or have another small case; return the small result."""
    old = stored["made_by"]
    _check_fresh(name, old, old | {"full": made_by["full"]})
    changed = [part for part in made_by if made_by[part] != old[part]]
    if len(changed) > 1:
        raise StaleRecord(
            f"record {name}: the code and `small` have both changed: restamp it after each"
        )
    # Also before another small case is taken, or it would agree with whatever rnnlib does by now.
    fresh = _agreeing(name, run, old["small"] if "small" in changed else small, stored, rtol)
    if "small" in changed:
        fresh = run(**small)
        _check_cases(name, stored["result"], fresh, "Add them to `small`; nothing has been stored.")
        stored["small"] = outline(fresh)
    if changed:
        stamp = {"date": _today(), "commit": _commit()}
        stored["provenance"].setdefault("restamped", []).append(stamp)
        now = {"provenance": stored["provenance"], "made_by": made_by, "small": stored["small"]}
        storage.restamp(FOLDER / f"{name}.json", now)
    return fresh


def _now(name: str, run: Callable, full: dict, small: dict) -> Record:
    result, provenance = _timed(run, full)
    arrays: dict[str, np.ndarray] = {}
    stored = storage.encode(result, arrays)
    print(f"{name}: ran in full, here and now, in {provenance['seconds']:,} s")
    return Record(storage.decode(stored, arrays), provenance, run(**small))


def _make(name: str, run: Callable, full: dict, small: dict, made_by: dict) -> Record:
    path = FOLDER / f"{name}.json"
    try:
        storage.try_to_write(path)
    except OSError as error:
        raise RecordError(f"record {name}: {error}. Nothing has run") from error
    print(f"{name}: recording, first the small case, then the full one …", flush=True)
    fresh = run(**small)
    storage.encode(fresh)  # a result that cannot be stored is refused before the long run
    result, provenance = _timed(run, full)
    content = {"provenance": provenance, "made_by": made_by, "small": outline(fresh)}
    try:
        storage.save(path, content, result)
    except (ValueError, OSError) as error:
        kept = storage.keep(path, result)
        raise RecordError(f"record {name}: {error}. Its result is kept in {kept}") from error
    print(f"{name}: {_summary(provenance)}")
    _check_cases(name, result, fresh, "The record is stored: add them to `small`, then restamp it.")
    return Record(_read(name)["result"], provenance, fresh)


def _check_cases(name: str, full: Any, small: Any, remedy: str) -> None:
    missing = unvisited(full, small)
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise RecordError(
            f"record {name}: its small case does not visit {'; '.join(missing[:5])}{more}. {remedy}"
        )


def _timed(run: Callable, settings: dict) -> tuple[dict, dict]:
    start = time.perf_counter()
    result = run(**settings)
    return result, _provenance(settings, round(time.perf_counter() - start))


def _provenance(settings: dict, seconds: int) -> dict:
    return {
        "date": _today(),
        "device": machine.device(),
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in ("jax", "flax", "optax")},
        "commit": _commit(),
        "seconds": seconds,
        "settings": _plain(settings),
    }


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _commit() -> str:
    here = Path(__file__)
    git = ["git", "-C", str(here.parent)]
    describe = [*git, "describe", "--always", "--dirty=+", "--exclude=*"]
    captured: Any = {"capture_output": True, "text": True, "check": True}
    try:  # a repository around a folder that is not its own would name its own commit
        subprocess.run([*git, "ls-files", "--error-unmatch", here.name], **captured)
        return subprocess.run(describe, **captured).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _summary(provenance: dict) -> str:
    text = "recorded {date} on {device} in {seconds:,} s (jax {jax}, commit {commit})"
    latest = provenance.get("restamped", [])[-1:]
    stamps = ["; restamped {date} (commit {commit})".format_map(stamp) for stamp in latest]
    return text.format_map(provenance) + "".join(stamps)


def _plain(settings: dict) -> dict:
    """Return the settings as JSON gives them back, so that they can be compared with stored ones.

    Raises: ValueError (a setting is not a number, a string, or a list or dictionary of these).
    """
    try:
        return json.loads(json.dumps(settings))
    except TypeError as error:
        raise ValueError(f"settings must be numbers, strings or lists: {error}") from None


def _remedy(name: str) -> str:
    return f"Record it again with `make record LESSON={name[:2]}`, or pass live=True to run it now."


def _read(name: str) -> dict:
    path = FOLDER / f"{name}.json"
    if not path.exists():
        raise RecordError(f"there is no record {name}. {_remedy(name)}")
    try:
        return storage.read(path)
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise RecordError(f"record {name} is damaged: {error}. {_remedy(name)}") from error


def _check_fresh(name: str, stored: dict, now: dict) -> None:
    changed = changes(stored, now)
    if changed:
        raise StaleRecord(
            f"record {name} is stale; since it was made, there changed:\n  "
            + "\n  ".join(changed)
            + f"\n{_remedy(name)}"
        )
