"""The box around a claim reads without styles, and keeps the numbers."""

import html.parser
import re
from typing import Any

import nbclient
import nbformat
import numpy as np
import pytest
from judged import judged

from assemble import ROOT
from rnnlib.claims.box import CLAIM, as_html, decisive, numbers
from rnnlib.claims.evidence import Claim, Conclusion
from rnnlib.claims.measurements import arrivals, count, share

LOSSES = np.array([1.93, 1.94, 1.925, 1.931, 1.928])
GOOD: Any = {"statement": "G1", "sentence": "An RNN is so.", "measured": LOSSES, "name": "01_it"}


@pytest.mark.parametrize("measured", [0.5, np.float64(0.5)])
def test_an_exact_number_shows_no_interval(measured):
    found = judged(**GOOD | {"measured": measured, "above": ("chance", 0.125), "below": ("all", 1)})
    assert (found.n, found.values) == (1, [0.5])
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
    found = judged(**GOOD | {"sentence": sentence, "below": ("a <5>-gram", 2.03)})
    box = Tags()
    box.feed(as_html(found))
    assert not box.open
    order = [box.text.index(part) for part in ("Evidence on G1", sentence, "Measured", "a <5>")]
    assert order == sorted(order)
    assert not re.search(r"(^|[; ])color:", box.styles)  # the page's own text colour stays


def test_the_box_of_an_undecided_claim_begins_with_that():
    words = ("S2", "An RNN is slow.", "06_it", "", "time", "fresh processes", "one machine")
    found = Claim(*words, "undecided", 2, [1.0, 2.0], "of 12 repeats on Abacus", None, [])
    box = Tags()
    box.feed(as_html(found))
    assert box.text.strip().startswith("S2 ? undecided in this run ·")
    assert decisive(found) == "undecided in this run"


def test_the_box_of_a_conclusion_begins_with_the_verdict():
    box = Tags()
    box.feed(as_html(Conclusion("S2", "holds if", "A <b> is slow.", "06_it", "on GPUs")))
    assert box.text.strip().startswith("S2, on GPUs ◐ holds if · So it is hard")
    assert "A <b> is slow." in box.text
    assert 'class="claim claim--holds-if"' in as_html(
        Conclusion("S2", "holds if", "A is slow.", "06_it", "")
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"measured": count([True] * 4 + [False]), "above": ("none", 0.0), "unit": "right"},
            "Measured: 4 of 5 networks right (95 % interval of the share 0.28 to 0.99). "
            "Above none (0).",
        ),
        (
            {"measured": count([1] * 8), "above": ("GRU", count([1, 0, 0, 0, 0]))},
            "Measured: 8 of 8 networks (95 % interval of the share 0.63 to 1.00). "
            "Above GRU (1 of 5) by 0.80 (0.17 to 0.99).",
        ),
        (
            {
                "measured": arrivals([47, 50, 46, 60, 19, np.inf, np.inf, 129], 128),
                "above": ("none", 0.0),
                "unit": "steps",
            },
            "Measured: 5 of 8 networks within 128 steps (median 55, 95 % interval of the share "
            "0.24 to 0.91). Above none (0).",
        ),
        (
            {"measured": share([1.0, 1.0, 1.0]), "above": ("a coin", 0.5), "unit": "right"},
            "Measured: 1.00 right (the same in all 3 networks). Above a coin (0.5) by 0.50.",
        ),
        (
            {
                "measured": share(np.tile([0.0, 1.0, 1.0, 1.0], (4, 25))),
                "above": ("a coin", 0.5),
                "of": "100 pairs × 4 networks",
            },
            "Measured: 0.75 (95 % interval 0.57 to 0.88, 100 pairs × 4 networks). "
            "Above a coin (0.5) by 0.25 (0.07 to 0.38).",
        ),
    ],
)
def test_each_kind_is_told_in_its_own_words(given, expected):
    assert numbers(judged(**{**GOOD, **given})) == expected


def test_a_page_shows_the_decisive_number_without_intervals():
    found = judged(**GOOD | {"below": ("the table", 2.03), "unit": "bits"})
    assert decisive(found) == "1.931 bits; the table: 2.03"


@pytest.mark.slow
def test_a_notebook_keeps_the_claim_in_its_outputs(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    code = (
        "from rnnlib.claims.claim import claim\nfrom rnnlib.notebook import plots\n"
        "plots.use_style()\n"
        "claim('G1', 'An RNN is so.', [1.0, 1.1, 1.2], name='01_it', below=('2', 9))\n"
        "figure, ax = plots.panels()\nplots.plt.show()"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, kernel_name="python3").execute()
    box, figure = notebook.cells[0].outputs
    assert set(box.data) == {"text/plain", "text/html"}
    assert box.metadata[CLAIM]["name"] == "01_it"
    assert "image/png" in figure.data
