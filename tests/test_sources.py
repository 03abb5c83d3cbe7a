"""The fingerprint changes with a function's meaning, and with nothing else."""

import itertools
import linecache
import types

import pytest

from rnnlib import sources

COUNTER = itertools.count()


def cell(code: str, name: str = "run"):
    """Runs code as a notebook does: its lines are in linecache, its module is no file."""
    module, file = types.ModuleType("lesson"), f"<cell {next(COUNTER)}>"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    exec(compile(code, file, "exec"), vars(module))
    return getattr(module, name)


BASE = """
def half(x):
    return x / 2

class Net:
    def step(self, x):
        return half(x)

WIDTH = 3

def run(steps):
    def inner():
        return Net().step(WIDTH)
    return inner() * steps
"""
PRINT = sources.fingerprint(cell(BASE))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x / 2", "x/2  # half of it"),
        ("def run(steps):\n", 'def run(steps):\n    """Explains itself."""\n\n'),
        ("Net().step(WIDTH)", "Net().step(\n            WIDTH,\n        )"),
        ("WIDTH = 3", "WIDTH = 3\nunused = 4\nsteps = 5.0"),  # a local of run hides `steps`
    ],
)
def test_layout_comments_and_strangers_do_not_matter(old, new):
    assert old in BASE
    assert sources.fingerprint(cell(BASE.replace(old, new))) == PRINT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("inner() * steps", "inner() + steps"),
        ("x / 2", "x / 3"),
        ("half(x)\n", "half(-x)\n"),
        ("WIDTH = 3", "WIDTH = 4"),
        ("run(steps)", "run(steps=1)"),
    ],
)
def test_every_edit_that_reaches_the_function_matters(old, new):
    assert old in BASE
    assert sources.fingerprint(cell(BASE.replace(old, new))) != PRINT


def test_a_jitted_function_counts_as_its_source():
    base = "import jax\n\n@jax.jit\ndef f(x):\n    return x + 1\n\ndef run():\n    return f(1)\n"
    changed = base.replace("x + 1", "x + 2")
    assert sources.fingerprint(cell(base)) != sources.fingerprint(cell(changed))


def test_functions_that_call_each_other_end():
    code = "def run(n):\n    return other(n)\n\ndef other(n):\n    return run(n - 1) if n else 0\n"
    assert sources.fingerprint(cell(code))


def test_the_same_on_every_python():
    value = "f'{x!r:>{4}} and {{}}' if x else (None, *x, {**dict(a=1)})"
    code = f"def run(x: list[int]):\n    return {value}\n"
    expected = "f580e462129389f8ecde5db8ec679c74ce2fc7b961b3669d3f98012219bd03c2"
    assert sources.fingerprint(cell(code)) == expected


def test_a_function_without_source_is_refused():
    namespace = {"__name__": "lesson"}
    exec("def run():\n    return 1\n", namespace)
    with pytest.raises(ValueError, match="cannot find the source of run"):
        sources.fingerprint(namespace["run"])  # pyright: ignore[reportArgumentType]
