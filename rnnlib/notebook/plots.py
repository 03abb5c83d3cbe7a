"""One look for every figure: a colour and a marker per architecture, every seed to be seen.

The figures are opaque cards of a warm white; the site turns them over in the dark, where lightness
is inverted and hues stay. The colours have at least 3:1 against the card and both pages, also
turned over, and stay apart under the three kinds of colour blindness (tests/notebook/test_plots.py
simulates them). At a phone's width of
360 px the smallest text is about 9 px high.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.rcsetup import cycler
from numpy.typing import ArrayLike

from rnnlib.training.tuning import Search


class Look(NamedTuple):
    """How one architecture is drawn, in every figure of the course."""

    colour: str
    marker: str
    line: str = "-"


LOOKS = {
    "n-gram": Look("#757575", "s"),
    "RNN": Look("#ac460b", "v"),
    "GRU": Look("#fc5a0d", "^"),
    "LSTM": Look("#5b51dc", "o"),
    "LSTM + attention": Look("#5b51dc", "*", "--"),
    "minGRU": Look("#9e78ff", "P"),
    "Transformer": Look("#3ea35d", "D"),
    "BERT": Look("#bf78ba", "X"),
    "oracle": Look("#1f2328", "h", ":"),
}
GLYPHS = dict(zip("sv^o*PDXh", "■▼▲●★✚◆✖⬢", strict=True))  # the markers, as text
CARD, INK, FAINT = "#fbfaf7", "#1f2328", "#d9d5cb"
WIDTH = 5.2  # inches; wider figures have text too small for a phone
STYLE: dict[str, Any] = {
    "figure.figsize": (WIDTH, 3.4),
    "figure.dpi": 144,
    "figure.facecolor": CARD,
    "figure.constrained_layout.use": True,
    "savefig.facecolor": CARD,
    "savefig.pad_inches": 0.14,
    "axes.facecolor": CARD,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=[look.colour for look in LOOKS.values()]),
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same everywhere
    "font.size": 10.5,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
}


def use_style() -> None:
    """Set matplotlib to the course's style; a lesson calls it once, in its first cell."""
    plt.rcParams.update(STYLE)  # pyright: ignore[reportCallIssue, reportArgumentType]


def panels(count: int = 1, *, height: float = 3.4, sharex: bool = False) -> tuple[Figure, Any]:
    """Return a figure and its axis, or its `count` axes one above the other.

    Side by side, panels cannot be read on a phone; so they are stacked. `height` is that of each
    panel, in inches.
    """
    if count < 1:
        raise ValueError(f"a figure needs at least one panel, got {count}")
    return plt.subplots(count, figsize=(WIDTH, height * count), sharex=sharex)


def look(architecture: str) -> Look:
    """Return the colour, marker and line of an architecture.

    Raises: ValueError (an architecture that has no look yet; add it to LOOKS).
    """
    if architecture not in LOOKS:
        known = ", ".join(LOOKS)
        raise ValueError(f"no look for architecture {architecture!r}; there are {known}")
    return LOOKS[architecture]


