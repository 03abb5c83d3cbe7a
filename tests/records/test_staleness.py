"""The hash changes with what a function needs of its lesson, and with nothing else."""

import itertools
import linecache
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from rnnlib.records.staleness import code_hash

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
PRINT = code_hash(cell(BASE))


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
    assert code_hash(cell(BASE.replace(old, new))) == PRINT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("inner() * steps", "inner() + steps"),
        ("x / 2", "x / 3"),
        ("half(x)\n", "half(-x)\n"),
        ("WIDTH = 3", "WIDTH = 4"),
    ],
)
def test_every_edit_that_reaches_the_function_matters(old, new):
    assert old in BASE
    assert code_hash(cell(BASE.replace(old, new))) != PRINT


SETTINGS = """
import functools, re, types
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from rnnlib.decoding import strategies
from rnnlib.models import cells
from rnnlib.texts.vocabularies import CharVocabulary
from rnnlib.texts.windows import windows

SIZES = {"RNN": (cells.RNN, 242)}
KINDS = {"a", "b"}
PATTERN = re.compile("a+")
rates = np.array([0.1, 0.2])
starts = jnp.arange(4)[:, None]
batches = windows(np.arange(100), length=64, batch=2)
vocabulary = CharVocabulary("abc")
strategy = strategies.sample(0.5)
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
tripled, each = functools.partial(make(3), by=4), jax.vmap(scaled)
net, point = Net(), Point()

def run(steps):
    for name in (SIZES, KINDS, PATTERN, rates, starts, batches, vocabulary, strategy, square,
                 place, key, tripled, each, net, point, add):
        print(name)
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cells.RNN", "cells.GRU"),
        ('{"a", "b"}', '{"a", "c"}'),
        ("length=64", "length=32"),
        ("sample(0.5)", "sample(0.6)"),
        ("x**2", "x**3"),
        ("key(5)", "key(6)"),
        ("limit = 9", "limit = 10"),
        ("depth = 3", "depth = 4"),
        ("at: int = 6", "at: int = 7"),
        ("x * scale * by", "x + scale * by"),
        ("make(8)", "make(9)"),
        ("make(3), by=4", "make(3), by=5"),
        ("x + 7", "x + 8"),
        ("(*args) + 0", "(*args) + 1"),
    ],
)
def test_every_edit_of_a_lesson_s_settings_matters(old, new):
    assert old in SETTINGS
    print_ = code_hash(cell(SETTINGS))
    assert code_hash(cell(SETTINGS)) == print_
    assert code_hash(cell(SETTINGS.replace(old, new))) != print_


@pytest.mark.parametrize("name", ["tripled", "net", "scaled", "square"])
def test_only_a_function_by_name_is_taken(name):
    with pytest.raises(ValueError, match="define it by `def` at the top"):
        code_hash(cell(SETTINGS, name))


LATER = """
import math
import numpy as np
from jax.nn import tanh

sizes = {}
names = ["RNN"]
sizes["LSTM"] = 64
names.append("GRU")
for width in (1, 2):
    sizes[f"GRU {width}"] = width
rate = 1
rate = 2
other = [rate for rate in (5, 6)]

def run():
    return sizes, names, rate, tanh, math.e
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('sizes["LSTM"] = 64', 'sizes["LSTM"] = 65'),
        ("64\n", "64\ndel sizes['LSTM']\n"),
        ('append("GRU")', 'append("LSTM")'),
        ("in (1, 2)", "in (1, 3)"),
        ("rate = 2", "rate = 3"),
        ("jax.nn import tanh", "numpy import tanh"),
    ],
)
def test_what_changes_a_value_later_matters(old, new):
    assert old in LATER
    assert code_hash(cell(LATER.replace(old, new))) != code_hash(cell(LATER))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rate = 1\n", "rate = 7\n"),  # overwritten
        ("other = [", "math.sqrt(rate)\nother = ["),  # a call of what is imported
        ("in (5, 6)", "in (5, 7)"),  # a comprehension's name is its own
        ("jax.nn import tanh", "jax.numpy import exp, tanh"),
        (
            "import numpy as np\nfrom jax.nn import tanh",
            "from jax.nn import tanh\nimport numpy",
        ),
        ("sizes = {}", "sizes = {}  # by name\nothers = {}\nothers['LSTM'] = 3"),
    ],
)
def test_what_the_function_does_not_need_does_not_matter(old, new):
    assert old in LATER
    assert code_hash(cell(LATER.replace(old, new))) == code_hash(cell(LATER))


@pytest.mark.slow
def test_the_same_in_every_process():
    """Sets of text are laid out differently in each."""
    code = "from test_staleness import *; print(code_hash(cell(SETTINGS)))"
    here = Path(__file__).parent
    paths = {**os.environ, "PYTHONPATH": f"{here}:{here.parents[1]}"}
    found = {
        subprocess.check_output([sys.executable, "-c", code], env=paths | {"PYTHONHASHSEED": seed})
        for seed in "12"
    }
    assert len(found) == 1


def test_functions_that_call_each_other_end():
    assert code_hash(cell("def run(n):\n    other(n)\n\ndef other(n):\n    run(n)\n"))


def test_the_same_on_every_python():
    value = "f'{x!r:>{4}} and {{}}' if x else (None, *x, {**dict(a=1)})"
    code = f"def run(x: list[int]):\n    return {value}\n"
    expected = "d2eef76246072cabd438769e2e6cba072b5e5b9d1aa480d734670c76ab4f4e84"
    assert code_hash(cell(code)) == expected


def test_a_function_without_source_is_refused():
    namespace = {"__name__": "lesson"}
    exec("def run():\n    return 1\n", namespace)
    with pytest.raises(ValueError, match="cannot find the source of 'run'"):
        code_hash(namespace["run"])  # pyright: ignore[reportArgumentType]
