"""A homework's source, which holds its solutions: with them, and as students get it."""

from pathlib import Path
from typing import Any

BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"


def read(source: Path) -> Any:
    """Return a homework's source as a notebook, its solutions in."""
    import jupytext  # not where Gradescope grades: the source is not there

    return jupytext.reads(source.read_text(), fmt="md:myst")


def without_solutions(notebook: Any) -> Any:
    """Take the solutions out of a notebook. Raises: ValueError (a mark without its partner)."""
    kept = [c for c in notebook.cells if "solution" not in c.metadata.get("tags", [])]
    for cell in kept:
        if cell.cell_type == "code":
            cell.source = without_solution(cell.source)
    notebook.cells = kept
    return notebook


def without_solution(source: str) -> str:
    """Replace each marked solution by `...`. Raises: ValueError (a mark without its partner)."""
    lines, inside = [], False
    for line in source.splitlines():
        mark = line.strip()
        if mark in (BEGIN, END):
            if inside == (mark == BEGIN):
                raise ValueError(f"{mark!r} without its partner in:\n{source}")
            inside = mark == BEGIN
            if inside:
                lines.append(line.replace(BEGIN, "..."))
        elif not inside:
            lines.append(line)
    if inside:
        raise ValueError(f"{BEGIN!r} without its partner in:\n{source}")
    return "\n".join(lines)


def code(notebook: Any) -> list[str]:
    """Return the sources of a notebook's code cells."""
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]
