"""What a cell gives, changes and needs: every form that Python has for it."""

import ast

import pytest

from grading.statements import AROUND
from rnnlib.notebook import bindings
from rnnlib.notebook.bindings import is_nothing, statements, words


@pytest.mark.parametrize(
    ("source", "gives", "changes", "needs"),
    [
        ("x: dict = f(y)", "x", "", "dict f y"),
        ("x, (y, *z) = w", "x y z", "", "w"),
        ("for x in y:\n    z = x", "x z", "", "y"),
        ("with f() as x:\n    pass", "x", "", "f"),
        ("import a.b as x, y", "x y", "", "'a.py' 'b.py' 'y.py'"),
        ("from a.b import x as z", "z", "", "'a.py' 'b.py'"),
        ("f(x := 1)", "x", "", "f"),
        ("[x := k for k in y]", "x", "", "y"),
        ("x += y", "x", "x", "x y"),
        ("x[0].a = y", "", "x", "x y"),
        ("(x[0], y.b) = 1, 2", "", "x y", "x y"),
        ("del x['a']", "", "x", "x 'a'"),
        ("x['a'].append(y)", "", "x", "x y 'a'"),
        ("x.values()", "", "", "x"),
        ("x = {k: y[k] for k in z}", "x", "", "y z"),
        ("match y:\n    case {'a': x}:\n        pass", "x", "", "y 'a'"),
        ("def x(y, z=v):\n    w = y\n    w[0] = t[z]\n    return x(w)", "x", "", "v t"),
        ("def x():\n    global y\n    y = 1", "x", "y", "y"),
        ("x = lambda y: y + z", "x", "", "z"),
        ("%time x = y", "x", "", "y"),
        ("%%capture out\n%timeit -n1 -r 1 x = y", "x", "", "y"),
        ("x = y(", "x y", "", ""),
    ],
)
def test_every_form_of_a_binding_is_read(source, gives, changes, needs):
    (uses,) = statements(source)
    assert [uses.gives, uses.changes, uses.needs] == [
        {*gives.split()},
        {*changes.split()},
        {*needs.split()},
    ]


@pytest.mark.parametrize(
    ("source", "empty"),
    [
        ("x = y = {}", "x y"),
        ("x, y = dict(a=[], b=None), 3", "x"),
        ("x: list = [None] * 3", "x"),
        ("x: list", "x"),
        ("x = {k: [] for k in KINDS}", "x"),
        ("if True:\n    x = ''", "x"),
        ("del x", "x"),
        ('def x(a):\n    """Doc."""\n    ...', "x"),
        ("def x(a):\n    return 0", ""),
        ("x = 0", ""),
    ],
)
def test_what_holds_nothing_is_told(source, empty):
    (uses,) = statements(source)
    assert uses.gives & uses.empty == {*empty.split()}


@pytest.mark.parametrize(
    "value", ["defaultdict(list)", "dict.fromkeys(KINDS)", "lambda: None", "()"]
)
def test_more_that_holds_nothing(value):
    assert is_nothing(ast.parse(value, mode="eval").body)


@pytest.mark.parametrize("value", ["False", "f()", "{'a': 0}", "OURS.get(7, {})", "(None, 1)"])
def test_what_may_hold_something_is_something(value):
    assert not is_nothing(ast.parse(value, mode="eval").body)


def test_a_text_holds_names_and_files():
    assert words("open('lib/a.py') as f") == {"open", "lib", "a", "py", "as", "f", "'a.py'"}


def test_it_knows_the_magics_that_the_grader_looks_into():
    assert {*bindings.AROUND.split("|")} == AROUND
