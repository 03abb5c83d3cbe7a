"""Training steps of a small Transformer: rnnlib's and its peers', on one core and on all."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from bench import transformers
from bench.peers import JaxTraining, available
from bench.results import ROOT, geometric_mean, summary
from bench.training_step import in_a_scan, sharing
from rnnlib.measuring import roofline, timing
from rnnlib.measuring.timing import Times

SHAPES = ((16, 128, 64, 2, 4), (32, 256, 128, 4, 4), (8, 1024, 64, 2, 4), (64, 64, 256, 2, 8))
REPEATS = 10
RIVALS = {"fastest JAX peer": ("Flax NNX", "Equinox"), "PyTorch": ("PyTorch",)}
FORMS = ("one call", "in a scan, rows shared", "as documented")
IN_A_SCAN = 2  # steps per call where they are one compiled scan


def measure(quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """Time every program at every shape, once on one core and once on all."""
    cases = []
    for cores in sorted({1, os.cpu_count() or 1}):
        for shape in ((2, 4, 8, 1, 2),) if quick else SHAPES:
            say(f"{cores} cores, (B, T, W, layers, heads) = {shape}")
            cases.append(_on(cores, shape))
    return {"cases": cases, "means": means(cases), "peers": available()[1]}


def _on(cores: int, shape: transformers.Shape) -> dict[str, Any]:
    """Time a shape in a process of its own, which sees so many cores and no more."""
    command = [sys.executable, "-m", "bench.transformer_step", json.dumps([cores, shape])]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_NUM_CPU_DEVICES": str(cores)}
    out = subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return json.loads(out.stdout.splitlines()[-1])


def case(cores: int, shape: transformers.Shape) -> dict[str, Any]:
    """Time all programs at one shape, by turns."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])
    roof = roofline.matmul_roof((512, 1024), repeats=10)
    times = timing.compare(programs(cores, shape), repeats=REPEATS, warmup=1)
    forms: dict[str, dict[str, Times]] = {}
    for label, of_calls in times.items():
        name, form = label.split("/")
        steps = IN_A_SCAN if form == FORMS[1] else 1
        forms.setdefault(name, {})[form] = Times(of_calls.seconds / steps)
    best = {name: min(by.values(), key=lambda t: t.median) for name, by in forms.items()}
    return {
        "cores": cores,
        "shape": list(shape),
        "programs": {
            name: {
                "forms": {form: summary(times) for form, times in by.items()},
                "ratio": list(timing.ratio(best[name], best["rnnlib"])),
            }
            for name, by in forms.items()
        },
        "compared": {what: list(ratio) for what, ratio in compared(best).items()},
        "share": flops(shape) / best["rnnlib"].median / roof,
    }


def compared(best: dict[str, Times]) -> dict[str, tuple[float, float, float]]:
    """Return the time of the fastest of each kind of rival, divided by rnnlib's."""
    ratios = {}
    for what, names in RIVALS.items():
        rivals = [best[name] for name in names if name in best]
        if rivals:
            fastest = min(rivals, key=lambda times: times.median)
            ratios[what] = timing.ratio(fastest, best["rnnlib"])
    return ratios


def programs(cores: int, shape: transformers.Shape) -> dict[str, Callable]:
    """Make "name/form" for every program and form."""
    made: dict[str, Callable] = {}
    makers = {"rnnlib": (transformers.rnnlib, None)}
    for name in available()[0]:
        if name in transformers.PEERS:
            makers[name] = transformers.PEERS[name]
    if "PyTorch" in makers:
        import torch  # pyright: ignore[reportMissingImports]

        torch.set_num_threads(cores)
    for name, (make, documented) in makers.items():
        made[f"{name}/{FORMS[0]}"] = training = make(shape)
        if isinstance(training, JaxTraining):
            made[f"{name}/{FORMS[1]}"] = in_a_scan(make(shape), IN_A_SCAN, sharing(shape[0]))
        if documented and cores > 1:  # which takes all cores there are
            made[f"{name}/{FORMS[2]}"] = documented(shape)
    plain = transformers.rnnlib(shape, transformers.one_by_one)
    made[f"rnnlib, one sequence at a time/{FORMS[0]}"] = plain
    return made


def flops(shape: transformers.Shape) -> int:
    """Count the operations of a step's matrix products; what causal attention may skip is left out.

    A position takes part in 12 W^2 weights a layer and W V of the readout, each in three products
    of 2 operations; and meets (T + 1) / 2 keys and values on average, in six products.
    """
    batch, time, width, layers, _ = shape
    weights = 12 * layers * width**2 + width * transformers.VOCABULARY
    attention = layers * 2 * width * (time + 1) // 2
    return 6 * batch * time * (weights + attention)


def means(cases: list[dict]) -> dict[str, dict[str, list[float]]]:
    """Return each rival's geometric mean over the shapes, for each number of cores."""
    found: dict[str, dict[str, list[float]]] = {}
    for cores in dict.fromkeys(case["cores"] for case in cases):
        here = [case for case in cases if case["cores"] == cores]
        for what in here[0]["compared"]:
            ratios = [case["compared"][what] for case in here]
            found.setdefault(what, {})[str(cores)] = geometric_mean(ratios)
    return found


if __name__ == "__main__":
    asked_cores, asked_shape = json.loads(sys.argv[1])
    print(json.dumps(case(asked_cores, tuple(asked_shape))))
