"""Grade a folder of submissions: `make grade HOMEWORK=hw2 FOLDER=handed-in`.

Each submission runs in a sandbox of its own; what is finished is kept, so that an interrupted run
goes on where it stopped.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import current_process, get_context
from pathlib import Path
from typing import Any

from tqdm import tqdm

from grading import reports
from grading.handed_in import UNPACKED, Handed, beside, survey
from grading.ipynb import LARGEST, Unreadable, code_cells
from grading.judge import Question, judge, load, seed_of
from grading.roster import ROSTER, SECRET, absent, roster, variant_of
from grading.sandbox import COURSE, Limits, NoSandbox, probe
from grading.submission import Failed, Submission
from grading.tables import write

HOMEWORK = COURSE / "book" / "homework"
COMPILER = {  # of the checks that train something themselves, for one submission after the other
    "JAX_COMPILATION_CACHE_DIR": str(COURSE / ".cache" / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def find(wanted: str) -> Path:
    """Find a homework's folder by how its name begins. Raises: ValueError."""
    folders = sorted({path.parent for path in HOMEWORK.glob("*/checks*")})
    found = [folder for folder in folders if folder.name.startswith(wanted)]
    if len(found) != 1:
        names = ", ".join(folder.name for folder in folders)
        raise ValueError(f"which homework is {wanted!r}? There are: {names}")
    return found[0]


def grade(
    one: Handed, folder: Path, variants: dict[str, int], secret: str, isolation: str
) -> dict[str, Any]:
    """Grade one submission, whatever it is; never raises on its account."""
    questions, started = load(folder), time.monotonic()
    record = nothing(one, folder, questions)
    if one.fault:
        return nothing(one, folder, questions, f"{one.path.name} cannot be graded: {one.fault}.")
    try:
        cells = code_cells(one.path)
    except Unreadable as error:
        return nothing(one, folder, questions, f"The file cannot be graded: {error}.")
    submission = Submission(cells, Limits(), isolation, _core())
    try:
        variant = variant_of(one, variants)
        judged = _judged(submission, questions, variant, seed_of(secret + one.name))
        absent = "Not on the roster." if variants and variant is None else ""
        reason = " ".join(filter(None, [one.note, judged["reason"], absent]))
        record |= judged | {"reason": reason}
    finally:
        submission.close()
    return {**record, "cells": cells, "seconds": round(time.monotonic() - started, 1)}


def nothing(
    one: Handed, folder: Path, questions: list[Question], reason: str = ""
) -> dict[str, Any]:
    """Return the record of somebody who has no points so far."""
    return {
        "name": one.name,
        "who": one.who,
        "identifier": one.identifier,
        "system": one.system,
        "homework": folder.name,
        "of": sum(question.points for question in questions),
        "by_hand": sum(question.by_hand for question in questions),
        "got": 0,
        "results": [],
        "reason": f"{one.note} {reason}".strip(),
    }


def _judged(
    submission: Submission, questions: list[Question], variant: int | None, seed: int
) -> dict[str, Any]:
    """Judge a submission with the variant on the roster, else the one that it names."""
    reason = ""
    try:
        named = submission.get("VARIANT")
    except Failed as error:
        named, reason = None, f"VARIANT: {error}."
    if type(named) is not int or not 0 <= named < 10**6:
        named, reason = None, reason or "VARIANT is not a number from 0 to 999,999."
    if variant is not None and named != variant:
        reason = f"VARIANT should be {variant}, got {named}; graded as {variant}."
    used = variant if variant is not None else named or 0
    results = judge(questions, submission, used, seed)
    return {
        "variant": used,
        "reason": reason,
        "failed": submission.failed,
        "got": sum(result.got for result in results),
        "results": [result.as_dict() for result in results],
    }


