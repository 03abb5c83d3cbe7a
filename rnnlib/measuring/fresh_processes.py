"""Programs that race in fresh processes, as often as a claim about their times needs it.

Two runs of one program differ by more than the repeats within each: memory lies elsewhere, threads
start on other cores, and the machine has turned to other things. So a process is to a claim about
time what a seed is to a claim about learning.
"""

import dataclasses
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

import rnnlib
from rnnlib.claims.weighing import LOOKS
from rnnlib.measuring.machine import processor
from rnnlib.measuring.timing import check_at_least, compare

Program = tuple[Any, ...]  # a function of arrays, and its arguments


class Race:
    """Times programs side by side, in one fresh process after the other.

    `programs` are functions with their arguments: {"LSTM": (step, lstm, xs)}. Each is handed over
    as `jit` hands it to the compiler, so that it may be made of anything that the notebook holds.
    In a process they run as in `timing.compare`, with so many `repeats`. All processes together
    take no more than `at_most` seconds: the one that runs when they are over is stopped, and does
    not count.

    Raises: ValueError (no program, repeats under 1).
    """

    def __init__(
        self, programs: Mapping[str, Program], *, repeats: int = 12, at_most: float = 30.0
    ):
        check_at_least(1, programs=len(programs), repeats=repeats)
        self.repeats, self.seconds_left = repeats, at_most
        self.names = list(programs)
        self.medians: list[dict[str, float]] = []  # process by process
        handed = {name: _handed_over(*program) for name, program in programs.items()}
        self._handed = pickle.dumps(handed)
        # As it was when the programs were handed over.
        self._wide = str(jax.config.jax_enable_x64)  # pyright: ignore[reportAttributeAccessIssue]

    def ratio(self, one: str, other: str) -> "Ratio":
        """Return how many times as long as another a program takes, as `claim` takes it.

        Raises: ValueError (no such program).
        """
        for name in (one, other):
            if name not in self.names:
                raise ValueError(f"no program {name!r} in this race; there are {self.names}")
        return Ratio(self, one, other)

    def more(self) -> bool:
        """Run processes up to the next look; return False if none came to an end.

        Raises: RuntimeError (a process failed).
        """
        before = len(self.medians)
        goal = next((look for look in LOOKS if look > before), before)
        with tempfile.TemporaryDirectory() as cache:
            while len(self.medians) < goal and self.seconds_left > 0:
                self._run(cache)
        return len(self.medians) > before

    def _run(self, cache: str) -> None:
        command = [sys.executable, "-m", __name__, str(self.repeats)]
        settings: Any = {"input": self._handed, "capture_output": True}
        settings["env"] = _environment(cache) | {"JAX_ENABLE_X64": self._wide}
        start = time.perf_counter()
        try:
            done = subprocess.run(command, timeout=self.seconds_left, **settings)
        except subprocess.TimeoutExpired:
            return
        finally:
            self.seconds_left -= time.perf_counter() - start
        if done.returncode:
            told = done.stderr.decode(errors="replace")[-2000:]
            raise RuntimeError(f"a process that timed the programs failed:\n{told}")
        self.medians.append(json.loads(done.stdout))


@dataclasses.dataclass(frozen=True, eq=False)
class Ratio:
    """How many times as long as another a program of a race takes, process by process."""

    race: Race
    one: str
    other: str

    @property
    def values(self) -> np.ndarray:
        """The ratio of the medians in each process, [P]."""
        return np.array([medians[self.one] / medians[self.other] for medians in self.race.medians])

    @property
    def repeats(self) -> int:
        """How many repeats each process took."""
        return self.race.repeats

    @property
    def processor(self) -> str:
        """The full name of the processor that the programs ran on."""
        return processor()

    def more(self) -> bool:
        """Run processes up to the next look; return False if none came to an end."""
        return self.race.more()


def _handed_over(function: Callable, *args: Any) -> tuple[export.Exported, list[np.ndarray]]:
    """Return a program as the compiler is given it, and the arrays that it takes.

    It is pickled, since JAX's own way to write it down needs a package that the course does not;
    what cannot be pickled is how to differentiate it once more.
    """
    leaves, tree = jax.tree.flatten(args)
    leaves = [jnp.asarray(leaf) for leaf in leaves]

    @jax.jit
    def flat(*leaves: jax.Array) -> list[jax.Array]:
        return jax.tree.leaves(function(*jax.tree.unflatten(tree, leaves)))

    exported = dataclasses.replace(export.export(flat)(*leaves), _get_vjp=None)
    return exported, [np.asarray(leaf) for leaf in leaves]


def _environment(cache: str) -> dict[str, str]:
    """Return the environment of a process: this rnnlib, and one compilation for all of them."""
    paths = [str(Path(rnnlib.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    mine = {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # the notebook holds most of a GPU's memory
    }
    compiled = {
        "JAX_COMPILATION_CACHE_DIR": cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    return {**compiled, **os.environ, **mine}


def _main(programs: dict[str, tuple[export.Exported, list[np.ndarray]]], repeats: int) -> None:
    """Time programs and print the median seconds of each."""
    ready = {}
    for name, (exported, leaves) in programs.items():
        run, arrays = jax.jit(exported.call), jax.device_put(leaves)
        ready[name] = lambda run=run, arrays=arrays: run(*arrays)
    times = compare(ready, repeats=repeats, warmup=1)
    print(json.dumps({name: t.median for name, t in times.items()}))


if __name__ == "__main__":
    _main(pickle.load(sys.stdin.buffer), int(sys.argv[1]))
