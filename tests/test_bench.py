"""The benchmark: its peers learn, in every form alike, and what is compared is of one form."""

import importlib.metadata

import jax
import numpy as np
import pytest

from bench import documented, peers, results, training_step
from bench.__main__ import main
from rnnlib.measuring.timing import Times

BATCH, STEPS, INPUTS, HIDDEN = 4, 6, 3, 5
# How many biases of H each unit has: beside those of x W_x, some libraries add others to h W_h.
BIASES = {
    "Flax Linen": {"LSTM": 4, "GRU": 4},
    "Flax NNX": {"LSTM": 4, "GRU": 3},
    "Equinox": {"LSTM": 4, "GRU": 4},
    "Haiku": {"LSTM": 4, "GRU": 3},
    "PyTorch": {"LSTM": 8, "GRU": 6},
}
each = pytest.mark.parametrize(
    ("name", "cell"), [(name, cell) for name in peers.PEERS for cell in ("LSTM", "GRU")]
)


def batch():
    rng = np.random.default_rng(0)
    xs = rng.standard_normal((BATCH, STEPS, INPUTS), np.float32)
    return xs, 0.5 * rng.standard_normal((BATCH, STEPS, HIDDEN), np.float32)


def make(name, cell):
    if name not in peers.available()[0]:
        pytest.skip(f"{name} is not installed")
    return peers.PEERS[name](cell, *batch())


@pytest.mark.slow
@each
def test_a_peer_learns(name, cell):
    train = make(name, cell)
    losses = [float(train()) for _ in range(20)]
    assert np.isfinite(losses[0])
    assert np.all(np.diff(losses) < 0)


@pytest.mark.slow
@each
def test_a_peer_has_the_parameters_of_its_cell(name, cell):
    gates = {"LSTM": 4, "GRU": 3}[cell]
    weights = gates * HIDDEN * (INPUTS + HIDDEN)
    assert make(name, cell).parameters == weights + BIASES[name][cell] * HIDDEN


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
@pytest.mark.parametrize("name", [name for name in peers.PEERS if name != "PyTorch"])
def test_a_peers_steps_are_the_same_in_every_form(name, cell):
    train = make(name, cell)
    losses = [float(train()) for _ in range(5)]
    for devices in (jax.devices()[:1], training_step.sharing(BATCH)):
        last = training_step.in_a_scan(make(name, cell), 5, devices)()
        assert float(last) == pytest.approx(losses[-1], rel=1e-5)


@pytest.mark.slow
@each
def test_a_peer_learns_as_documented_what_it_learns_otherwise(name, cell):
    train, other = make(name, cell), documented.PEERS[name](cell, *batch())
    ours, theirs = ([float(step()) for _ in range(20)] for step in (train, other))
    assert np.all(np.diff(theirs) < 0)
    assert theirs == pytest.approx(ours, rel=1e-4)


@pytest.mark.slow
def test_our_steps_are_the_same_in_every_form():
    losses = [
        float(training_step.rnnlib_step("LSTM", *batch(), steps=5, devices=devices)())
        for devices in (jax.devices()[:1], None)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.slow
def test_a_quick_run_times_every_form_and_writes_the_page(tmp_path):
    main(["--quick", "--only", "training_step", "--to", str(tmp_path)])
    part = results.read(tmp_path / "bench" / "results.json")["training_step"]
    for case in part["cases"]:
        assert case["repeats"] % 2 == 0 and case["repeats"] >= 10
        for name, program in case["programs"].items():
            one_form = name in ("PyTorch", "rnnlib, plain cell")
            assert {"1", "5", "5 shared"} <= program["forms"].keys() or one_form
            assert ("1 as documented" in program["forms"]) == (not name.startswith("rnnlib"))
    page = (tmp_path / "book" / "benchmarks.md").read_text()
    assert all(what in page for what in part["means"])
    assert "both in a scan, rows shared" in page


def times(*milliseconds):
    rows = 1e-3 * np.array(milliseconds)[:, None] * np.ones(10)
    return [Times(row) for row in rows]


def test_a_comparison_takes_the_same_form_or_the_best_of_each():
    def forms_of(*milliseconds, names=("1", "5", "5 shared", "1 as documented")):
        return dict(zip(names, times(*milliseconds), strict=True))

    forms = {
        "rnnlib": forms_of(8, 6, 3, 4, names=("1", "5", "5 shared", "1 shared")),
        "Haiku": forms_of(8, 8, 8, 9),
        "Equinox": forms_of(16, 12, 4, 18),
        "PyTorch": forms_of(6, 7.5, names=("1", "1 as documented")),
    }
    found = training_step.compared(forms)
    ratios = [ratio for ratio, *_ in found.values()]
    assert ratios == pytest.approx([4 / 3, 1, 4 / 3, 3, 2, 1.5, 2.5])
    cases = [{"cell": "LSTM", "compared": found}, {"cell": "GRU", "compared": found}]
    for what, by in training_step.means(cases).items():
        assert by["both"] == pytest.approx(found[what])


def test_a_peer_that_is_not_installed_is_named_and_left_out(monkeypatch):
    def version(package):
        if package == "torch":
            raise importlib.metadata.PackageNotFoundError(package)
        return "1.2"

    monkeypatch.setattr(peers, "version", version)
    makers, notes = peers.available()
    assert list(makers) == [name for name in peers.PEERS if name != "PyTorch"]
    assert "PyTorch: not installed, skipped" in notes and "Haiku: dm-haiku 1.2" in notes


@pytest.mark.parametrize(
    ("cell", "xs", "targets", "message"),
    [
        ("RNN", (1, 2, 3), (1, 2, 3), "cell must be .*, got 'RNN'"),
        ("GRU", (1, 2), (1, 2, 3), r"got \(1, 2\) and \(1, 2, 3\)"),
        ("GRU", (1, 2, 3), (2, 1, 3), r"got \(1, 2, 3\) and \(2, 1, 3\)"),
    ],
)
def test_what_no_peer_can_be_made_from_is_refused(cell, xs, targets, message):
    with pytest.raises(ValueError, match=message):
        peers.PEERS["Flax NNX"](cell, np.zeros(xs, np.float32), np.zeros(targets, np.float32))
    with pytest.raises(ValueError, match="float32, got float64 and float64"):
        peers.PEERS["Flax NNX"]("GRU", np.zeros((1, 2, 3)), np.zeros((1, 2, 3)))
