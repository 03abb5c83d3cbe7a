"""The machine at hand: what JAX computes on."""

import os

import jax


def device() -> str:
    """Returns what JAX computes on: "2 CPU cores", or "1 × Tesla T4, 2 CPU cores"."""
    cores = f"{os.cpu_count()} CPU cores"
    kind, count = jax.devices()[0].device_kind, jax.device_count()
    return cores if jax.default_backend() == "cpu" else f"{count} × {kind}, {cores}"
