"""Several processes, or several devices, train as one does: the page for clusters, as it stands."""

import inspect
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.training.devices import SeedSharding
from rnnlib.training.fit import fit, fit_seeds

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "book" / "clusters.md").read_text()
PATIENCE = 300  # seconds, until a process that waits for another is given up

# What the page's script found goes into a file, and so does what was trained further from there.
SAVE = """
settings["init"] = lambda key: one.model
further = fit_seeds(keys=keys, split_batch=True, **settings)
runs = {"one": one, "two": two, "further": further}
arrays = {
    f"{name} {place}": leaf
    for name, run in runs.items()
    for place, leaf in enumerate([run.losses, *jax.tree.leaves(run.model)])
}
np.savez(f"{jax.process_count()}-{jax.process_index()}-{jax.device_count()}.npz", **arrays)
"""
GRID = """
import jax
import jax.numpy as jnp
import numpy as np

from rnnlib.training.devices import SeedSharding
from rnnlib.training.fit import fit_seeds

settings = {
    "init": lambda key: jax.random.normal(key, (3,)),
    "loss": lambda w, batch: ((batch["x"] @ w - batch["y"]) ** 2).mean(),
    "sample": lambda key: {"x": jax.random.normal(key, (6, 3)), "y": jnp.arange(6.0)},
    "keys": jax.random.split(jax.random.key(0), 3),
    "steps": 20,
}
whole, parted = (fit_seeds(split_batch=split, **settings) for split in (False, True))
np.savez("whole.npz", losses=whole.losses, model=whole.model)
np.savez("parted.npz", losses=parted.losses, model=parted.model)
"""


def line(rows):
    """Least squares in one number, w -> 3, from a batch of so many noisy targets."""
    return {
        "init": lambda key: jnp.zeros(()),
        "loss": lambda w, targets: ((w - targets) ** 2).mean(),
        "sample": lambda key: 3 + jax.random.normal(key, (rows,)),
        "steps": 30,
        "progress": False,
    }


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_split_batch_gives_the_same_run_on_the_devices_at_hand(seeds):
    keys, settings = jax.random.split(jax.random.key(0), seeds), line(2 * jax.device_count())
    whole, parted = (fit_seeds(keys=keys, split_batch=split, **settings) for split in (False, True))
    assert np.ptp(whole.losses, axis=1).min() > 1
    np.testing.assert_allclose(parted.losses, whole.losses, rtol=0, atol=1e-5)
    np.testing.assert_allclose(parted.model, whole.model, rtol=0, atol=1e-5)


@pytest.mark.skipif(jax.device_count() == 1, reason="one device takes any batch")
def test_a_batch_that_cannot_be_split_is_refused():
    rows = jax.device_count() + 1
    with pytest.raises(ValueError, match=rf"a multiple of .* got shapes \[\({rows},\)\]"):
        fit(key=jax.random.key(0), split_batch=True, **line(rows))
    fit(key=jax.random.key(0), **line(rows))


@pytest.mark.skipif(jax.device_count() == 1, reason="one device takes any loss")
def test_a_loss_that_cannot_be_split_is_refused():
    settings = line(jax.device_count()) | {"loss": lambda w, targets: ((w - targets) ** 2).max()}
    with pytest.raises(ValueError, match=r"split_batch loss must be a plain mean over .* rows"):
        fit(key=jax.random.key(0), split_batch=True, **settings)
    fit(key=jax.random.key(0), **settings)


def test_processes_agree_on_every_setting(monkeypatch):
    told = {}
    monkeypatch.setattr(SeedSharding, "check_agreement", lambda self, **all: told.update(all))
    fit(key=jax.random.key(0), learning_rate=0.1, **line(4))
    own = {"init", "loss", "sample", "progress"}  # functions, and what each may do on its own
    assert set(inspect.signature(fit_seeds).parameters) - own <= told.keys()
    assert told["learning_rate"] == 0.1
    assert told["model"] == [" float32(1,)"]


def block(caption):
    """The code block of the page under a caption."""
    found = re.findall(
        rf"^```{{code-block}} \w+\n:caption: {caption}\n(.*?)^```", PAGE, re.M | re.S
    )
    assert len(found) == 1
    return found[0]


def free_port():
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        return taken.getsockname()[1]


def shell(commands, folder):
    """Run commands in a folder with this Python; leave no process behind."""
    paths = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    inherited = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "TQDM_DISABLE")}
    process = subprocess.Popen(
        ["bash", "-c", commands],
        cwd=folder, env=inherited | paths, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 0, err
    return out, err


def assert_close(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.slow
def test_the_page_s_processes_train_as_one_process_on_one_device_does(tmp_path):
    (tmp_path / "check.py").write_text(block("check.py") + SAVE)
    commands = block("In the folder of check.py")
    assert commands.count("localhost:12345") == 2
    out, err = shell(commands.replace("12345", str(free_port())), tmp_path)

    files = {path.stem: dict(np.load(path)) for path in tmp_path.glob("*.npz")}
    assert files.keys() == {"1-0-1", "1-0-2", "2-0-2", "2-1-2"}
    alone = files["1-0-1"]
    assert alone["one 0"].shape == (20,) and alone["two 0"].shape == (2, 20)
    assert not np.allclose(alone["two 0"][0], alone["two 0"][1], atol=1e-3)
    for found in files.values():
        assert_close(found, alone)

    # Not by lines: what JAX's own network layer prints may stand before or behind ours in one.
    printed = re.findall(r"process (\d) of (\d), (\d) device\(s\): losses \d", out)
    places = [tuple(map(int, numbers)) for numbers in printed]
    assert sorted(places) == [(0, 1, 1), (0, 1, 2), (0, 2, 2), (1, 2, 2)]
    assert err.count("| 0/20 ") == 3 * 3  # three bars for each run: only process 0 shows them


@pytest.mark.slow
def test_four_devices_share_three_seeds_and_the_rows(tmp_path):
    """Two groups of two devices each, and one seed too few."""
    (tmp_path / "grid.py").write_text(GRID)
    shell("JAX_PLATFORMS=cpu JAX_NUM_CPU_DEVICES=4 python grid.py", tmp_path)
    whole, parted = (dict(np.load(tmp_path / f"{name}.npz")) for name in ("whole", "parted"))
    assert parted["losses"].shape == (3, 20)
    assert_close(parted, whole)
