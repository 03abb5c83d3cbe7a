"""Which files are notebooks, and what is read of them."""

import json
from pathlib import Path

import pytest
from toy_homework import GOOD, notebook

from grading import ipynb as reading
from grading.ipynb import Unreadable, code_cells, is_notebook, without_outputs


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


CUNNING = ['x = [{"outputs": [1]}]\n', 'y = "\\"["']


@pytest.mark.parametrize("separators", [None, (",", ":")])
def test_outputs_are_cut_out_and_nothing_else(separators):
    printed = {"text": ['"outputs": [', "]", "}"], "data": {"a": [[{"outputs": [1]}], '\\"']}}
    cells = [
        {"cell_type": "code", "outputs": [printed, printed], "source": CUNNING},
        {"outputs": [], "source": "z = 1", "metadata": {"outputs": [2]}},
    ]
    content = {"cells": cells, "metadata": {"outputs": [3], "a": [{"outputs": [4]}]}}
    found = json.loads(without_outputs(json.dumps(content, separators=separators).encode()))
    cells[0]["outputs"] = []
    assert found == content
    assert without_outputs(b'{"cells": [{"outputs": [1, 2') == b'{"cells": [{"outputs": ['


def test_a_notebook_with_large_outputs_is_read(tmp_path, monkeypatch):
    path, small = tmp_path / "a.ipynb", notebook(["x = 1"])
    small["cells"][0]["outputs"] = [{"data": {"image/png": "A" * 21 * 2**20}}]
    path.write_text(json.dumps(small))
    assert code_cells(path) == ["x = 1"]
    path.write_text(json.dumps(notebook(["#" * 21 * 2**20])))
    with pytest.raises(Unreadable, match="larger than 20 MiB, its outputs aside"):
        code_cells(path)
    monkeypatch.setattr(reading, "LARGEST", 2**20)
    with pytest.raises(Unreadable, match="larger than 1 MiB: clear its outputs"):
        code_cells(path)
