"""bench/results.json: what was measured, on what, and how it is read and written."""

import datetime
import importlib.metadata
import json
import math
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from rnnlib.measuring.timing import Times

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "equinox", "dm-haiku", "torch")


def summary(times: Times) -> dict[str, Any]:
    """Return the median of the seconds, its 95 % interval, and every repeat."""
    interval, seconds = list(times.interval()), times.seconds.tolist()
    return {"median": times.median, "interval": interval, "seconds": seconds}


def geometric_mean(ratios: ArrayLike) -> list[float]:
    """Return the mean of ratios[shapes, 3], each with its interval, and the mean's interval.

    Shapes are measured one after another, so their errors are taken as independent: the half width
    of the mean's logarithm is sqrt(sum of the squared half widths) / n.
    """
    logs = np.log(ratios)
    half = math.hypot(*(logs[:, 2] - logs[:, 1]) / 2) / len(logs)
    middle = logs[:, 0].mean()
    return np.exp([middle, middle - half, middle + half]).tolist()


def provenance() -> dict[str, Any]:
    """Say on which machine, with what, and when: what a reader needs to measure it again."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "cpu": _cpu(),
        "cores": jax.device_count() if jax.default_backend() == "cpu" else os.cpu_count(),
        "devices": f"{jax.device_count()} × {jax.devices()[0].device_kind}",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "load": load,
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    """Name the processor, as the system calls it, with what tells it from others of that name."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    fields = dict(re.findall(r"^(\S.*?)\s*: (.+?)\s*$", text, re.MULTILINE))
    if "model name" in fields:
        keys = ("vendor_id", "cpu family", "model", "stepping")
        more = ", ".join(f"{key} {fields[key]}" for key in keys if key in fields)
        return f"{fields['model name']} ({more.removeprefix('vendor_id ')})"
    return _said("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor() or "unknown"


def _commit() -> str:
    describe = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"]
    return _said(*describe) or "unknown"


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def read(path: Path) -> dict[str, Any]:
    """Return what has been measured so far, part by part; nothing where there is no file yet."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write(path: Path, results: dict[str, Any]) -> None:
    """Write the results whole or not at all: numbers with 4 digits, a list of them on one line."""
    text = json.dumps(_rounded(results), indent=1, ensure_ascii=False)
    text = re.sub(r"\[\n\s+([^\[\]{}]*?)\n\s*\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    replace(path, f"{text}\n")


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
