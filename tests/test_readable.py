"""Which files are notebooks, and what is read of them."""

import json
import tracemalloc
from pathlib import Path

import pytest
from toy_homework import GOOD, notebook

from grading import ipynb as reading
from grading.ipynb import Unreadable, code_cells, is_notebook, only_code


@pytest.mark.parametrize(
    "name", ["a.ipynb", "a.IPYNB", "a (1).ipynb", "a.ipynb.json", "a.ipynb.txt", "a.ipynb (2).txt"]
)
def test_a_browser_may_add_to_a_notebooks_name(tmp_path, name):
    path = tmp_path / name
    path.write_text(json.dumps(notebook(GOOD)))
    assert code_cells(path) == GOOD


@pytest.mark.parametrize("name", ["a.json", "a.ipynb.pdf", "a.ipynb.zip", "a.txt", "ipynb"])
def test_other_files_are_none(name):
    assert not is_notebook(Path(name))


CUNNING = ['x = [{"source": [1]}]\n', 'y = "\\"["']
LARGE = "A" * 21 * 2**20
MORE: dict[str, dict] = {
    "outputs": {"outputs": [{"data": {"image/png": LARGE, "source": ["no"]}}]},
    "attachments": {"attachments": {"a.png": {"image/png": LARGE}}},
    "its metadata": {"metadata": {"source": "no", "cell_type": "markdown", "a": [[LARGE]]}},
}


@pytest.mark.parametrize("more", MORE.values(), ids=MORE)
@pytest.mark.parametrize("separators", [None, (",", ":")])
def test_of_a_cell_only_the_code_counts(tmp_path, more, separators):
    cells = [
        {"cell_type": "code", **more, "source": CUNNING},
        {"source": "z = 1", **more},
        {"cell_type": "raw", "source": ["no"], **more},
        {"source": [], **more, "cell_type": "code"},
    ]
    path, content = tmp_path / "a.ipynb", {"metadata": {"cells": [{"source": "no"}]}}
    path.write_text(json.dumps(content | {"cells": cells}, separators=separators))
    assert code_cells(path) == ["".join(CUNNING), "z = 1", ""]


def test_of_a_notebook_only_the_code_counts(tmp_path):
    path, small = tmp_path / "a.ipynb", notebook(["x = 1"])
    text = {"cell_type": "markdown", "source": [f"![a](data:image/png;base64,{LARGE})"]}
    small["cells"].append({"cell_type": "markdown", "source": LARGE, "metadata": {}})
    widgets = {"metadata": {"widgets": {"state": {"cells": [{"source": LARGE}]}}}}
    path.write_text(json.dumps(widgets | {"cells": [text, *small["cells"]]}))
    assert code_cells(path) == ["x = 1"]


@pytest.mark.parametrize("large", ["", LARGE])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "utf-32"])
def test_a_notebook_is_read_in_every_encoding_of_unicode(tmp_path, encoding, large):
    path = tmp_path / "a.ipynb"
    content = notebook(["x = 'é, 日'"]) | {"metadata": {"a": large}}
    path.write_bytes(json.dumps(content, ensure_ascii=False).encode(encoding))
    assert code_cells(path) == ["x = 'é, 日'"]


@pytest.mark.parametrize("large", ["", LARGE])
def test_a_notebook_of_an_older_format_is_read(tmp_path, large):
    cells = [
        {"cell_type": "code", "language": "python", "input": CUNNING, "outputs": [{"png": large}]},
        {"cell_type": "heading", "level": 1, "source": ["x"]},
    ]
    sheets = [{"cells": cells, "metadata": {}}, {"cells": [{"cell_type": "code", "input": "z"}]}]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"nbformat": 3, "metadata": {}, "worksheets": sheets}))
    assert code_cells(path) == ["".join(CUNNING), "z"]


def test_code_has_a_limit_and_so_has_the_file(tmp_path, monkeypatch):
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(notebook(["#" * 11 * 2**20] * 2)))
    with pytest.raises(Unreadable, match="its code is larger than 20 MiB"):
        code_cells(path)
    monkeypatch.setattr(reading, "LARGEST", 2**20)
    with pytest.raises(Unreadable, match="larger than 1 MiB: clear its outputs"):
        code_cells(path)


@pytest.mark.parametrize(
    "content",
    [
        b'{"cells": [{"outputs": [1, 2' + b" " * 100,
        b"[" * 10_000,
        b"}" * 50 + b'"a":' * 50,
        b'"' + b'\\"' * 50_000,
        b'{"cells": [{"cell_type": "code", "source": {"a": [1]}, "b": "' + b"c" * 100 + b'"}]}}',
    ],
)
def test_what_is_large_and_no_notebook_is_refused(tmp_path, monkeypatch, content):
    monkeypatch.setattr(reading, "MOST", 99)
    (tmp_path / "a.ipynb").write_bytes(content)
    with pytest.raises(Unreadable, match=r"it is not a notebook|it has no code"):
        code_cells(tmp_path / "a.ipynb")


@pytest.mark.parametrize("kind", ["code", "markdown"])
def test_what_is_not_needed_is_never_built(kind):
    """As objects these lists would need twenty times their bytes."""
    many = b"[]," * 20_000 + b"[]"
    cell = b'{"cell_type": "%s", "outputs": [%s]}' % (kind.encode(), many)
    content = b'{"metadata": [%s], "cells": [%s]}' % (many, cell)
    tracemalloc.start()
    only_code(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(content) / 2
