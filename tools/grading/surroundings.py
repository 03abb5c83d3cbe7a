"""What a notebook finds around it: IPython's shell, tqdm's bars, and an accelerator on the CPU."""

import ast
import contextlib
import functools
import importlib
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

from grading.statements import AROUND, python

JAX = re.compile(r"\b(jax|flax|optax|rnnlib)\b")
ELSEWHERE = ("cuda", "rocm", "tpu")  # what JAX calls what a student may have had
TRUE = ("1", "true", "t", "yes", "y", "on")
OPTIONS = re.compile(r"\s*(?:(?:-[nrpvDlsTfm]\s*\S+|--?\w[\w-]*)\s+)*")  # of a magic around Python


class Shell:
    """Stands for IPython's shell: it runs the Python within a magic, writes files, and no more."""

    def __init__(self, namespace: dict[str, Any]):
        self.namespace = namespace

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None

    def run_line_magic(self, name: str, line: str, *args: Any) -> Any:
        """Run what `%time` and its like are put before, and return its value.

        In a function it sees the names there, and defines none, as in IPython.
        """
        local = sys._getframe(1).f_locals
        names = self.namespace if local is self.namespace else {**self.namespace, **local}
        return Shell(names).run_cell_magic(name, "", OPTIONS.sub("", line, count=1))

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        """Run a program, and return its last value, or write a file.

        What is timed defines nothing in IPython: here it does, but only what is not there yet.
        """
        if name in ("writefile", "file") and (words := shlex.split(line)):
            path = Path(words[-1]).expanduser()
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a" if words[:-1] else "w", encoding="utf-8") as file:
                file.write(cell)
            importlib.invalidate_caches()  # a folder's list may be older than the file
        if name not in AROUND:
            return None
        value, before = None, dict(self.namespace)
        for one in python(cell).body:
            if isinstance(one, ast.Expr):
                value = eval(compile(ast.Expression(one.value), "", "eval"), self.namespace)
            else:
                value = exec(compile(ast.Module([one], []), "", "exec"), self.namespace)
        if name == "timeit":
            self.namespace.update(before)
        return value


def surround(cells: list[str]) -> None:
    """Make this process what the cells expect, before the first of them runs.

    JAX starts on the CPU, whatever a cell asks of it later, and gives its cores for any
    accelerator: right answers count, wherever they were found. (Its public settings name one
    platform only; a test sees that this goes on to work.)
    """
    if any(map(JAX.search, cells)):
        import jax
        from jax._src import xla_bridge

        import rnnlib  # noqa: F401  (it counts the cores, before JAX's first computation)

        jax.numpy.zeros(1).block_until_ready()  # from here on no XLA_FLAGS are read
        known = getattr(xla_bridge, "_backends", {})
        known.update({name: known["cpu"] for name in ELSEWHERE if "cpu" in known})
    if any("tqdm" in cell for cell in cells):
        from tqdm import notebook

        start = notebook.tqdm_notebook.__init__
        notebook.tqdm_notebook.__init__ = lambda self, *args, **kwargs: start(
            self, *args, **kwargs | {"disable": True}
        )


def settle(namespace: dict[str, Any]) -> None:
    """Undo what a statement may have done to what the next one stands on."""
    namespace["get_ipython"] = functools.partial(Shell, namespace)  # IPython's own gives None here
    if "jax" in sys.modules and os.environ.pop("JAX_ENABLE_X64", "").lower() in TRUE:
        sys.modules["jax"].config.update("jax_enable_x64", True)  # it reads this when imported


def wait() -> None:
    """Wait for what JAX goes on to compute: it belongs to the statement that asked for it.

    A wait that never ends is ended, with its process, by who watches from outside.
    """
    if "jax" in sys.modules:
        with contextlib.suppress(Exception):  # a submission's own settings may forbid it
            (sys.modules["jax"].numpy.zeros(1) + 1).block_until_ready()  # JAX keeps the order
