"""The first cell of every notebook, run in toy environments; the report that it ends with."""

import importlib.metadata
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import jax
import pytest
import yaml

import rnnlib
from assemble import ROOT, bootstrap
from rnnlib.notebook.first_cell import UnfitError, report, versions

OLD = "Name: rnnlib\nVersion: 0.1.0\nRequires-Dist: jax>=99\n"


def first_cell(folder: Path, code: str = "", **environment: str) -> subprocess.CompletedProcess:
    """Run this project's first cell where its libraries are, and rnnlib is not."""
    cell = folder / "cell.ipy"
    cell.write_text(f"{bootstrap(ROOT)}\n{code}\n")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    site = next((folder / "venv").glob("lib/python*/site-packages"))
    # A path file inside a folder that a path file names is not read: so rnnlib stays hidden.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [folder / "venv" / "bin" / "python", "-m", "IPython", "--colors=nocolor", cell],
        env={**inherited, "PIP_NO_INDEX": "1", "IPYTHONDIR": str(folder), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
    )


def served_from(bare: Path) -> dict[str, str]:
    """Tell git that the repository's address is a local clone; pip builds with what is here."""
    repository = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{bare}.insteadOf",
        "GIT_CONFIG_VALUE_0": repository["url"],
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's spelling of: use the setuptools that is here
    }


@pytest.mark.slow
def test_the_cell_installs_rnnlib_from_the_tag(tmp_path):
    tag = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["branch"]
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", ROOT, bare], check=True)
    subprocess.run(["git", "-C", bare, "tag", "--force", tag, "HEAD"], check=True)
    code = "from rnnlib.texts import corpora\nprint(len(corpora.load('sonnets')), corpora.__file__)"
    done = first_cell(tmp_path, code, **served_from(bare))
    assert done.returncode == 0, done.stdout + done.stderr
    length, where = done.stdout.split()[-2:]
    assert int(length) > 10_000
    assert str(tmp_path) in where
    assert f"rnnlib {rnnlib.__version__}, every version in its range" in done.stdout


@pytest.mark.slow
def test_a_failed_installation_is_one_clear_error(tmp_path):
    done = first_cell(tmp_path, "print('went', 'on')", **served_from(tmp_path / "nowhere"))
    said = done.stdout + done.stderr
    assert "ImportError: No module named 'rnnlib': pip says above why (no network?);" in said
    assert "fatal: " in said, said
    assert "went on" not in said and len(said.splitlines()) < 30


@pytest.mark.slow
def test_a_version_out_of_range_is_one_clear_line(tmp_path):
    package = tmp_path / "old" / "rnnlib"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("__version__ = '0.1.0'\n")
    for module in ("notebook/first_cell.py", "measuring/machine.py"):
        (package / module).parent.mkdir()
        (package / module).write_text((ROOT / "rnnlib" / module).read_text())
    (package.parent / "rnnlib-0.1.0.dist-info").mkdir()
    (package.parent / "rnnlib-0.1.0.dist-info" / "METADATA").write_text(OLD)
    done = first_cell(tmp_path, PYTHONPATH=str(package.parent), COLAB_RELEASE_TAG="test")
    said = done.stdout + done.stderr
    assert "ImportError: the course needs jax>=99, and here is 0." in said
    assert "Disconnect and delete runtime" in said
    assert "Traceback" not in said


def run(monkeypatch, missing: str) -> None:
    """Run the cell in this process, where one package cannot be imported."""
    monkeypatch.setitem(sys.modules, missing, None)
    exec(compile(bootstrap(ROOT).replace("%pip", "raise AssertionError #"), "cell", "exec"), {})


def test_a_missing_jax_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "rnnlib"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=r"jax.*: install it first; this cell installs rnnlib"):
        run(monkeypatch, "jax")


def test_the_cell_installs_nothing_where_rnnlib_is(capsys, monkeypatch):
    run(monkeypatch, "no_such_package")
    assert "CPU cores, Python 3." in capsys.readouterr().out


def test_the_cell_is_short():
    assert len(bootstrap(ROOT).splitlines()) <= 12


@pytest.mark.parametrize(
    ("on_colab", "gains", "backend", "hinted"),
    [
        (True, True, "cpu", True),
        (True, True, "gpu", False),
        (True, False, "cpu", False),
        (False, True, "cpu", False),
    ],
)
def test_a_gpu_is_suggested_only_where_it_helps(
    monkeypatch, capsys, on_colab, gains, backend, hinted
):
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    if on_colab:
        monkeypatch.setenv("COLAB_RELEASE_TAG", "test")
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    report(gains_from_gpu=gains)
    assert ("Runtime > Change runtime type" in capsys.readouterr().out) == hinted


def installed(monkeypatch, needs: list[str] | None, **versions: str) -> None:
    """Pretend that rnnlib is installed, with these needs, and that packages have other versions."""

    def requires(name: str) -> list[str]:
        if needs is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return needs

    def version(name: str) -> str:
        found = versions.get(name, "1.0")
        if not found:
            raise importlib.metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    monkeypatch.setattr(importlib.metadata, "version", version)


def test_versions_are_judged_where_rnnlib_is_installed(monkeypatch):
    installed(monkeypatch, ["jax>=0.7", "flax>=0.11"], jax="0.8.0rc1", flax="0.12")
    assert "jax 0.8.0rc1, flax 0.12" in versions()
    assert versions().endswith("every version in its range")
    installed(monkeypatch, None, jax="0.1", flax="0.1")
    assert versions().endswith("from a working tree")


@pytest.mark.parametrize("flax", ["0.10", ""])
def test_what_does_not_fit_is_said_with_its_remedy(monkeypatch, flax):
    installed(monkeypatch, ["jax>=0.7", "flax>=0.11"], flax=flax)
    found = "and here is 0.10" if flax else "which is missing"
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    with pytest.raises(UnfitError, match=rf"needs flax.*{found}.*pip install \"flax"):
        report()
    monkeypatch.setenv("COLAB_RELEASE_TAG", "test")
    with pytest.raises(UnfitError, match="Runtime > Disconnect and delete runtime") as caught:
        report()
    assert caught.value._render_traceback_() == [f"ImportError: {caught.value}"]
