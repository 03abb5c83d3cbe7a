"""A submission without a sandbox: what a change does not touch is computed once."""

import pytest

from grading.submission import Failed, Missing
from local_submission import Local

CELLS = """
asked = []
class Half:
    def of(self, x): return x / 2
def note(x):
    asked.append(x)
def inner(x):
    note(x)
    return x + 1
def f(x):
    return inner(x) * 2
def g(x):
    note(x)
    return Half().of(x)
table = {"f": f}
"""


@pytest.fixture
def local() -> Local:
    local = Local([CELLS])
    assert not local.failed
    assert (local.call("f", 1), local.call("g", 8)) == (4, 4)
    assert local.namespace["asked"] == [1, 8]
    return local


@pytest.mark.parametrize(
    ("change", "answers", "asked"),
    [
        ("def other(x): return x", (4, 4), []),
        ("def inner(x): return x", (2, 4), []),
        ("old = inner\ndef inner(x): return old(x) + 1", (6, 4), [1]),
        ("class Half:\n    def of(self, x): return 0", (4, 0), [8]),
        ("def g(x): return -1", (4, -1), []),
        ("inner = lambda x: 0", (0, 4), []),
        ("Half.of = lambda self, x: 7", (4, 7), [1, 8]),
        ("if True:\n    def f(x): return 3", (3, 4), [8]),
    ],
)
def test_only_what_a_change_touches_is_asked_again(local, change, answers, asked):
    before = local.namespace["Half"].of
    local.namespace["asked"].clear()
    with local.changed(change) as other:
        assert (other.call("f", 1), other.call("g", 8)) == answers
    assert local.namespace["asked"] == asked
    local.namespace["Half"].of = before
    assert (local.call("f", 1), local.call("g", 8)) == (4, 4)
    assert local.namespace["asked"] == asked, "as it was, it is known"


def test_what_fails_is_said_each_time(local):
    for _ in range(2):
        with pytest.raises(Failed, match="`table`: TypeError"):
            local.get("table")
        with pytest.raises(Missing, match="there is no `h`"):
            local.get("h")
    with pytest.raises(ValueError, match="ZeroDivisionError"), local.changed("1 / 0"):
        pass
