"""The benchmark's peers: they learn, and have the parameters that their equations ask for."""

import importlib.metadata

import numpy as np
import pytest

from bench import peers

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
