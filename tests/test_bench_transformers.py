"""The benchmark's Transformers: each is the same size, learns, and is timed where it was asked."""

import json

import numpy as np
import pytest

from bench import results, transformer_step, transformers
from bench.__main__ import main
from bench.peers import JaxTraining, available
from rnnlib.measuring.timing import Times

SHAPE = (4, 8, 16, 2, 2)
B, T, W, LAYERS, HEADS = SHAPE
# A norm before each part and one at the end, an embedding, a readout with its bias.
PARAMETERS = 12 * LAYERS * W**2 + (2 * LAYERS + 1) * W + 2 * 64 * W + 64
each = pytest.mark.parametrize("name", transformers.PEERS)


def made(name, form=0):
    if name not in available()[0]:
        pytest.skip(f"{name} is not installed")
    return transformers.PEERS[name][form](SHAPE)


def losses(step):
    return [float(step()) for _ in range(20)]


@pytest.mark.slow
@each
def test_a_peer_learns_and_as_documented_the_same(name):
    ours, theirs = (losses(made(name, form)) for form in (0, 1))
    assert ours[0] == pytest.approx(np.log(64), abs=1)
    assert np.all(np.diff(ours) < 0)
    assert theirs == pytest.approx(ours, rel=1e-3)


@pytest.mark.slow
def test_ours_learns_what_the_form_of_one_sequence_learns():
    ours, plain = (transformers.rnnlib(SHAPE, *read) for read in ((), (transformers.one_by_one,)))
    assert ours.parameters == PARAMETERS
    np.testing.assert_allclose(losses(ours), losses(plain), rtol=1e-4)


@pytest.mark.slow
@each
def test_a_peer_has_as_many_parameters(name):
    training = made(name)
    if not isinstance(training, JaxTraining):
        pytest.skip("PyTorch's program does not tell")
    assert training.parameters == PARAMETERS


def test_operations_are_those_of_the_products_that_causality_leaves():
    """Counted position by position, layer by layer."""
    batch, time, width, layers, _ = SHAPE
    of_position = [layers * (12 * width**2 + 2 * width * (t + 1)) + width * 64 for t in range(time)]
    assert transformer_step.flops(SHAPE) == 6 * batch * sum(of_position)


@pytest.mark.slow
def test_a_process_is_given_its_cores_and_every_form_is_timed():
    found = transformer_step._on(1, (2, 4, 8, 1, 2))
    assert found["cores"] == 1 and 0 < found["share"] < 1
    forms = found["programs"]["rnnlib"]["forms"]
    assert list(forms) == list(transformer_step.FORMS[:2])
    assert len(forms["one call"]["seconds"]) == transformer_step.REPEATS
    assert json.loads(json.dumps(found)) == found


@pytest.mark.slow
def test_a_quick_run_writes_the_page(tmp_path):
    main(["--quick", "--only", "transformer_step", "--to", str(tmp_path)])
    part = results.read(tmp_path / "bench" / "results.json")["transformer_step"]
    page = (tmp_path / "book" / "benchmarks.md").read_text()
    assert "## A training step of a Transformer" in page and "share of the roof" in page
    assert all(what in page for what in part["means"])
    for case in part["cases"]:
        assert f"### On {case['cores']} core" in page


def test_a_rival_is_the_fastest_of_its_kind():
    best = {
        name: Times(np.full(10, seconds))
        for name, seconds in {"rnnlib": 2.0, "Flax NNX": 8.0, "Equinox": 4.0}.items()
    }
    found = transformer_step.compared(best)
    assert {what: ratio for what, (ratio, *_) in found.items()} == {"fastest JAX peer": 2.0}
    cases = [
        {"cores": cores, "compared": {"PyTorch": [ratio, ratio, ratio]}}
        for cores, ratio in ((1, 1.0), (1, 4.0), (2, 3.0))
    ]
    assert transformer_step.means(cases)["PyTorch"] == {
        "1": pytest.approx([2, 2, 2]),
        "2": pytest.approx([3, 3, 3]),
    }