def seeds(
    ax: Axes, x: ArrayLike, values: ArrayLike, label: str | None = None, architecture: str = "LSTM"
) -> Line2D:
    """Draws each seed as a thin line and their median, with markers, over them.

    `x` has shape [X], `values` [S, X] (or [X]: one seed). `label` is the architecture's name unless
    given; `label_lines` writes it at the line's end. Returns the median's line.

    Raises: ValueError (shapes that do not fit, values that are not finite, unknown architecture).
    """
    x, values = np.asarray(x), np.atleast_2d(np.asarray(values, dtype=float))
    colour, marker, line = look(architecture)
    if values.ndim != 2 or x.shape != values.shape[1:]:
        raise ValueError(f"values must be [seeds, {x.size}] for x {x.shape}, got {values.shape}")
    _check_finite(values)
    if len(values) > 1:
        ax.plot(x, values.T, color=colour, linewidth=0.7, alpha=0.45, linestyle=line)
    (median,) = ax.plot(x, np.median(values, axis=0), color=colour, linestyle=line)
    median.set(marker=marker, markevery=max(1, x.size // 8), label=label or architecture)
    return median


def dots(ax: Axes, position: float, values: ArrayLike, architecture: str = "LSTM") -> None:
    """Draws one dot a seed at a position of the x axis, and a bar at their median.

    `values` has shape [S]. The dots are spread sideways in their order, so that none hides another.

    Raises: ValueError (no values, values that are not finite, unknown architecture).
    """
    values = np.atleast_1d(np.asarray(values, dtype=float))
    colour, marker, _ = look(architecture)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"values must be [seeds], got shape {values.shape}")
    _check_finite(values)
    spread = np.linspace(-0.15, 0.15, values.size) if values.size > 1 else np.zeros(1)
    ax.plot(position + spread, values, linestyle="", marker=marker, color=colour, alpha=0.75)
    ax.hlines(np.median(values), position - 0.28, position + 0.28, color=colour, linewidth=2.2)


def sweeps(ax: Axes, searches: Mapping[str, Search], architecture: str | None = None) -> None:
    """Draw the outcome against the learning rate, a line for each search, with a ring at its best.

    The keys are the lines' labels: budgets of one `architecture` ("300 steps"), or models, whose
    architectures are what stands before a comma. Each seed is a dot, a line their mean; it is
    broken where a seed diverged. A ring is dashed where the best rate lies at the edge of its grid.

    Raises: ValueError (unknown architecture).
    """
    drawn: list[str] = []
    for label, search in searches.items():
        kind = architecture or label.split(",")[0]
        colour, marker, _ = look(kind)
        style = ("-", "--", "-.", ":")[drawn.count(kind) % 4]
        drawn.append(kind)
        scores = np.where(np.isfinite(search.scores), search.scores, np.nan)  # [R, S]
        means = scores.mean(axis=1)
        if scores.shape[1] > 1:
            ax.plot(search.rates, scores, ".", color=colour, alpha=0.6)
        ax.plot(search.rates, means, style, marker=marker, color=colour, label=label)
        at = list(search.rates).index(search.rate)
        ring = "-" if search.bracketed else "--"
        ax.scatter(search.rate, means[at], 150, "none", edgecolors=colour, linestyle=ring)
    ax.set(xscale="log", xlabel="learning rate")
    tried = np.unique([f"{rate:.3g}" for search in searches.values() for rate in search.rates])
    shown = sorted(tried, key=float)[:: -(-len(tried) // 6)]
    ax.set_xticks([float(rate) for rate in shown], shown)
    ax.minorticks_off()


def level(ax: Axes, y: float, label: str, *, side: str = "left") -> None:
    """Draws a bound (chance, an entropy, another model) as a dashed line with its name on it."""
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'left' or 'right', got {side!r}")
    ax.axhline(y, color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=1.5)
    text = ax.annotate(
        label,
        (side == "right", y),
        xycoords=ax.get_yaxis_transform(),
        xytext=(0, 3),
        textcoords="offset points",
    )
    text.set(fontsize=9.5, ha=side, va="bottom", zorder=4)
    text.set_bbox({"facecolor": CARD, "edgecolor": "none", "alpha": 0.7, "pad": 0})


def label_lines(ax: Axes, *, gap: float = 1.25) -> None:
    """Write each line's label at its right end instead of a legend, moved apart by `gap` lines.

    Call it last, after the axis has its scale and limits.
    """
    lines = [line for line in ax.get_lines() if not str(line.get_label()).startswith("_")]
    lines = [line for line in lines if len(np.atleast_1d(line.get_xdata()))]
    if not lines:
        raise ValueError("no labelled line to write a label to")
    ends = [np.column_stack(line.get_data())[-1] for line in lines]
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    height = gap * plt.rcParams["font.size"] * figure.dpi / 72
    wanted = [ax.transData.transform(end)[1] for end in ends]
    places = _spread(wanted, height, *ax.bbox.intervaly)
    right = max(end[0] for end in ends)
    for line, end, at, place in zip(lines, ends, wanted, places, strict=True):
        colour = line.get_color()
        ax.hlines(end[1], end[0], right, colour, ":", linewidth=0.9)  # where a line ends early
        ax.annotate(
            f"{GLYPHS.get(str(line.get_marker()), '')} {line.get_label()}".lstrip(),
            (right, end[1]),
            xytext=(14, (place - at) * 72 / figure.dpi),
            textcoords="offset points",
            va="center",
            color=ink(colour),
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "relpos": (0, 0.5)},
        )


def ink(colour: Any) -> tuple[float, float, float]:
    """Return a colour, darkened until text in it has 4.5:1 against the card."""
    rgb = np.array(to_rgb(colour))
    while contrast(rgb, CARD) < 4.5:
        rgb = rgb * 0.97
    return tuple(rgb)


def contrast(one: Any, other: Any) -> float:
    """Return the contrast ratio of two colours, 1 (equal) to 21 (black on white).

    (L1 + 0.05) / (L2 + 0.05), where L is the relative luminance.
    Reference: Web Content Accessibility Guidelines 2.2, W3C 2023.
    """
    rgb = np.array([to_rgb(one), to_rgb(other)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    dark, light = sorted(linear @ [0.2126, 0.7152, 0.0722])
    return (light + 0.05) / (dark + 0.05)


def _spread(places: Sequence[float], gap: float, low: float, high: float) -> np.ndarray:
    """Return places in [low, high], moved as little as needed to be `gap` apart, in their order.

    The isotonic regression of place − rank · gap: neighbours that are too close become one block,
    centred on its mean.
    """
    order = np.argsort(places, kind="stable")
    blocks: list[list[float]] = []
    for rank, i in enumerate(order):
        blocks.append([places[i] - rank * gap])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    moved = np.concatenate([np.full(len(b), np.mean(b)) for b in blocks])
    moved = np.clip(moved, low, max(low, high - gap * (len(places) - 1)))
    result = np.empty(len(places))
    result[order] = moved + gap * np.arange(len(places))
    return result


def _check_finite(values: np.ndarray) -> None:
    if not np.isfinite(values).all():
        raise ValueError(f"values must be finite, got {np.sum(~np.isfinite(values))} that are not")
