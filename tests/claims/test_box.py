"""The box around a claim reads without styles, and keeps the numbers."""

import html.parser
import re
from typing import Any

import nbclient
import nbformat
import numpy as np
import pytest

from assemble import ROOT
from rnnlib.claims.box import KEY, _as_html, numbers
from rnnlib.claims.claim import judge

LOSSES = np.array([1.93, 1.94, 1.925, 1.931, 1.928])
GOOD: Any = {"statement": "G1", "sentence": "It is so.", "measured": LOSSES, "name": "01_it"}


@pytest.mark.parametrize("measured", [0.5, np.float64(0.5)])
def test_an_exact_number_shows_no_interval(measured):
    found = judge(**GOOD | {"measured": measured, "above": ("chance", 0.125), "below": ("all", 1)})
    assert (found["n"], found["values"]) == (1, [0.5])
    expected = "Measured: 0.50. Below all (1) by 0.50. Above chance (0.125) by 0.38."
    assert numbers(found) == expected


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.text, self.styles = [], "", ""

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.styles += dict(attrs).get("style") or ""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_box_reads_without_styles():
    sentence = "An LSTM is < the n-gram & <b>bold</b>."
    found = judge(**GOOD | {"sentence": sentence, "below": ("a <5>-gram", 2.03)})
    box = Tags()
    box.feed(_as_html(found))
    assert not box.open
    order = [box.text.index(part) for part in ("G1 ✓ supported", sentence, "Measured", "a <5>")]
    assert order == sorted(order)
    assert not re.search(r"(^|[; ])color:", box.styles)  # the page's own text colour stays


def test_the_box_of_an_undecided_claim_begins_with_that():
    found = {"statement": "S2", "sentence": "It is slow.", "name": "06_it", "verdict": "supported"}
    found |= {"outcome": "undecided", "n": 2, "repeats": 12, "processor": "Abacus", "rivals": []}
    box = Tags()
    box.feed(_as_html(found))
    assert box.text.strip().startswith("S2 ? undecided in this run ·")
    assert "supported" not in _as_html(found)


@pytest.mark.slow
def test_a_notebook_keeps_the_claim_in_its_outputs(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    code = (
        "from rnnlib.claims.claim import claim\nfrom rnnlib.notebook import plots\n"
        "plots.use_style()\n"
        "claim('G1', 'So.', [1.0, 1.1, 1.2], name='01_it', below=('2', 9))\n"
        "figure, ax = plots.panels()\nplots.plt.show()"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, kernel_name="python3").execute()
    box, figure = notebook.cells[0].outputs
    assert set(box.data) == {"text/plain", "text/html"}
    assert box.metadata[KEY]["name"] == "01_it"
    assert "image/png" in figure.data
