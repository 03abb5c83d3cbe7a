"""The contract with Colab: each notebook alone, with Colab's versions, from first cell to last.

`make colab` makes the environment and runs this. Each notebook gets a machine of its own: an
environment on top of Colab's packages, an empty folder, and git that finds the repository.
Homework runs unsolved, as students first open it: every cell, with self-checks that say "not yet".
A notebook that has passed in its present state (tools/colab_stamp.py) runs its first cell and its
imports only, unless COLAB_ALL is set: `make colab ALL=1`.
"""

import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
import yaml
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import colab_stamp
from assemble import ROOT, bootstrap
from colab_pins import pins
from colab_venv import notes, place, ready
from lessons import QUIET, UNHURRIED

pytestmark = pytest.mark.colab

LONGEST = 1800  # seconds for one cell, on a slow and busy machine that compiles everything
PROBE = """
import json, sys
import flax, jax, jaxlib, matplotlib, numpy, optax, scipy, tqdm, IPython, ipykernel, rnnlib
loaded = [flax, jax, jaxlib, matplotlib, numpy, optax, scipy, tqdm, IPython, ipykernel]
versions = {m.__name__.lower(): m.__version__ for m in loaded}
print(json.dumps({"rnnlib": rnnlib.__file__, "path": sys.path, "versions": versions}))
"""


class Machine(NamedTuple):
    """What a Colab session is to a notebook: a Python, an environment, an empty folder."""

    python: Path
    environment: dict[str, str]
    content: Path


@pytest.fixture(scope="session")
def repository(tmp_path_factory) -> dict[str, str]:
    """The committed state under the tag, and what tells git that it is at the public address."""
    named = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]
    bare = tmp_path_factory.mktemp("repository") / "bare.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", ROOT, bare], check=True)
    subprocess.run(["git", "-C", bare, "tag", "--force", named["branch"], "HEAD"], check=True)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{bare}.insteadOf",
        "GIT_CONFIG_VALUE_0": named["url"],
    }


@pytest.fixture
def machine(tmp_path, repository) -> Machine:
    """A fresh machine. Nothing of this project's own environment is on it."""
    if not ready():
        pytest.fail("Colab's versions are not installed here: run make colab")
    home, content = tmp_path / "home", tmp_path / "content"
    home.mkdir()
    content.mkdir()
    venv = tmp_path / "venv"
    subprocess.run([place() / "bin" / "python", "-m", "venv", "--without-pip", venv], check=True)
    packages, mine = (next(p.glob("lib/python*/site-packages")) for p in (place(), venv))
    (mine / "colab.pth").write_text(f"{packages}\n")
    environment = {
        "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "COLAB_RELEASE_TAG": "contract",
        "JAX_COMPILATION_CACHE_DIR": str(ROOT / ".cache" / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's spelling of: use the setuptools that is here
        **QUIET,
        **repository,
    }
    return Machine(venv / "bin" / "python", environment, content)


def packages(machine: Machine) -> set[str]:
    """List what is installed on a machine, as name==version."""
    pip = [machine.python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"]
    listed = subprocess.check_output(pip, env=machine.environment, cwd=machine.content, text=True)
    return set(listed.split())


def execute(notebook: Any, machine: Machine) -> None:
    """Run a notebook headless with the machine's own kernel.

    Raises: CellExecutionError (a cell failed that is not tagged raises-exception).
    """
    kernel = machine.content.parent / "kernels" / "colab"
    kernel.mkdir(parents=True)
    argv = [str(machine.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    named = {"argv": argv, "display_name": "Colab", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(named))
    specs = KernelSpecManager(kernel_dirs=[str(kernel.parent)])
    manager = AsyncKernelManager(kernel_name="colab", kernel_spec_manager=specs)
    resources = {"metadata": {"path": str(machine.content)}}
    client = NotebookClient(notebook, km=manager, timeout=LONGEST, resources=resources, **UNHURRIED)
    client.execute(env=machine.environment, cleanup_kc=True)  # the kernel goes, whatever happens


def hold(path: Path, machine: Machine) -> None:
    """Copy one notebook, alone, onto a machine, run it there, and check what it leaves."""
    notebook = nbformat.read(shutil.copy(path, machine.content), as_version=4)
    before = packages(machine)
    notebook.cells.append(nbformat.v4.new_code_cell(PROBE))
    execute(notebook, machine)
    after = packages(machine)
    assert not before - after
    assert {line.split("==")[0] for line in after - before} == {"rnnlib"}
    found = json.loads(notebook.cells[-1].outputs[-1].text)
    venv = machine.python.parents[1]
    assert Path(found["rnnlib"]).is_relative_to(venv)
    ours = {str(ROOT), sysconfig.get_path("purelib"), str(ROOT / "tools")}
    assert not ours & set(found["path"]), "this project's own environment leaked in"
    assert found["versions"].items() <= pins().items()


def toy(folder: Path, *cells: str, first: str = "") -> Path:
    """A notebook of the first cell and these."""
    notebook = nbformat.v4.new_notebook()
    sources = (first or bootstrap(ROOT, True), *cells)
    notebook.cells = [nbformat.v4.new_code_cell(code) for code in sources]
    nbformat.write(notebook, folder / "toy.ipynb")
    return folder / "toy.ipynb"


@pytest.mark.parametrize("path", colab_stamp.notebooks(), ids=lambda path: path.stem)
def test_a_notebook_runs_alone_on_colab(machine, tmp_path, path):
    if colab_stamp.passed(path) and not os.environ.get("COLAB_ALL"):
        cells = nbformat.read(path, as_version=4).cells
        first = next(cell.source for cell in cells if cell.cell_type == "code")
        imports = colab_stamp.imports(colab_stamp.code(path))
        hold(toy(tmp_path, imports, first=first), machine)
        return
    state = colab_stamp.state(path)
    hold(path, machine)
    if not notes(place()):  # it was Colab's Python, and the rnnlib that is here
        colab_stamp.note(path, state)


def test_a_notebook_that_keeps_the_contract(machine, tmp_path):
    tracked = ["git", "-C", ROOT, "ls-tree", "-r", "--name-only", "HEAD", "rnnlib"]
    files = subprocess.check_output(tracked, text=True).split()
    home = "import pathlib, rnnlib; site = pathlib.Path(rnnlib.__file__).parents[1]\n"
    whole = (
        f"missing = [f for f in {files} if not (site / f).exists()]; assert not missing, missing"
    )
    path = toy(tmp_path, "from rnnlib.texts import corpora; corpora.load('sonnets')", home + whole)
    hold(path, machine)
    assert [file.name for file in machine.content.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import nbclient", "No module named 'nbclient'"),
        ("open('../book/intro.md')", "No such file"),
    ],
)
def test_a_notebook_that_breaks_it(machine, tmp_path, code, said):
    with pytest.raises(CellExecutionError, match=said):
        hold(toy(tmp_path, code), machine)


def test_a_notebook_that_installs_something_else(machine, tmp_path):
    site = "import pathlib, rnnlib; site = pathlib.Path(rnnlib.__file__).parents[1]\n"
    info = "info = site / 'intruder-1.0.dist-info'; info.mkdir()\n"
    text = "(info / 'METADATA').write_text('Name: intruder\\nVersion: 1.0\\n')"
    with pytest.raises(AssertionError, match="intruder"):
        hold(toy(tmp_path, site + info + text), machine)


def test_an_environment_that_leaks(machine, tmp_path):
    machine.environment["PYTHONPATH"] = str(ROOT)
    with pytest.raises(AssertionError):
        hold(toy(tmp_path), machine)