def _core() -> int | None:
    """Give each worker a core of its own, so that two submissions do not slow each other."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    identity = current_process()._identity
    return cores[(identity[-1] - 1) % len(cores)] if cores and identity else None


def key(one: Handed, folder: Path, settings: list[str]) -> str:
    """Return what changes when a submission, the homework or the grader has changed."""
    files = [*sorted(folder.rglob("*.py")), *sorted(Path(__file__).parent.glob("*.py"))]
    state = one.path.lstat()
    small = one.path.is_file() and state.st_size <= LARGEST  # nothing else is ever read
    content = one.path.read_bytes() if small else str((state.st_size, state.st_mtime_ns)).encode()
    settings = [*settings, one.note, one.fault]
    parts = [content, *(f.read_bytes() for f in files), *map(str.encode, settings)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def grade_all(
    found: list[Handed], folder: Path, out: Path, settings: tuple, workers: int
) -> Iterator[dict[str, Any]]:
    """Grade what has not been graded, in parallel; give every record, finished ones first."""
    todo: dict[Path, tuple[Handed, str]] = {}
    for one in found:
        variants, secret, isolation = settings
        mine = [str(variant_of(one, variants)), secret, isolation]  # a new line is no new variant
        place, now = out / "results" / f"{one.name}.json", key(one, folder, mine)
        old = json.loads(place.read_text()) if place.exists() else {}
        if old.get("key") == now:
            yield old
        else:
            todo[place] = one, now
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = {pool.submit(grade, one, folder, *settings): (place, now)
                for place, (one, now) in todo.items()}  # fmt: skip
        try:
            for job in as_completed(jobs):
                place, now = jobs[job]
                try:
                    record = {**job.result(), "key": now}
                    write(place, json.dumps(record))
                except Exception as error:  # the grader's own: not kept, so tried again next time
                    said = f"The grader failed ({type(error).__name__}): run it again, or look."
                    record = nothing(todo[place][0], folder, load(folder), said)
                yield record
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: see --help."""
    parser = argparse.ArgumentParser("make grade", description=__doc__)
    parser.add_argument("homework", help="how its name begins, such as hw2")
    parser.add_argument("folder", type=Path, help="what was handed in: a folder, or a zip")
    parser.add_argument("--out", type=Path, help="default: the folder's name with -graded")
    parser.add_argument("--roster", type=Path, help=ROSTER)
    parser.add_argument("--secret", default=os.environ.get("SECRET", ""), help=SECRET)
    parser.add_argument("--isolation", default="bubblewrap", help="bubblewrap, docker or user")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args(arguments)
    out = asked.out or beside(asked.folder)
    try:
        folder, variants = find(asked.homework), roster(asked.roster)
        found, strangers = survey(asked.folder, variants, out / UNPACKED)
        probe(asked.isolation)
        os.environ.update(COMPILER)  # the workers inherit it
        settings = (variants, asked.secret, asked.isolation)
        graded = grade_all(found, folder, out, settings, asked.workers)
        # disable=False: make has switched off all progress bars, those of training steps.
        records = list(tqdm(graded, total=len(found), unit=" submissions", disable=False))
        print(reports.write_all(sorted(records, key=lambda r: r["name"]), folder, out))
        remark(absent(asked.roster, found) if asked.roster else [], strangers, asked.secret)
    except (ValueError, NoSandbox, OSError) as error:
        print(_printable(f"{error}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted. What is graded is kept: run the same command again.", file=sys.stderr)
        return 130
    return 0


def remark(away: list[str], strangers: list[str], secret: str) -> None:
    """Say what a teacher may have overlooked."""
    if away:
        print(f"on the roster, but nothing handed in: {', '.join(away)}")
    if strangers:
        print(_printable(f"nobody's, and no notebooks: {', '.join(strangers)}"))
    if not secret:
        print("no SECRET: the hidden numbers follow from names that anybody may know")


def _printable(text: str) -> str:
    """Write bytes in a file's name that are no text as code."""
    return text.encode(errors="backslashreplace").decode()


if __name__ == "__main__":
    sys.exit(main())
