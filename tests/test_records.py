"""A record is loaded only if it is whole, made by this code, and its small case agrees."""

import json
import types
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import nbclient
import nbformat
import numpy as np
import pytest

from rnnlib import records

NAME = "01_trial"
SIZES: Any = {"full": {"steps": 50, "scale": 1.0}, "small": {"steps": 5, "scale": 1.0}}


ELSEWHERE: Any = types.ModuleType("elsewhere")  # stands for another rnnlib, or another jax
ELSEWHERE.noise = 0.0


def run(steps, scale):
    curve = jnp.exp(-jnp.arange(steps) / 10) * scale
    return {
        "loss": {"curve": curve + ELSEWHERE.noise, "best": curve.min()},
        "weights": {"embed": np.full((40, 50), 1 / 3), "bias": np.zeros(3)},
        "tokens": np.arange(2_000),
        "samples": [f"thou art {steps}", "nay"],
        "rows": [{"n": 1, "loss": 2.0}, {"n": 2, "loss": 1 / 3}],
        "best": "GRU",
        "seconds": float(steps),
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    monkeypatch.setattr(ELSEWHERE, "noise", 0.0)
    return tmp_path


@pytest.fixture
def made(folder, monkeypatch):
    monkeypatch.setenv("RNNLIB_RECORD", "1")
    records.recorded(NAME, run, **SIZES)
    monkeypatch.delenv("RNNLIB_RECORD")
    return folder


def test_a_record_comes_back_as_it_was_made(made, capsys):
    record = records.recorded(NAME, run, **SIZES)
    np.testing.assert_allclose(record["loss"]["curve"], np.exp(-np.arange(50) / 10), rtol=1e-5)
    assert record["weights"]["embed"].shape == (40, 50)
    assert record["weights"]["embed"].dtype == np.float32
    assert record["tokens"].tolist() == list(range(2_000))
    assert record["samples"] == ["thou art 50", "nay"]
    assert record["rows"][1] == {"n": 2, "loss": 0.333333}
    assert record.small is not None
    assert record.small["samples"][0] == "thou art 5"
    assert set(record) == set(run(1, 1.0))
    assert record.provenance["settings"] == {"steps": 50, "scale": 1.0}
    printed = capsys.readouterr().out
    assert "recorded 20" in printed
    assert "agrees" in printed
    assert all(len(line) < 110 for line in printed.splitlines())


def test_numbers_stay_on_one_line(made):
    lines = (made / f"{NAME}.json").read_text().splitlines()
    assert len(lines) < 100
    npz = json.loads((made / f"{NAME}.json").read_text())["npz"]
    assert sorted(p.name for p in made.iterdir()) == sorted([f"{NAME}.json", npz])


def test_loading_alone_runs_nothing(made):
    record = records.load(NAME)
    assert record.small is None
    assert record["loss"]["best"] == pytest.approx(np.exp(-4.9), rel=1e-5)
    with pytest.raises(KeyError, match="has no 'accuracy'; it has loss"):
        record["accuracy"]


def test_live_loads_nothing(folder, capsys):
    record = records.recorded(NAME, run, **SIZES, live=True)
    assert record["weights"]["embed"].shape == (40, 50)
    assert "here and now" in capsys.readouterr().out
    assert not list(folder.iterdir())


def test_recording_comes_before_live(folder, monkeypatch):
    """A lesson in which live=True was left behind is recorded all the same."""
    monkeypatch.setenv("RNNLIB_RECORD", "1")
    records.recorded(NAME, run, **SIZES, live=True)
    assert (folder / f"{NAME}.json").exists()


def test_a_missing_record_names_the_command(folder):
    with pytest.raises(records.RecordError, match=r"no record 01_trial.*make record LESSON=01"):
        records.recorded(NAME, run, **SIZES)


def test_other_code_is_stale(made):
    def run(steps, scale):
        return {"loss": steps * scale}

    with pytest.raises(records.StaleRecord, match=r"the code of `run`(.|\n)*make record"):
        records.recorded(NAME, run, **SIZES)


def test_other_settings_are_stale(made):
    with pytest.raises(records.StaleRecord, match="full: steps was 50, is 60"):
        records.recorded(NAME, run, full={"steps": 60, "scale": 1.0}, small=SIZES["small"])
    with pytest.raises(records.StaleRecord, match="small: seeds was None, is 3"):
        records.recorded(NAME, run, full=SIZES["full"], small=SIZES["small"] | {"seeds": 3})


def test_a_small_case_that_differs_is_refused(made):
    ELSEWHERE.noise = 0.01
    records.recorded(NAME, run, **SIZES)
    ELSEWHERE.noise = 0.03
    with pytest.raises(records.RecordError, match=r"loss/curve at \[0\]: 1.03, stored 1"):
        records.recorded(NAME, run, **SIZES)
    records.recorded(NAME, run, **SIZES, rtol=0.1)


def other(steps, scale):
    """Other code than `run`, with the same result at the small size."""
    return run(steps, scale)


@pytest.fixture
def restamping(made, monkeypatch):
    monkeypatch.setenv("RNNLIB_RECORD", "restamp")
    return made / f"{NAME}.json"


def test_restamping_changes_who_made_it_and_nothing_else(restamping, monkeypatch):
    before = json.loads(restamping.read_text())
    records.recorded(NAME, other, **SIZES, live=True)
    after = json.loads(restamping.read_text())
    assert {key for key in before if before[key] != after[key]} == {"made_by", "sha256"}
    assert after["made_by"] | {"code": before["made_by"]["code"]} == before["made_by"]
    monkeypatch.delenv("RNNLIB_RECORD")
    assert records.recorded(NAME, other, **SIZES)["weights"]["embed"].shape == (40, 50)
    with pytest.raises(records.StaleRecord, match="the code of `run`"):
        records.recorded(NAME, run, **SIZES)


def test_restamping_refuses_another_result_or_other_settings(restamping):
    before = restamping.read_bytes()
    with pytest.raises(records.StaleRecord, match="full: steps was 50, is 60"):
        records.recorded(NAME, run, full={"steps": 60, "scale": 1.0}, small=SIZES["small"])
    with pytest.raises(records.StaleRecord, match="small: steps was 5, is 6"):
        records.recorded(NAME, run, full=SIZES["full"], small={"steps": 6, "scale": 1.0})
    ELSEWHERE.noise = 0.03
    with pytest.raises(records.RecordError, match="small case, run here, differs"):
        records.recorded(NAME, run, **SIZES)
    assert restamping.read_bytes() == before


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_a_flipped_bit_is_found(made, suffix):
    (path,) = made.glob(f"*{suffix}")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(records.RecordError, match="damaged"):
        records.load(NAME)


def test_an_edited_number_is_found(made):
    path = made / f"{NAME}.json"
    path.write_text(path.read_text().replace("0.333333", "0.222222"))
    with pytest.raises(records.RecordError, match="checksum"):
        records.load(NAME)


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"sha256": "0"})])
def test_a_file_that_is_no_record_is_refused(folder, content):
    (folder / f"{NAME}.json").write_text(content)
    with pytest.raises(records.RecordError, match="damaged"):
        records.load(NAME)


