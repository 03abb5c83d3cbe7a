"""Which Python the environment for the contract gets, and what is said about it."""

import subprocess
import sys

import pytest

import colab_venv


@pytest.fixture
def no_python(tmp_path, monkeypatch):
    """A machine on which no Python of Colab's version is found; its home."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(colab_venv, "pins", lambda: {"python": "3.99.1"})
    return tmp_path


def program(path, answer: str):
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{answer}\n")
    path.chmod(0o755)


def test_colabs_python_is_looked_for(no_python):
    assert colab_venv.find_python() == sys.executable
    program(no_python / ".pyenv/versions/3.99.0/bin/python3.99", "echo by pyenv")
    assert colab_venv.find_python() == "by pyenv"
    program(no_python / "bin/python3.99", "exit 127")  # a shim for what is not installed
    assert colab_venv.find_python() == "by pyenv"
    (no_python / "bin/python3.99").write_text("#!/bin/sh\necho on the path\n")
    assert colab_venv.find_python() == "on the path"


def test_what_is_not_as_on_colab_is_said(tmp_path, monkeypatch):
    git = ["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "rnnlib").mkdir()
    (tmp_path / "rnnlib" / "a.py").write_text("")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run([*git, *command], check=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr(colab_venv, "ROOT", tmp_path)
    here = ".".join(map(str, sys.version_info[:2]))
    monkeypatch.setattr(colab_venv, "pins", lambda: {"python": f"{here}.99"})
    assert colab_venv.notes(tmp_path) == []
    monkeypatch.setattr(colab_venv, "pins", lambda: {"python": "3.99.1"})
    (tmp_path / "rnnlib" / "a.py").write_text("changed = True\n")
    python, changed = colab_venv.notes(tmp_path)
    assert python.startswith(f"Note: Colab has Python 3.99.1, and the one here is {here}.")
    assert changed.endswith("without changes to rnnlib/a.py.")


def test_other_pins_are_another_environment(tmp_path, monkeypatch):
    before = colab_venv.place()
    monkeypatch.setattr(colab_venv, "PINS", tmp_path / "pins")
    (tmp_path / "pins").write_text("jax==99\n")
    assert colab_venv.place() != before and not colab_venv.ready()
