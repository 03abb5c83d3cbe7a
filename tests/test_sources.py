"""The fingerprint changes with a function's meaning, and with nothing else."""

import itertools
import linecache
import os
import subprocess
import sys
import types
from pathlib import Path

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


SETTINGS = """
import functools
import re
import types
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from rnnlib import cells, decode, text

SIZES = {"RNN": (cells.RNN, 242)}
KINDS = {"a", "b"}
PATTERN = re.compile("a+")
rates = np.array([0.1, 0.2])
starts = jnp.arange(4)[:, None]
batches = text.windows(np.arange(100), length=64, batch=2)
vocabulary = text.CharVocabulary("abc")
strategy = decode.sample(0.5)
square = lambda x: x**2
place = types.SimpleNamespace(low=0)
key = jax.random.key(5)
limit = 9

class Base:
    depth = 3

class Net(Base):
    width = 2 * limit
    def __call__(self):
        return self.width

@dataclass
class Point:
    at: int = 6

def make(scale):
    def scaled(x, by=limit):
        return x * scale * by
    return scaled

def loud(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args) + 0
    return wrapper

@loud
def add(x):
    return x + 7

scaled = make(8)
tripled = functools.partial(make(3), by=4)
each = jax.vmap(scaled)
net, point = Net(), Point()

def run(steps):
    for name in (SIZES, KINDS, PATTERN, rates, starts, batches, vocabulary, strategy, square,
                 place, key, tripled, each, net, point, add):
        print(name)
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("242", "512"),
        ("cells.RNN", "cells.GRU"),
        ('{"a", "b"}', '{"a", "c"}'),
        ('"a+"', '"b+"'),
        ("0.2]", "0.3]"),
        ("arange(4)", "arange(1, 5)"),
        ("length=64", "length=32"),
        ("np.arange(100)", "np.arange(1, 101)"),
        ('"abc"', '"abd"'),
        ("sample(0.5)", "sample(0.6)"),
        ("x**2", "x**3"),
        ("low=0", "low=1"),
        ("key(5)", "key(6)"),
        ("limit = 9", "limit = 10"),
        ("depth = 3", "depth = 4"),
        ("at: int = 6", "at: int = 7"),
        ("x * scale * by", "x + scale * by"),
        ("make(8)", "make(9)"),
        ("make(3), by=4", "make(3), by=5"),
        ("make(3), by=4", "make(5), by=4"),
        ("jax.vmap(scaled)", "jax.vmap(square)"),
        ("x + 7", "x + 8"),
        ("(*args) + 0", "(*args) + 1"),
    ],
)
def test_every_edit_of_a_lesson_s_settings_matters(old, new):
    assert old in SETTINGS
    print_ = sources.fingerprint(cell(SETTINGS))
    assert sources.fingerprint(cell(SETTINGS)) == print_
    assert sources.fingerprint(cell(SETTINGS.replace(old, new))) != print_


def test_what_runs_may_be_a_partial_a_method_or_an_object():
    made = [cell(SETTINGS, "tripled"), cell(SETTINGS, "net"), cell(SETTINGS, "net").__call__]
    changed = SETTINGS.replace("x * scale", "x + scale").replace("limit = 9", "limit = 10")
    other = [cell(changed, "tripled"), cell(changed, "net"), cell(changed, "net").__call__]
    for one, two in zip(made, other, strict=True):
        assert sources.fingerprint(one) != sources.fingerprint(two)


def test_computed_floats_count_by_their_shape():
    """Their last bits differ between machines; a fingerprint that did would refuse good records."""
    code = (
        "import jax.numpy as jnp\nweights = jnp.exp(jnp.ones(3))\ndef run():\n    return weights\n"
    )
    same, other = code.replace("exp", "expm1"), code.replace("ones(3)", "ones(4)")
    assert sources.fingerprint(cell(same)) == sources.fingerprint(cell(code))
    assert sources.fingerprint(cell(other)) != sources.fingerprint(cell(code))


@pytest.mark.slow
def test_the_same_in_every_process():
    """Sets of text are laid out differently in each."""
    code = "from test_sources import *; print(sources.fingerprint(cell(SETTINGS)))"
    here = Path(__file__).parent
    found = {
        subprocess.check_output(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": f"{here}:{here.parent}", "PYTHONHASHSEED": seed},
        )
        for seed in "12"
    }
    assert len(found) == 1


def test_functions_that_call_each_other_end():
    code = "def run(n):\n    return other(n)\n\ndef other(n):\n    return run(n - 1) if n else 0\n"
    assert sources.fingerprint(cell(code))


def test_the_same_on_every_python():
    value = "f'{x!r:>{4}} and {{}}' if x else (None, *x, {**dict(a=1)})"
    code = f"def run(x: list[int]):\n    return {value}\n"
    expected = "fb87aa11b4ecf9d688619929c01005241f8d9c753bfe10066d2af4b0fceddea5"
    assert sources.fingerprint(cell(code)) == expected


def test_a_function_without_source_is_refused():
    namespace = {"__name__": "lesson"}
    exec("def run():\n    return 1\n", namespace)
    with pytest.raises(ValueError, match="cannot find the source of run"):
        sources.fingerprint(namespace["run"])  # pyright: ignore[reportArgumentType]