def test_a_lost_array_file_is_found(made):
    next(made.glob("*.npz")).unlink()
    with pytest.raises(records.RecordError, match="damaged"):
        records.load(NAME)


def test_a_failing_run_leaves_the_old_record(made, monkeypatch):
    before = {p.name: p.read_bytes() for p in made.iterdir()}

    def run(steps, scale):
        if steps == 50:
            raise RuntimeError("diverged")
        return {"loss": 1.0}

    monkeypatch.setenv("RNNLIB_RECORD", NAME)
    with pytest.raises(RuntimeError, match="diverged"):
        records.recorded(NAME, run, **SIZES)
    assert {p.name: p.read_bytes() for p in made.iterdir()} == before


def test_only_the_named_record_is_made_anew(made, monkeypatch):
    monkeypatch.setenv("RNNLIB_RECORD", "01_other")
    assert records.recorded(NAME, run, **SIZES)["samples"][1] == "nay"


def test_a_name_tells_its_lesson(folder):
    with pytest.raises(ValueError, match="such as \"01_bits\", got 'trial'"):
        records.recorded("trial", run, **SIZES)


def test_settings_are_plain(folder):
    with pytest.raises(ValueError, match="settings must be numbers"):
        records.recorded(NAME, run, full={"steps": object()}, small={})


CELLS = [
    "import pathlib, os\nfrom rnnlib import records\nrecords.FOLDER = pathlib.Path('.')\nscale = 2",
    "import jax\n\n@jax.jit\ndef double(x):\n    return x * scale\n\n"
    "class Net:\n    def __call__(self, x):\n        return double(x)",
    "def run(steps):\n    return {'loss': Net()(float(steps))}",
    "os.environ['RNNLIB_RECORD'] = '1'\nsizes = {'full': {'steps': 4}, 'small': {'steps': 2}}\n"
    "records.recorded('01_a', run, **sizes)",
    "del os.environ['RNNLIB_RECORD']\nassert records.recorded('01_a', run, **sizes)['loss'] == 8",
    "def double(x):\n    return x + x  # the same numbers, other code",
    "try:\n    records.recorded('01_a', run, **sizes)\n    raise SystemExit\n"
    "except records.StaleRecord as error:\n    print(error)",
]


@pytest.mark.slow
def test_it_works_for_functions_that_a_notebook_defines(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(records.__file__).parent.parent))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    client = nbclient.NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    assert "01_a is stale" in notebook.cells[-1].outputs[0]["text"]
