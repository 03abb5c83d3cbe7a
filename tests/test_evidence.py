"""A claim holds only with its numbers; the boxes and the words say what was measured."""

import html.parser
import json
import re
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import numpy as np
import pytest

from rnnlib import boxes, evidence
from rnnlib.evidence import ClaimError, claim, judge

LOSSES = np.array([1.93, 1.94, 1.925, 1.931, 1.928])
GOOD: Any = {"statement": "G1", "sentence": "It is so.", "measured": LOSSES, "name": "01_it"}


# Mutants: for each kind of claim, a measurement that carries it, and wrong ones that must not.
MUTANTS: Any = {
    "below a bound": (
        {"below": ("bound", 2.0)},
        [LOSSES + 0.1, np.add(LOSSES, [0, 0, 0, 0, 0.4]), LOSSES * 0 + 2.0],
    ),
    "above a bound": (
        {"above": ("chance", 1.9)},
        [LOSSES - 0.1, np.subtract(LOSSES, [0, 0, 0, 0, 0.1]), -LOSSES, LOSSES * 0 + 1.9],
    ),
    "below a rival, seed by seed": (
        {"below": ("rival", np.add(LOSSES, [0.02, 0.01, 0.02, 0.01, 0.02]))},
        [
            np.add(LOSSES, [0.02, 0.02, 0.02, 0, 0]),
            LOSSES + 0.02,
            np.add(LOSSES, [0, 0, 0, 0, 0.1]),
        ],
    ),
    "above a rival with other seeds": (
        {"above": ("rival", [1.7, 1.75, 1.72])},
        [LOSSES - 0.2, LOSSES - 0.25, np.add(LOSSES, [0, 0.2, -0.2, 0.3, -0.3])],
    ),
    "in a band": (
        {"below": ("ceiling", 2.0), "above": ("floor", 1.9)},
        [LOSSES + 0.1, LOSSES - 0.1, np.add(LOSSES, [0.05, -0.05, 0.05, -0.05, 0])],
    ),
    "an exact number": ({"above": ("chance", 1.5), "measured": 1.6}, [1.5, 1.4]),
}


@pytest.mark.parametrize("kind", MUTANTS)
def test_a_wrong_measurement_is_rejected(kind):
    rival, wrong = MUTANTS[kind]
    found = judge(**GOOD | rival)
    assert found["low"] <= found["mean"] <= found["high"]
    for measured in wrong:
        with pytest.raises(ClaimError, match=r"(?s)not above zero.*It is so.*Measured: .*01_it"):
            judge(**GOOD | rival | {"measured": measured})


@pytest.mark.parametrize("bad", [np.nan, np.inf, [1.9, np.nan, 1.9]])
def test_what_is_not_finite_carries_nothing(bad):
    with pytest.raises(ClaimError, match="01_it: a measurement is not finite"):
        judge(**GOOD | {"measured": bad, "below": ("bound", 9.0)})
    with pytest.raises(ClaimError, match="01_it, rival: a measurement is not finite"):
        judge(**GOOD | {"below": ("rival", bad)})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"statement": "G9"}, "no statement 'G9'; there are G1, G2"),
        ({"verdict": "proved"}, "one of supported, qualified, contradicted, got 'proved'"),
        ({"name": "it"}, "such as \"01_learns\", got 'it'"),
        ({"below": None}, "could not fail"),
        ({"measured": np.ones((2, 2))}, r"one value per seed, or one number, got \(2, 2\)"),
        ({"measured": []}, "one value per seed"),
        ({"measured": [1.5]}, r"01_it: .* got \(1,\); an interval over seeds needs at least 3"),
        ({"measured": [1.5, 1.6]}, r"01_it: .* got \(2,\); .* exact value is given as a plain"),
        ({"below": ("rival", [2.0])}, r"01_it, rival: .* got \(1,\)"),
        ({"above": ("rival", np.ones(2))}, r"01_it, rival: .* got \(2,\)"),
    ],
)
def test_a_claim_without_form_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        judge(**GOOD | {"below": ("bound", 2.0)} | wrong)


