"""A figure that has dials on the site: the reader moves through results that the lesson computed.

The notebook holds the figure as it was drawn, and in the output's metadata a Vega-Lite chart
(vega.github.io/vega-lite, version 6) of all settings; book/_static/explore.js puts the chart in the
figure's place. GitHub, Colab and print show the figure, so draw one that says it without dials.
"""

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from rnnlib.notebook import plots

SHADES = (plots.CARD, "#0b5f66")  # the lowest number, and the highest
SPARE = ("LSTM", "Transformer", "GRU", "BERT", "n-gram")  # whose colours others than models get


def explore(
    figure: Figure,
    rows: Sequence[Mapping[str, Any]],
    *,
    dials: Mapping[str, Any],
    mark: str | Mapping[str, Any],
    height: Any = 260,
    **encoding: str | Mapping[str, Any],
) -> None:
    """Show a figure for which the site has a chart with dials.

    `rows` are dictionaries with equal keys, `dials` the columns that the reader moves, each with
    the value it begins at: three or more numbers in even steps make a slider, anything else a
    choice. `mark` and `encoding` are Vega-Lite's ("line", x="step", y="loss", color="model"): a
    column's name, or a dictionary with "field" where more is to be said. A mark "rect" with a
    `text` is a table of shaded cells; where its color is a number over 0.6, the text turns light,
    which is right for numbers between 0 and 1 only. A mark "text" is a page of lines (y is their
    number). Axes stay as they are while the dials move. `height` is in pixels, or {"step": pixels
    a row}.

    Raises: ValueError (no rows, a column that is missing, a number that is not finite, a setting
    of the dials that has no rows).
    """
    from IPython.display import display

    channels = {k: {"field": v} if isinstance(v, str) else dict(v) for k, v in encoding.items()}
    names = [*dials, *(channel["field"] for channel in channels.values())]
    columns = {name: _column(rows, name) for name in names}
    _check_settings(columns, dials)
    full = {name: _channel(name, channel, columns) for name, channel in channels.items()}
    chart = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": _as_csv(columns),
        "params": [
            {"name": f"dial{i}", "value": _plain(at), "bind": _input(dial, columns[dial])}
            for i, (dial, at) in enumerate(dials.items())
        ],
        "transform": [{"filter": _chosen(i, dial, dials[dial])} for i, dial in enumerate(dials)],
        "width": "container",
        "height": height,
        "encoding": {name: full.pop(name) for name in ("x", "y") if name in full},
        "layer": _layers(mark, full),
    }
    text = f"<a figure; on the site it has dials: {', '.join(dials)}>"
    still = {"image/png": _png(figure, ", ".join(dials)), "text/plain": text}
    display(still, raw=True, metadata={"vega-lite": chart})


def _as_csv(columns: dict[str, list]) -> dict:
    """Return the data as one text: as a list of rows it would fill a notebook's file with lines."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([list(columns), *zip(*columns.values(), strict=True)])
    numbers = {name: "number" for name, values in columns.items() if _numbers(values)}
    return {"values": text.getvalue(), "format": {"type": "csv", "parse": numbers}}


def _numbers(values: list) -> bool:
    return all(isinstance(value, int | float) for value in values)


def _png(figure: Figure, title: str) -> str:
    """Return the picture, as text; its title tells it from an equal one with other dials."""
    png = io.BytesIO()
    figure.savefig(png, format="png", bbox_inches="tight", metadata={"Title": title})
    plt.close(figure)  # else the notebook shows it once more
    return base64.b64encode(png.getvalue()).decode()


def _layers(mark: str | Mapping[str, Any], channels: dict) -> list[dict[str, Any]]:
    """Return the mark, and the text that stands in shaded cells."""
    if mark == "text":
        mark = {"type": "text", "align": "left", "font": "monospace", "x": 0}
    if mark != "rect" or "text" not in channels:
        return [{"mark": mark, "encoding": channels}]
    text = {"text": channels.pop("text"), "color": {"value": plots.INK}}
    if "color" in channels:
        dark = f"datum[{channels['color']['field']!r}] > 0.6"
        text["color"] |= {"condition": {"test": dark, "value": plots.CARD}}
    return [{"mark": mark, "encoding": channels}, {"mark": "text", "encoding": text}]


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> list:
    """Return one column's values, numbers with five digits: more cannot be seen."""
    if not rows or any(name not in row for row in rows):
        raise ValueError(f"every row needs {name!r}" if rows else "a chart needs rows")
    values = [_plain(row[name]) for row in rows]
    if any(isinstance(value, float) and not np.isfinite(value) for value in values):
        raise ValueError(f"{name!r} has a number that is not finite")
    return values


def _check_settings(columns: dict[str, list], dials: Mapping[str, Any]) -> None:
    settings = set(zip(*(columns[dial] for dial in dials), strict=True))
    if tuple(map(_plain, dials.values())) not in settings:
        raise ValueError(f"no row has the setting to begin with, {dict(dials)}")
    every = np.prod([len(set(columns[dial])) for dial in dials])
    if len(settings) < every:
        raise ValueError(f"the dials have {every} settings, and {len(settings)} of them have rows")


def _channel(name: str, channel: dict, columns: dict[str, list]) -> dict:
    """Complete a channel: its type, the whole range of its numbers, an architecture's colour."""
    values = columns[channel["field"]]
    if name == "text":
        return channel
    kinds = list(dict.fromkeys(values))
    kind = channel.get("type", "quantitative" if _numbers(values) else "ordinal")
    scale: dict[str, Any] = {"domain": kinds}
    if kind == "quantitative":
        logarithmic = channel.get("scale", {}).get("type") == "log"
        scale = {"domain": [min(values), max(values)], "nice": not logarithmic}
    if name == "color":
        spare = cycle([plots.LOOKS[name].colour for name in SPARE if name not in kinds])
        colours = [plots.LOOKS[k].colour if k in plots.LOOKS else next(spare) for k in kinds]
        scale["range"] = SHADES if kind == "quantitative" else colours
        more: dict[str, Any] = {"title": None, "legend": {"orient": "bottom"}}
    else:
        more = {"title": channel["field"], "axis": {"labelAngle": 0}}
    return {"type": kind} | more | channel | {"scale": scale | channel.get("scale", {})}


def _input(dial: str, values: list) -> dict:
    """Return what sets a dial: a slider for three or more numbers in even steps, else a choice."""
    choices = list(dict.fromkeys(values))
    if len(choices) > 2 and _numbers(choices):
        steps = np.diff(choices)
        if (steps > 0).all() and np.allclose(steps, steps[0]):
            step = _plain(float(steps[0]))
            return {
                "input": "range",
                "name": dial,
                "min": choices[0],
                "max": choices[-1],
                "step": step,
            }
    return {"input": "select", "name": dial, "options": choices}


def _chosen(number: int, dial: str, at: Any) -> str:
    """Return the test for a row of the setting; a slider's numbers are sums of steps."""
    column = f"datum[{dial!r}]"
    if isinstance(_plain(at), str):
        return f"{column} === dial{number}"
    return f"abs({column} - dial{number}) < 1e-6 * (1 + abs({column}))"


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic | np.ndarray) else value
    if isinstance(value, bool):
        return str(value)
    return float(f"{value:.5g}") if isinstance(value, float) else value
