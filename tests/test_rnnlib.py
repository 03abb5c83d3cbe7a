"""Importing rnnlib: each core becomes a device, unless the user has said otherwise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
AFFINITY = "import os; os.sched_getaffinity = lambda _: range(3); "
MACOS = "import os; vars(os).pop('sched_getaffinity', None); os.cpu_count = lambda: 3; "


def devices(code: str, **environment: str) -> int:
    """Count the devices that a fresh Python sees after running `code` and importing rnnlib."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "JAX_PLATFORMS")}
    inherited.pop("JAX_NUM_CPU_DEVICES", None)
    chosen = {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", **environment}
    program = [sys.executable, "-c", f"{code}import rnnlib, jax; print(jax.device_count())"]
    return int(subprocess.check_output(program, env=inherited | chosen, text=True))


@pytest.mark.slow
@pytest.mark.parametrize("code", [AFFINITY, MACOS])
def test_every_core_is_a_device(code):
    assert devices(code) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "environment"),
    [
        ("import jax; jax.config.update('jax_num_cpu_devices', 5); ", {}),
        ("import jax; jax.config.update('jax_num_cpu_devices', 5); jax.devices(); ", {}),
        ("", {"JAX_NUM_CPU_DEVICES": "5"}),
        ("", {"XLA_FLAGS": "--xla_force_host_platform_device_count=5"}),
    ],
)
def test_what_the_user_has_set_stays(code, environment):
    assert devices(AFFINITY + code, **environment) == 5


@pytest.mark.slow
def test_an_import_after_the_first_computation_changes_nothing():
    assert devices(AFFINITY + "import jax; jax.numpy.ones(2); ") == 1
