"""The machine at hand: what JAX computes on."""

import contextlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import jax


def device() -> str:
    """Return what JAX computes on: "2 CPU cores", or "1 × Tesla T4, 2 CPU cores"."""
    cores = f"{os.cpu_count()} CPU cores"
    kind, count = jax.devices()[0].device_kind, jax.device_count()
    return cores if jax.default_backend() == "cpu" else f"{count} × {kind}, {cores}"


def processor() -> str:
    """Return the full name of what JAX computes on: "AMD EPYC 9R14", or "Tesla T4"."""
    if jax.default_backend() != "cpu":
        return jax.devices()[0].device_kind
    return _model_name() or platform.processor() or platform.machine()


def _model_name() -> str:
    """Return what the system calls its CPU; nothing where it does not say."""
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        if sys.platform == "darwin":
            name = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(name, capture_output=True, text=True, check=True).stdout.strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return ""
