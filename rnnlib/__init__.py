"""rnnlib: the small library that the lessons of "The Limits of Recurrence" share."""

import os

import jax

__version__ = "0.1.0"


def _use_every_core() -> None:
    """Let JAX see each CPU core as a device, so that seeds can run side by side.

    It has to happen before JAX's first computation; after that the setting raises, and what the
    user has already chosen stays.
    """
    try:
        jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))
    except (RuntimeError, AttributeError):  # already computing; or no affinity (macOS, Windows)
        pass


_use_every_core()
