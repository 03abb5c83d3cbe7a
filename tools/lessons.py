"""Build notebooks/*.ipynb from book/lessons/*.md, executing only the lessons that are stale.

A lesson is stale when its source, the Colab cell, a recorded run that it names or a module of
rnnlib that it imports has changed. A lesson that fails leaves its old notebook as it was.
"""

import argparse
import os
import re
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from string import Template

import jupytext
import nbformat
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from fingerprint import changed, digest, fingerprint

ROOT = Path(__file__).resolve().parent.parent
BOOTSTRAP = Path(__file__).with_name("bootstrap.ipy")


class LessonError(Exception):
    """A lesson did not run to its end; the message says where and why."""


@dataclass(frozen=True)
class Lesson:
    """One lesson of a course: its written source and its built notebook."""

    root: Path
    name: str

    @property
    def source(self) -> Path:
        """The MyST Markdown that people edit."""
        return self.root / "book" / "lessons" / f"{self.name}.md"

    @property
    def notebook(self) -> Path:
        """The executed notebook that people open."""
        return self.root / "notebooks" / f"{self.name}.ipynb"


def find(root: Path, wanted: list[str]) -> list[Lesson]:
    """Find the lessons whose names begin with a wanted word (`01`); all, if none is given."""
    names = sorted(path.stem for path in (root / "book" / "lessons").glob("[0-9]*.md"))
    for word in wanted:
        if not any(name.startswith(word) for name in names):
            raise SystemExit(f"no lesson begins with {word!r}; there are: {', '.join(names)}")
    return [Lesson(root, n) for n in names if not wanted or n.startswith(tuple(wanted))]


def bootstrap(root: Path) -> str:
    """Write the first code cell, which prepares Colab, for the repository named in _config.yml."""
    repository = yaml.safe_load((root / "_config.yml").read_text())["repository"]
    return Template(BOOTSTRAP.read_text().strip()).substitute(repository)


def assemble(lesson: Lesson) -> NotebookNode:
    """Turn a lesson's source into an unexecuted notebook, fingerprint included."""
    source, first = lesson.source.read_text(), bootstrap(lesson.root)
    notebook = jupytext.reads(source, fmt="md:myst")
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "pygments_lexer": "ipython3"},
        "rnnlib": {"fingerprint": fingerprint(source, first, code, lesson.root)},
    }
    # Before the first code cell, not at the top: a notebook opens with its title.
    at = next((i for i, c in enumerate(notebook.cells) if c.cell_type == "code"), 0)
    cell = nbformat.v4.new_code_cell(first, metadata={"tags": ["remove-cell"]})
    notebook.cells.insert(at, cell)
    fold_solutions(notebook)
    number_cells(notebook)
    return notebook


def fold_solutions(notebook: NotebookNode) -> None:
    """Fold the cells tagged `solution` on the site, in JupyterLab and on Colab."""
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "solution" in tags:
            cell.metadata["tags"] = sorted({*tags, "hide-cell"})
            if cell.cell_type == "code":
                cell.metadata["jupyter"] = {"source_hidden": True}
                cell.metadata["cellView"] = "form"


def number_cells(notebook: NotebookNode) -> None:
    """Derive each cell's id from what it says, so that a rebuild changes no other cell's id."""
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        key = digest(cell.cell_type + cell.source)[:8]
        cell.id = f"{key}-{seen[key]}" if seen[key] else key
        seen[key] += 1


def stale(lesson: Lesson) -> list[str]:
    """Name what has changed since the notebook was built; empty when it is fresh."""
    if not lesson.notebook.exists():
        return ["not built yet"]
    built = nbformat.read(lesson.notebook, as_version=4).metadata.get("rnnlib", {})
    return changed(built.get("fingerprint", {}), assemble(lesson).metadata["rnnlib"]["fingerprint"])


def environment(root: Path, record: bool) -> dict[str, str]:
    """Give the kernel this checkout's rnnlib, and a cache that saves compiling a lesson twice."""
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    cache = {"JAX_COMPILATION_CACHE_DIR": str(root / ".cache" / "jax")}
    return {**cache, **os.environ, "PYTHONPATH": path, **({"RNNLIB_RECORD": "1"} if record else {})}


def show(line: str) -> None:
    """Print a lesson's progress; on a terminal it overwrites the line."""
    print(f"\r\x1b[K{line}" if sys.stdout.isatty() else line, end="", flush=True)


def execute(notebook: NotebookNode, lesson: Lesson, record: bool) -> None:
    """Run all cells in place, in a kernel that is gone afterwards whatever happens."""
    lesson.notebook.parent.mkdir(exist_ok=True)
    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(lesson.notebook.parent)}},
        extra_arguments=["--log-level=50"],  # else it warns of unencrypted TCP, each time
        shutdown_kernel="immediate",
        coalesce_streams=True,
        store_widget_state=False,
    )
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
    position, source = 0, lesson.source.read_text()
    for cell in notebook.cells[: at + 1]:  # equal cells are told apart by walking through all
        position = max(source.find(cell.source, position), position)
    line = source[:position].count("\n") + (int(inside[1]) if inside else 1)
    where = f"cell {at + 1} ({lesson.source.relative_to(lesson.root)}:{line})"
    quoted = source.splitlines()[line - 1].strip()
    return f"{where} failed\n    {quoted}\n{error.ename}: {error.evalue}"


def write(notebook: NotebookNode, path: Path) -> None:
    """Replace the notebook in one step: a reader sees the old one or the new one."""
    part = path.with_suffix(".part")
    nbformat.write(notebook, part)
    os.replace(part, path)


def build(lesson: Lesson, record: bool = False) -> float:
    """Execute one lesson, write its notebook (unless recording), and return its seconds."""
    notebook, started = assemble(lesson), time.monotonic()
    execute(notebook, lesson, record)
    if not record:
        write(notebook, lesson.notebook)
    return time.monotonic() - started


def build_stale(lessons: list[Lesson], force: bool, record: bool) -> int:
    """Build what is stale (or all of it), one line each; return how many failed."""
    failed = 0
    for lesson in lessons:
        reasons = ["recording"] if record else stale(lesson) or (["forced"] if force else [])
        if not reasons:
            print(f"{lesson.name}: fresh")
            continue
        show(f"{lesson.name}: {', '.join(reasons)} ... ")
        try:
            print(f"{build(lesson, record):.1f} s", flush=True)
        except LessonError as error:
            failed += 1
            print(f"failed\n{error}\nThe old notebook stays.", flush=True)
    return failed


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: see --help."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lesson", nargs="*", help="how its name begins, such as 01 (default: all)")
    flags = {
        "--force": "execute fresh lessons too",
        "--check": "execute nothing; fail if a lesson is stale",
        "--record": "make the recorded runs, at full size, and no notebook",
    }
    for flag, meaning in flags.items():
        parser.add_argument(flag, action="store_true", help=meaning)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the kernel goes too
    lessons = find(ROOT, options.lesson)
    if options.check:
        outdated = {lesson.name: reasons for lesson in lessons if (reasons := stale(lesson))}
        for name, reasons in outdated.items():
            print(f"{name}: {', '.join(reasons)}")
        return 1 if outdated else 0
    failed = build_stale(lessons, options.force, options.record)
    if not options.record and (ROOT / "tools" / "evidence_page.py").exists():
        import evidence_page

        evidence_page.main()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
