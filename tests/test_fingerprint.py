"""What a lesson imports is found, however it is written."""

from fingerprint import imported, modules, parse


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


def test_a_byte_order_mark_is_not_read(tmp_path):
    """Some editors begin a file with it, which Python allows."""
    files = {tmp_path / "rnnlib" / name for name in ("__init__.py", "a.py", "b.py")}
    (tmp_path / "rnnlib").mkdir()
    for file in files:
        file.write_text("from rnnlib import b\n", encoding="utf-8-sig")
    assert modules([parse("import rnnlib.a")], tmp_path) == files
