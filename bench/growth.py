"""How the time of a training step grows with T, B, H, and with the number of devices."""

from collections.abc import Callable
from typing import Any

import jax

from bench.results import summary
from bench.training_step import data, plain, rnnlib_step
from rnnlib.measuring import timing
from rnnlib.measuring.timing import Times
from rnnlib.models import fused

FULL = {
    "base": {"B": 32, "T": 64, "D": 64, "H": 128},
    "T": (16, 32, 64, 128, 256),
    "B": (4, 8, 16, 32, 64),
    "H": (32, 64, 128, 256, 512),
    "repeats": 10,
    "steps": 3,  # in one scan, so that fresh memory is paid for once
}
QUICK = {
    "base": {"B": 8, "T": 8, "D": 4, "H": 4},
    "T": (4, 8, 16),
    "B": (4, 8, 16),
    "H": (2, 4, 8),
    "repeats": 10,
    "steps": 2,
}
LAYERS = {"fused": fused.unroll_batch, "plain": plain}


def measure(quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """Vary one size and keep the others; the sizes of one curve are timed by turns."""
    settings = QUICK if quick else FULL
    base, repeats, steps = settings["base"], settings["repeats"], settings["steps"]
    curves = []
    for layer in LAYERS:
        for size in ("T", "B", "H"):
            say(f"{layer}, against {size}")
            programs = {
                str(n): _program(base | {size: n}, layer, steps, jax.devices()[:1])
                for n in settings[size]
            }
            curves.append(_curve(layer, size, programs, repeats, steps))
    say("fused, against the number of devices")
    counts = [n for n in range(1, jax.device_count() + 1) if base["B"] % n == 0]
    programs = {str(n): _program(base, "fused", steps, jax.devices()[:n]) for n in counts}
    curves.append(_curve("fused", "devices", programs, repeats, steps))
    return {"sizes": settings, "curves": curves}


def _program(sizes: dict[str, int], layer: str, steps: int, devices: list) -> Callable:
    batch = data([sizes[axis] for axis in "BTDH"])
    return rnnlib_step("LSTM", *batch, layer=LAYERS[layer], steps=steps, devices=devices)


def _curve(
    layer: str, size: str, programs: dict[str, Callable], repeats: int, steps: int
) -> dict[str, Any]:
    """Time the programs of one curve; an exponent asks for three sizes at least."""
    times = timing.compare(programs, repeats=repeats, warmup=1)
    times = {name: Times(found.seconds / steps) for name, found in times.items()}
    sizes = [int(name) for name in times]
    curve = {"layer": layer, "size": size, "sizes": sizes}
    curve["times"] = [summary(found) for found in times.values()]
    if len(sizes) >= 3:
        curve["exponent"] = list(timing.exponent(sizes, list(times.values())))
    first, *_, last = [*times.values()] * 2 if len(sizes) == 1 else times.values()
    return curve | {"ratio": list(timing.ratio(first, last))}