def test_the_numbers_are_kept():
    found = judge(**GOOD | {"below": ("the 5-gram", 2.03), "unit": "bits/char"})
    assert json.loads(json.dumps(found)) == found
    assert found["mean"] == pytest.approx(1.9308)
    assert (found["low"], found["high"]) == pytest.approx((1.92381, 1.93779), abs=1e-5)
    assert found["values"] == LOSSES.tolist()
    assert found["rivals"][0]["difference"] == pytest.approx(-0.0992)
    assert boxes.numbers(found) == (
        "Measured: 1.931 bits/char (95 % interval 1.924 to 1.938, 5 seeds). "
        "Below the 5-gram (2.03) by 0.099 (0.092 to 0.106)."
    )


@pytest.mark.parametrize("measured", [0.5, np.float64(0.5)])
def test_an_exact_number_shows_no_interval(measured):
    found = judge(**GOOD | {"measured": measured, "above": ("chance", 0.125), "below": ("all", 1)})
    assert (found["n"], found["values"]) == (1, [0.5])
    expected = "Measured: 0.50. Below all (1) by 0.50. Above chance (0.125) by 0.38."
    assert boxes.numbers(found) == expected


def test_a_timed_claim_says_that_its_rounds_are_of_one_machine():
    found = judge(**GOOD | {"below": ("bound", 2.0), "timed": True})
    assert "5 repeats on one machine" in boxes.numbers(found)
    assert "timed" not in judge(**GOOD | {"below": ("bound", 2.0)})


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
    box.feed(boxes._as_html(found))
    assert not box.open
    order = [box.text.index(part) for part in ("G1 ✓ supported", sentence, "Measured", "a <5>")]
    assert order == sorted(order)
    assert not re.search(r"(^|[; ])color:", box.styles)  # the page's own text colour stays


def test_without_a_notebook_a_claim_is_printed(capsys):
    claim(**GOOD | {"below": ("bound", 2.0)})
    assert capsys.readouterr().out.startswith("[G1: supported] It is so.\nMeasured: 1.931 (95 %")


def test_a_fresh_run_leaves_its_claims(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNLIB_CLAIMS", str(tmp_path))
    for name in ("01_one", "01_two"):
        claim(**GOOD | {"below": ("bound", 2.0), "name": name})
    (file,) = tmp_path.iterdir()
    assert [json.loads(line)["name"] for line in file.read_text().splitlines()] == [
        "01_one",
        "01_two",
    ]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["supported"], "supported"),
        (["contradicted", "contradicted"], "contradicted"),
        (["supported", "contradicted"], "qualified"),
        (["supported", "qualified"], "qualified"),
    ],
)
def test_a_statement_sums_up_its_claims(verdicts, expected):
    assert evidence.overall(verdicts) == expected


@pytest.mark.parametrize("verdicts", [[], ["true"]])
def test_no_verdict_out_of_nothing(verdicts):
    with pytest.raises(ValueError, match="verdicts must be some of"):
        evidence.overall(verdicts)


@pytest.mark.parametrize(
    ("guess", "measured", "expected"),
    [
        (2.0, [2.3, 2.5], "loss: measured 2.4 bits. You guessed 2.0 bits. You were 0.4 bits off"),
        (None, 2.31, "loss: measured 2.31 bits. No guess made."),
        (1, 0.0, "loss: measured 0 bits. You guessed 1 bits. You were 1 bits off."),
    ],
)
def test_a_guess_is_answered(capsys, guess, measured, expected):
    evidence.compare(guess, measured, "loss", "bits")
    assert capsys.readouterr().out.startswith(expected)


def test_a_guess_in_words(capsys):
    evidence.compare("GRU", "LSTM", "the best")
    evidence.compare("LSTM", "LSTM", "the best")
    assert capsys.readouterr().out.splitlines() == [
        "the best: measured LSTM. You guessed GRU. Not what you expected?",
        "the best: measured LSTM. You guessed LSTM.",
    ]


@pytest.mark.slow
def test_a_notebook_keeps_the_claim_in_its_outputs(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(evidence.__file__).parent.parent))
    code = (
        "from rnnlib import evidence, plots\nplots.use_style()\n"
        "evidence.claim('G1', 'So.', [1.0, 1.1, 1.2], name='01_it', below=('2', 9))\n"
        "figure, ax = plots.panels()\nplots.plt.show()"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, kernel_name="python3").execute()
    box, figure = notebook.cells[0].outputs
    assert set(box.data) == {"text/plain", "text/html"}
    assert box.metadata[boxes.KEY]["name"] == "01_it"
    assert "image/png" in figure.data
