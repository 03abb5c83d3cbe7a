"""A figure with dials: a picture in the output, and all its settings in the metadata."""

import base64
import csv
import io
import json
from typing import Any

import IPython.display
import matplotlib as mpl
import numpy as np
import pytest

from rnnlib.notebook import plots
from rnnlib.notebook.explore import explore

mpl.use("Agg")
ROWS = [
    {"step": step, "loss": np.float32(step + bias), "bias": bias, "model": model}
    for bias in (0.0, 0.1, 0.2, 0.3)
    for model in ("LSTM", "GRU", "other")
    for step in range(3)
]
LINES: Any = {"mark": "line", "x": "step", "y": "loss", "color": "model"}


@pytest.fixture
def shown(monkeypatch):
    outputs = []
    monkeypatch.setattr(
        IPython.display, "display", lambda data, **more: outputs.append((data, more))
    )
    return outputs


def chart(shown, rows, **arguments):
    figure, _ = plots.panels()
    explore(figure, rows, **arguments)
    ((data, more),) = shown
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    return json.loads(json.dumps(more["metadata"]["vega-lite"]))


def test_a_slider_moves_through_all_rows(shown):
    spec = chart(shown, ROWS, dials={"bias": 0.1}, **LINES)
    (param,) = spec["params"]
    assert param["value"] == 0.1
    assert param["bind"] == {"input": "range", "name": "bias", "min": 0, "max": 0.3, "step": 0.1}
    assert spec["data"]["format"]["parse"] == {
        "bias": "number",
        "step": "number",
        "loss": "number",
    }  # and not "model": an empty text would become null
    read = list(csv.DictReader(io.StringIO(spec["data"]["values"])))
    assert len(read) == len(ROWS)
    assert read[-1] == {"bias": "0.3", "step": "2", "loss": "2.3", "model": "other"}
    assert "datum['bias'] - dial0" in spec["transform"][0]["filter"]


def test_axes_stay_while_the_dials_move(shown):
    encoding = chart(shown, ROWS, dials={"bias": 0.0}, **LINES)["encoding"]
    assert encoding["x"]["scale"]["domain"] == [0, 2]
    assert encoding["y"]["scale"]["domain"] == [0, 2.3]
    assert encoding["y"]["title"] == "loss"


def test_an_architecture_has_its_colour_and_others_have_one_each(shown):
    (layer,) = chart(shown, ROWS, dials={"bias": 0.0}, **LINES)["layer"]
    scale = layer["encoding"]["color"]["scale"]
    assert scale["domain"] == ["LSTM", "GRU", "other"]
    assert scale["range"][:2] == [plots.LOOKS["LSTM"].colour, plots.LOOKS["GRU"].colour]
    assert len(set(scale["range"])) == 3


@pytest.mark.parametrize(
    ("column", "at", "choices"),
    [("model", "GRU", ["LSTM", "GRU", "other"]), ("uneven", 10, [1, 3, 10]), ("two", 2, [1, 2])],
)
def test_anything_but_even_steps_is_a_choice(shown, column, at, choices):
    rows = [{"step": 1, column: choice} for choice in choices]
    (param,) = chart(shown, rows, dials={column: at}, mark="point", x="step")["params"]
    assert param["bind"] == {"input": "select", "name": column, "options": choices}


def test_what_the_lesson_says_of_a_channel_holds(shown):
    y = {"field": "loss", "title": "nats", "scale": {"type": "log", "domain": [1, 9]}}
    spec = chart(shown, ROWS, dials={"bias": 0.0}, **LINES | {"y": y})
    assert spec["encoding"]["y"]["scale"] == {"domain": [1, 9], "nice": False, "type": "log"}
    assert spec["encoding"]["y"]["title"] == "nats"


def test_cells_have_text_that_can_be_read(shown):
    spec = chart(
        shown,
        ROWS,
        dials={"bias": 0.0},
        **LINES | {"mark": "rect", "color": "loss", "text": "step"},
    )
    cells, text = spec["layer"]
    assert cells["mark"] == "rect"
    assert cells["encoding"]["color"]["type"] == "quantitative"
    assert "text" not in cells["encoding"]
    assert text["encoding"]["color"]["condition"]["test"] == "datum['loss'] > 0.6"


def test_a_page_of_text(shown):
    rows = [{"line": i, "words": f"{t}", "t": t} for t in (0.1, 0.5) for i in range(4)]
    y = {"field": "line", "type": "ordinal", "axis": None}
    spec = chart(shown, rows, dials={"t": 0.5}, mark="text", y=y, text="words")
    assert spec["layer"][0]["mark"]["font"] == "monospace"
    assert spec["encoding"]["y"]["scale"]["domain"] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("rows", "dials", "message"),
    [
        ([], {"bias": 0.0}, "needs rows"),
        (ROWS, {"gain": 1}, "every row needs 'gain'"),
        (ROWS, {"bias": 5.0}, "no row has the setting to begin with, {'bias': 5.0}"),
        (
            [*ROWS, ROWS[0] | {"loss": float("nan")}],
            {"bias": 0.0},
            "'loss' has a number that is not",
        ),
        (ROWS[:-9] + ROWS[-9:-6], {"bias": 0.0, "model": "LSTM"}, "12 settings, and 10 of them"),
    ],
)
def test_a_chart_with_holes_is_refused(rows, dials, message):
    figure, _ = plots.panels()
    with pytest.raises(ValueError, match=message):
        explore(figure, rows, dials=dials, **LINES)
