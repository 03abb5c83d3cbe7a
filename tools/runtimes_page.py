"""Write book/runtimes.md's table from the committed notebooks, which know when each cell ran.

On a machine with a GPU, `make lessons FORCE=1` and `runtimes_page.py --gpu notebooks/*.ipynb` take
down that machine's minutes in book/runtimes_gpu.json; of its notebooks nothing else is to be kept.
"""

import argparse
import json
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import generated

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "book" / "runtimes.md"
GPU = ROOT / "book" / "runtimes_gpu.json"
NAME = "runtimes"


class Run(NamedTuple):
    """What an executed notebook knows of its own run."""

    name: str
    title: str
    minutes: float
    machine: str  # device and versions, as the first cell printed them; "" if it printed nothing
    line: str  # the one line to edit for a larger run; "" if there is none
    comment: str  # that line's own comment


def read(path: Path) -> Run:
    """Read one executed notebook.

    Raises: ValueError (no cell was executed, or it names a line to edit that it does not have).
    """
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell | {"source": "".join(cell["source"])} for cell in notebook["cells"]]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    titles = re.findall(r"^# (.+)", "\n".join(c["source"] for c in cells if c not in code), re.M)
    larger = notebook["metadata"].get("rnnlib", {}).get("larger", "")
    line, comment = line_to_edit(code, larger) if larger else ("", "")
    title = titles[0] if titles else path.stem
    return Run(path.stem, title, minutes(code, path.name), machine(code), line, comment)


def minutes(code: list[dict[str, Any]], name: str) -> float:
    """Minutes from the start of the first cell to the end of the last."""
    ran = [cell["metadata"].get("execution", {}) for cell in code]
    starts = [run["iopub.execute_input"] for run in ran if "iopub.execute_input" in run]
    ends = [run["shell.execute_reply"] for run in ran if "shell.execute_reply" in run]
    if not (starts and ends):
        raise ValueError(f"{name} does not know when its cells ran: build it with `make lessons`")
    first, last = map(datetime.fromisoformat, (min(starts), max(ends)))
    return (last - first).total_seconds() / 60


def machine(code: list[dict[str, Any]]) -> str:
    """Return the line that the first cell printed of its device and versions."""
    text = "".join(line for o in code[0]["outputs"] for line in o.get("text", []))
    said = [line for line in text.splitlines() if "; rnnlib " in line]
    return said[0].partition("; rnnlib ")[0] if said else ""


def line_to_edit(code: list[dict[str, Any]], name: str) -> tuple[str, str]:
    """Return the code and the comment of the one line `NAME = …  # what a larger run means`.

    Raises: ValueError (there is no such line, or more than one).
    """
    source = "\n".join(cell["source"] for cell in code)
    found = re.findall(rf"^({re.escape(name)} = .*?)\s+# (.+)$", source, re.MULTILINE)
    if len(found) != 1:
        raise ValueError(f"a larger run needs one line `{name} = …  # what it means`: {found}")
    return found[0]


def table(runs: Iterable[Run], gpu: dict[str, dict[str, Any]]) -> str:
    """Return the table, with a column for GPUs once there is one, and what it was measured on."""
    runs = sorted(runs)
    head = ["Lesson", "Minutes, CPU", "Minutes, GPU", "For a larger run, edit", "Which then means"]
    cells = [head, ["---"] * len(head), *(row(run, gpu.get(run.name)) for run in runs)]
    rows = [f"| {' | '.join(c if gpu else [*c[:2], *c[3:]])} |" for c in cells]
    total = f"All {len(runs)} lessons take {sum(run.minutes for run in runs):.0f} minutes on a CPU."
    on = {run.machine for run in runs if run.machine} | {run["machine"] for run in gpu.values()}
    measured_on = (
        ["Measured on:", "\n".join(f"- {machine}" for machine in sorted(on))] if on else []
    )
    return "\n\n".join(["\n".join(rows), total, *measured_on])


def row(run: Run, gpu: dict[str, Any] | None) -> list[str]:
    """Return the cells of one lesson's row."""
    number, link = int(run.name[:2]), f"[{run.title}](../notebooks/{run.name}.ipynb)"
    on_gpu = f"{gpu['minutes']:.1f}" if gpu else "not measured yet"
    line = f"`{run.line}`" if run.line else "nothing"
    cells = [f"{number}. {link}", f"{run.minutes:.1f}", on_gpu, line, run.comment]
    return [cell.replace("|", "&#124;") for cell in cells]


def measured() -> dict[str, dict[str, Any]]:
    """Read what was taken down of runs on a GPU: by lesson, the minutes and the machine."""
    return json.loads(GPU.read_text()) if GPU.exists() else {}


def take_down(paths: list[Path]) -> None:
    """Add the minutes of notebooks that were executed on a GPU.

    Raises: ValueError (the notebook says that it ran on a CPU, or does not say).
    """
    gpu = measured()
    for run in map(read, paths):
        if " × " not in run.machine:
            raise ValueError(f"{run.name} was not executed on a GPU: {run.machine or 'unknown'}")
        gpu[run.name] = {"minutes": round(run.minutes, 2), "machine": run.machine}
    GPU.write_text(json.dumps(gpu, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def text() -> str:
    """Return the generated part of the page."""
    return table(map(read, (ROOT / "notebooks").glob("*.ipynb")), measured())


def main() -> None:
    """Bring book/runtimes.md up to date."""
    generated.refresh(PAGE, NAME, text())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu", nargs="+", type=Path, default=[], metavar="FILE")
    if files := parser.parse_args().gpu:
        take_down(files)
    main()
