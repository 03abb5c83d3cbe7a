"""What the gradient of an LSTM needs in memory as sequences grow, and what saving it costs."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from bench.results import summary
from rnnlib.measuring import compilation, timing
from rnnlib.models import cells, fused

FULL = {"lengths": tuple(2**n for n in range(8, 15)), "batch": 8, "width": 64}
QUICK = {"lengths": (16, 32, 64), "batch": 2, "width": 4}


def plain(cell: cells.LSTM, xs: jax.Array) -> jax.Array:
    """Return the last output: xs[T, B, D] -> h[B, H]. The way back finds every step stored."""
    return jax.vmap(lambda xs: cells.unroll(cell, xs)[0][0], in_axes=1)(xs)


def checkpointed(cell: cells.LSTM, xs: jax.Array) -> jax.Array:
    """Do the same; but stored is only where each chunk of about sqrt(T) steps begins.

    The way back computes one chunk after another once more, and stores its steps meanwhile.
    """
    chunk = 2 ** round(math.log2(len(xs)) / 2)
    return jax.vmap(lambda xs: cells.unroll(cell, xs, chunk)[0][0], in_axes=1)(xs)


def by_hand(cell: cells.LSTM, xs: jax.Array) -> jax.Array:
    """Do the same by fused.unroll_batch, whose way back is written by hand."""
    return fused.unroll_batch(cell, xs.swapaxes(0, 1))[:, -1]


LAYERS = {"plain": plain, "checkpointed": checkpointed, "fused": by_hand}


def measure(quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """Ask XLA for its plan at every length; at the longest, run each program and time it."""
    sizes = QUICK if quick else FULL
    lengths, batch, width = sizes["lengths"], sizes["batch"], sizes["width"]
    cell = cells.LSTM(width, width, rngs=nnx.Rngs(0))
    gradients = {
        name: jax.jit(jax.grad(lambda cell, xs, layer=layer: jnp.mean(layer(cell, xs) ** 2)))
        for name, layer in LAYERS.items()
    }
    say(f"peak memory at T = {', '.join(map(str, lengths))}")
    planned: dict[str, list[int]] = {}
    for name, gradient in gradients.items():
        shapes = [jax.ShapeDtypeStruct((t, batch, width), jnp.float32) for t in lengths]
        planned[name] = [compilation.peak_bytes(gradient, cell, shape) for shape in shapes]
    say(f"time at T = {lengths[-1]}")
    xs = jax.random.normal(jax.random.key(0), (lengths[-1], batch, width))
    programs = {name: lambda g=gradient: g(cell, xs) for name, gradient in gradients.items()}
    times = timing.compare(programs, repeats=10, warmup=1)
    results = {
        name: summary(found)
        | {"bytes": planned[name]}
        | {"exponent": list(timing.exponent(lengths, np.array(planned[name])[:, None]))}
        | {"ratio": list(timing.ratio(found, times["plain"]))}
        for name, found in times.items()
    }
    return {"sizes": sizes, "programs": results}
