"""A cold start: from a fresh interpreter to the first result of a small training run."""

import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.results import ROOT, summary
from rnnlib.measuring.timing import Times

# Times are read on the clock that processes share.
RUN = """
import json, time
from flax import nnx
from rnnlib.models.language_model import LanguageModel
from rnnlib.training.losses import next_token_loss
from rnnlib.texts.windows import windows
from rnnlib.training.fit import fit
imported = time.time()
import jax
spent = []
def listen(event, seconds, **_):
    spent.append((event, time.time() - seconds, time.time()))
jax.monitoring.register_event_duration_secs_listener(listen)
sample = windows(jax.numpy.arange(1000) % 8, 16, 4)
init = lambda key: LanguageModel(8, 32, rngs=nnx.Rngs(key))
run = fit(init, next_token_loss, sample, jax.random.key(0), steps=10, checks=1, progress=False)
done = time.time()
print(json.dumps([imported, done, spent]))
"""
IMPORTS = """\
from rnnlib.models.language_model import LanguageModel
from rnnlib.texts.windows import windows
from rnnlib.training.fit import fit
from rnnlib.training.losses import next_token_loss
"""
STAGES = ("import", "trace and lower", "compile or load", "run, and the rest")


def measure(quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """Time the run in fresh processes, with an empty and with a filled compilation cache."""
    repeats = 1 if quick else 10
    empty, filled = [], []
    for repeat in range(repeats):
        say(f"two fresh processes, {repeat + 1} of {repeats}")
        with tempfile.TemporaryDirectory() as cache:
            empty.append(start(cache))
            filled.append(start(cache))
    results = {"cache empty": stages(empty), "cache filled": stages(filled)}
    return {"programs": results, "imports": imports()}


def start(cache: str) -> list[float]:
    """Run once in a fresh process; return the seconds of the stages."""
    begun = time.time()
    out = _python("-c", RUN, JAX_COMPILATION_CACHE_DIR=cache).stdout
    imported, done, spent = json.loads(out)
    building = covered([span for event, *span in spent if "backend_compile" in event])
    tracing = covered([span for event, *span in spent if re.search("trace|to_mlir", event)])
    return [imported - begun, tracing, building, done - imported - tracing - building]


def covered(spans: list[list[float]]) -> float:
    """Return the seconds that lie in any of the spans: JAX traces inside of what it traces."""
    seconds, reached = 0.0, -math.inf
    for begin, end in sorted(spans):
        seconds += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return seconds


def stages(runs: list[list[float]]) -> dict[str, Any]:
    """Return the whole time, and the median of each stage."""
    found = np.array(runs)
    whole = Times(found.sum(axis=1))
    total = summary(whole) if len(runs) > 1 else {"median": whole.median}
    return total | {"stages": dict(zip(STAGES, np.median(found, axis=0).tolist(), strict=True))}


def imports() -> dict[str, float]:
    """Return the seconds that each package's own modules take to import, the longest first."""
    seconds: dict[str, float] = {}
    for line in _python("-X", "importtime", "-c", IMPORTS).stderr.splitlines():
        if found := re.match(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\w+)", line):
            package = "standard library" if found[2] in sys.stdlib_module_names else found[2]
            seconds[package] = seconds.get(package, 0) + int(found[1]) / 1e6
    return dict(sorted(seconds.items(), key=lambda item: -item[1])[:12])


def _python(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    always = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "PYTHONPATH": str(ROOT)}
    always["JAX_ENABLE_COMPILATION_CACHE"] = "true"
    command = [sys.executable, *arguments]
    environment = {**os.environ, **always, **settings}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
