"""What a lesson imports is found, however it is written."""

from fingerprint import imported, parse


def test_imports_are_found_however_they_are_written():
    code = """
%matplotlib inline
import rnnlib.a.b, numpy.b
from rnnlib import c
from rnnlib.d import f
if True:
    !ls
    from . import e
    from ..x.y import z
n = (7
% 3)  # no magic
"""
    assert imported(parse(code), "rnnlib.p.q") == {
        ("rnnlib.a.b", ""),
        ("rnnlib", "c"),
        ("rnnlib.d", "f"),
        ("rnnlib.p.q", "e"),
        ("rnnlib.p.x.y", "z"),
    }
    assert not imported(parse("%%bash\nls | wc"))
    assert imported(parse("%%time\nimport rnnlib.f")) == {("rnnlib.f", "")}
