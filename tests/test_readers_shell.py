"""A reader's shell and settings, which change no lesson."""

import json

import nbformat
import pytest
from test_tools import edit, toy  # noqa: F401  (a fixture)

from lessons import build


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A reader's shell that says how all of their Python, Jupyter and matplotlib should work."""
    kernel = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    profile = tmp_path / "ipython" / "profile_default" / "startup" / "a.py"
    style = tmp_path / "matplotlib" / "matplotlibrc"
    packages = tmp_path / "packages" / "rnnlib" / "__init__.py"
    for path in (kernel, profile, style, packages):
        path.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({"argv": ["false"], "display_name": "a", "language": "python"}))
    profile.write_text("foreign = True\n")
    style.write_text("figure.dpi: 37\n")
    packages.write_text("raise ImportError('the reader has another')\n")
    shell = {
        "MPLBACKEND": "svg",
        "MPLCONFIGDIR": str(style.parent),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "JUPYTER_PATH": str(tmp_path / "jupyter"),
        "PYTHONPATH": str(tmp_path / "packages"),
        "PYTHONOPTIMIZE": "1",
        "JAX_ENABLE_X64": "1",
    }
    for name, value in shell.items():
        monkeypatch.setenv(name, value)


@pytest.mark.slow
@pytest.mark.usefixtures("foreign")
def test_a_lesson_is_the_same_in_every_readers_shell(toy, capfd):  # noqa: F811
    edit(
        toy.source,
        "y = 6 * x",
        "import os, matplotlib as m, matplotlib.pyplot as plt\n"
        "plt.plot([1])\nplt.show()\n"
        "y = __debug__, 'foreign' in globals(), m.rcParams['figure.dpi'] == 37, "
        "os.environ.get('JAX_ENABLE_X64')",
    )
    build(toy)
    *_, drawn = nbformat.read(toy.notebook, as_version=4).cells
    figure, said = drawn.outputs
    assert "image/png" in figure.data
    assert said.data["text/plain"] == "(True, False, False, None)"
    assert capfd.readouterr().err == ""
