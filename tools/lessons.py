"""Build notebooks/*.ipynb from book/lessons/*.md, executing only the lessons that are stale.

A lesson is stale when its source, the Colab cell, a recorded run that it names or a module of
rnnlib that it imports has changed. Where only the repository's address has, the built notebook gets
the new one and nothing is executed. A lesson that fails leaves its old notebook as it was.
"""

import argparse
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from assemble import ROOT, Lesson, LessonError, assemble, find, place, stale

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TQDM_DISABLE": "1"}  # else XLA and tqdm fill a notebook

# What the reader's shell says by these changes what a lesson computes, draws or asserts.
OWN = "PYTHON", "IPYTHON", "JUPYTER", "MPL", "MATPLOTLIB", "JAX_", "RNNLIB_"
HARMLESS = "JAX_PLATFORM", "JAX_COMPILATION_CACHE", "JAX_PERSISTENT_CACHE"

# Seconds. On a busy machine a kernel takes long to start, and its outputs come after its answer.
UNHURRIED: dict[str, Any] = {"startup_timeout": 600, "iopub_timeout": 300}

LONGEST, BUDGET = 10, 20  # minutes on two cores that a record may take, and all of a lesson


def environment(root: Path, record: str) -> dict[str, str]:
    """Give the kernel this checkout's rnnlib, and a cache that saves compiling a lesson twice.

    `record` is what rnnlib.records is told to do: nothing, "1" (record) or "restamp".
    """
    cache = root / ".cache"
    kept = {k: v for k, v in os.environ.items() if k.startswith(HARMLESS) or not k.startswith(OWN)}
    told = {"RNNLIB_RECORD": record} if record else {}
    return {
        "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
        **kept,
        **QUIET,
        "PYTHONPATH": str(root),
        "IPYTHONDIR": str(cache / "ipython"),  # no profile of the reader's either
        "MPLCONFIGDIR": str(cache / "matplotlib"),
        **told,
    }


def show(line: str) -> None:
    """Print a lesson's progress; on a terminal it overwrites the line."""
    print(f"\r\x1b[K{line}" if sys.stdout.isatty() else line, end="", flush=True)


def execute(notebook: NotebookNode, lesson: Lesson, record: str) -> None:
    """Run all cells in place, in a kernel that is gone afterwards whatever happens."""
    for folder in (lesson.notebook.parent, lesson.root / ".cache" / "ipython"):  # IPython warns
        folder.mkdir(parents=True, exist_ok=True)
    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(lesson.notebook.parent)}},
        extra_arguments=["--log-level=50"],  # else it warns of unencrypted TCP, each time
        shutdown_kernel="immediate",
        **UNHURRIED,
        coalesce_streams=True,
        store_widget_state=False,
    )
    # This Python's own kernel, whatever is called python3 in the reader's Jupyter.
    client.create_kernel_manager().kernel_spec_manager = KernelSpecManager(kernel_dirs=[])
    at = 0
    try:
        # Not client.execute(): its own signal handlers turn Ctrl-C into a random error.
        with client.setup_kernel(env=environment(lesson.root, record)):
            for at, cell in enumerate(notebook.cells):
                if sys.stdout.isatty():
                    show(f"{lesson.name}: cell {at + 1} of {len(notebook.cells)} ")
                client.execute_cell(cell, at, execution_count=client.code_cells_executed + 1)
    except CellExecutionError as error:
        raise LessonError(explain(notebook, at, lesson, error)) from None
    except DeadKernelError:
        raise LessonError(f"cell {at + 1}: the kernel died (out of memory?)") from None
    except KeyboardInterrupt:
        raise SystemExit(f"\ninterrupted in cell {at + 1}; the old notebook stays") from None


