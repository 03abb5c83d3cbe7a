"""A record is made and checked by the cells of a notebook."""

import nbclient
import nbformat
import pytest

from assemble import ROOT

CELLS = [
    "import pathlib, os\nfrom rnnlib.records import record\nrecord.FOLDER = pathlib.Path('.')\n"
    "scale = 2",
    "import jax\n\n@jax.jit\ndef double(x):\n    return x * scale\n\n"
    "class Net:\n    def __call__(self, x):\n        return double(x)",
    "def run(steps):\n    return {'loss': Net()(float(steps))}",
    "os.environ['RNNLIB_RECORD'] = '1'\nsizes = {'full': {'steps': 4}, 'small': {'steps': 2}}\n"
    "record.recorded('01_a', run, **sizes)",
    "recorded, StaleRecord = record.recorded, record.StaleRecord\n"
    "del os.environ['RNNLIB_RECORD']\nassert recorded('01_a', run, **sizes)['loss'] == 8",
    "def double(x):\n    return x + x  # the same numbers, other code",
    "try:\n    recorded('01_a', run, **sizes)\n    raise SystemExit\n"
    "except StaleRecord as error:\n    print(error)",
]


@pytest.mark.slow
@pytest.mark.parametrize("history", [True, False])  # nbval has none kept
def test_it_works_for_functions_that_a_notebook_defines(tmp_path, monkeypatch, history):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    client = nbclient.NotebookClient(
        notebook,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    with client.setup_kernel():
        for at, each in enumerate(notebook.cells):
            client.execute_cell(each, at, store_history=history)
    assert "01_a is stale" in notebook.cells[-1].outputs[0]["text"]
