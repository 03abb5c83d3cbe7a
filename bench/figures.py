"""The figures of book/benchmarks.md, drawn from the results."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from rnnlib.notebook import plots

LINES = {"plain": ("#757575", "s"), "checkpointed": ("#ac460b", "v"), "fused": ("#5b51dc", "o")}
ALT = {
    "steps": "The time of each peer's training step divided by rnnlib's, one dot for each shape, "
    "LSTM and GRU apart; a dashed line marks equal time, and to its right rnnlib is faster.",
    "memory": "Peak memory of an LSTM's gradient against the sequence's length on logarithmic "
    "axes, for the plain, the checkpointed and the fused layer; the table gives their slopes.",
    "growth": "Time of a training step against T, B and H on logarithmic axes, for the plain and "
    "the fused layer; the table gives their slopes.",
}


def draw(found: dict[str, Any], folder: Path) -> None:
    """Write the figures of the parts that were measured, equal bytes for equal results."""
    drawings = {"training_step": _steps, "memory": _memory, "growth": _growth}
    folder.mkdir(parents=True, exist_ok=True)
    for part, drawing in drawings.items():
        if part in found:
            style: dict[Any, Any] = {**plots.STYLE, "svg.hashsalt": part}
            with plt.rc_context(style):
                name = part.removeprefix("training_") + "s" * (part == "training_step")
                figure = drawing(found[part])
                figure.savefig(folder / f"benchmarks-{name}.svg", metadata={"Date": None})
                plt.close(figure)


def _steps(part: dict[str, Any]) -> Figure:
    rivals = [name for name in part["cases"][0]["programs"] if name != "rnnlib"]
    figure, ax = plots.panels(height=1.2 + 0.42 * len(rivals))
    for case in part["cases"]:
        look, shift = plots.look(case["cell"]), 0.13 if case["cell"] == "LSTM" else -0.13
        ratios = [case["programs"][name]["ratio"][0] for name in rivals]
        rows = [row + shift for row in range(len(rivals))]
        label = case["cell"] if case["shape"] == part["cases"][0]["shape"] else None
        ax.plot(ratios, rows, look.marker, color=look.colour, label=label)
    ax.axvline(1, color=plots.INK, linewidth=1, linestyle=(0, (4, 3)))
    ax.set(yticks=range(len(rivals)), yticklabels=rivals, xlabel="time / rnnlib's time")
    ax.set(xlim=(0, None))
    ax.grid(axis="x")
    ax.invert_yaxis()
    ax.legend(loc="best")
    return figure


def _memory(part: dict[str, Any]) -> Figure:
    figure, ax = plots.panels()
    for name, found in part["programs"].items():
        colour, marker = LINES[name]
        mebibytes = [planned / 2**20 for planned in found["bytes"]]
        ax.plot(part["sizes"]["lengths"], mebibytes, marker=marker, color=colour, label=name)
    ax.set(xlabel="sequence length T", title="Peak memory of the gradient, MiB")
    _logarithmic(ax, part["sizes"]["lengths"])
    return figure


def _growth(part: dict[str, Any]) -> Figure:
    figure, axes = plots.panels(3, height=2.3)
    for size, ax in zip("TBH", axes, strict=True):
        curves = [curve for curve in part["curves"] if curve["size"] == size]
        for curve in curves:
            colour, marker = LINES[curve["layer"]]
            times = [1e3 * found["median"] for found in curve["times"]]
            ax.plot(curve["sizes"], times, marker=marker, color=colour, label=curve["layer"])
        ax.set(xlabel=size, title=f"ms per step against {size}")
        _logarithmic(ax, curves[0]["sizes"])
    return figure


def _logarithmic(ax: Any, sizes: list[int]) -> None:
    ax.set(xscale="log", yscale="log")
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
    ax.minorticks_off()
    plots.label_lines(ax)