def explain(notebook: NotebookNode, at: int, lesson: Lesson, error: CellExecutionError) -> str:
    """Say which cell failed, on which line of the source, and how."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error.traceback))
    inside = re.search(r"Cell In\[\d+\], line (\d+)", text)
    where = place(notebook, at, lesson, int(inside[1]) if inside else 1)
    return f"{where}\n{error.ename}: {error.evalue}"


def write(notebook: NotebookNode, path: Path) -> None:
    """Replace the notebook in one step: a reader sees the old one or the new one."""
    part = path.with_suffix(".part")
    nbformat.write(notebook, part)
    os.replace(part, path)


def build(lesson: Lesson, record: str = "") -> float:
    """Execute one lesson, write its notebook (unless recording), and return its seconds."""
    notebook, started = assemble(lesson), time.monotonic()
    execute(notebook, lesson, record)
    if not record:
        write(notebook, lesson.notebook)
    return time.monotonic() - started


def readdress(lesson: Lesson) -> None:
    """Write the repository's present address into a built notebook: no output depends on it."""
    built, now = nbformat.read(lesson.notebook, as_version=4), assemble(lesson)
    for old, new in zip(built.cells, now.cells, strict=True):
        old.source, old.id = new.source, new.id
    built.metadata["rnnlib"] = now.metadata["rnnlib"]
    write(built, lesson.notebook)


def build_stale(lessons: Sequence[Lesson], force: bool, record: str) -> int:
    """Build what is stale (or all of it), one line each; return how many failed."""
    failed, doing = 0, {"1": ["recording"], "restamp": ["restamping"]}
    for lesson in lessons:
        start = f"{lesson.name}: "
        try:
            reasons = doing.get(record) or stale(lesson) or (["forced"] if force else [])
            if not reasons:
                print(f"{start}fresh")
                continue
            if reasons == ["address"] and not force:
                readdress(lesson)
                print(f"{start}the new address, nothing executed")
                continue
            show(f"{start}{', '.join(reasons)} ... ")
            start = ""
            print(f"{build(lesson, record):.1f} s", flush=True)
        except LessonError as error:
            failed += 1
            print(f"{start}failed\n{error}\nThe old notebook stays.", flush=True)
    return failed


def recorded_minutes(lesson: Lesson) -> dict[str, float]:
    """Read how long the recording of each of a lesson's records took."""
    paths = sorted((lesson.root / "rnnlib/data/recorded").glob(f"{lesson.name[:2]}_*.json"))
    contents = {path.stem: json.loads(path.read_bytes()) for path in paths}
    return {name: found["provenance"]["seconds"] / 60 for name, found in contents.items()}


def bill(lesson: Lesson) -> Iterator[str]:
    """Say what a lesson's records took, line by line, and what they may take."""
    minutes = recorded_minutes(lesson)
    yield from (f"{name}: {taken:.1f} of {LONGEST} minutes" for name, taken in minutes.items())
    yield f"lesson {lesson.name[:2]}: {sum(minutes.values()):.1f} of {BUDGET} minutes"


def check(lessons: list[Lesson]) -> int:
    """Say which lessons are stale, or have a syntax error; return how many."""
    found = 0
    for lesson in lessons:
        try:
            reasons = stale(lesson)
        except LessonError as error:
            reasons = [str(error)]
        found += bool(reasons)
        if reasons:
            print(f"{lesson.name}: {', '.join(reasons)}")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: see --help."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lesson", nargs="*", help="how its name begins, such as 01 (default: all)")
    flags = {
        "--force": "execute fresh lessons too",
        "--check": "execute nothing; fail if a lesson is stale",
        "--record": "make the recorded runs, at full size, and no notebook",
        "--restamp": "after an edit that means the same, or of the small settings: if a record's "
        "small case agrees, write down that the present code made it (no notebook)",
    }
    for flag, meaning in flags.items():
        parser.add_argument(flag, action="store_true", help=meaning)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the kernel goes too
    lessons = find(ROOT, options.lesson)
    if options.check:
        return 1 if check(lessons) else 0
    record = "1" if options.record else "restamp" if options.restamp else ""
    failed = build_stale(lessons, options.force, record)
    for lesson in lessons if options.record else []:
        print(*bill(lesson), sep="\n")
    if not record:
        import evidence_page
        import runtimes_page

        evidence_page.main()
        runtimes_page.main()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
