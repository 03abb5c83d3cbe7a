"""rnnlib: the small library that the lessons of "The Limits of Recurrence" share."""

import contextlib
import os

import jax

__version__ = "0.1.0"


def _use_every_core() -> None:
    """Let JAX see each CPU core as a device, so that seeds can run side by side.

    It has to happen before JAX's first computation; after that the setting raises, and what the
    user has already chosen stays.
    """
    # RuntimeError: already computing. AttributeError: no affinity on macOS and Windows.
    with contextlib.suppress(RuntimeError, AttributeError):
        jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))


_use_every_core()
