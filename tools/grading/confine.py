"""Take on limits, then become another program: `python confine.py LIMITS PROGRAM ARGUMENT...`.

A program of its own, since what Python does between fork and exec may deadlock where threads run,
as JAX's do in a grader whose checks have used it.
"""

import json
import os
import resource
import sys


def main() -> None:
    """Read the limits, [core, {kind: most}], from the first argument; run the others."""
    core, limits = json.loads(sys.argv[1])
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    for name, most in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]  # nobody but root may go beyond it
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
