"""rnnlib: the small library that the lessons of "The Limits of Recurrence" share."""

import contextlib
import os

import jax

__version__ = "0.1.0"


def _use_every_core() -> None:
    """Let JAX see each CPU core as a device, so that seeds can run side by side.

    A number that the user has set stays: jax_num_cpu_devices (JAX_NUM_CPU_DEVICES in the
    environment), or xla_force_host_platform_device_count in XLA_FLAGS. So does the number at
    JAX's first computation, if that came before this import.
    """
    by_xla = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if by_xla or getattr(jax.config, "jax_num_cpu_devices", -1) > 0:
        return
    affinity = getattr(os, "sched_getaffinity", None)  # Linux: the cores that we may use
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    with contextlib.suppress(RuntimeError):  # JAX is already computing
        jax.config.update("jax_num_cpu_devices", cores)


_use_every_core()
