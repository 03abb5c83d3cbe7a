"""Make the environment in which the notebooks are run as on Colab: `make colab` calls this first.

It holds Colab's versions (requirements-colab.txt) under Colab's Python where that is found, and is
kept in .cache until the pins change.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import DEVNULL

import colab_stamp
from colab_pins import PINS, ROOT, pins

CACHE = ROOT / ".cache" / "colab"
BUILDS = "pip", "setuptools>=77"  # rnnlib's installation needs no network; Colab fetches them
HOMES = [".pyenv/versions/{}*/bin", ".local/share/uv/python/cpython-{}*/bin"]


def find_python() -> str:
    """Find a Python of Colab's minor version; the running one where there is none."""
    minor = pins()["python"].rpartition(".")[0]
    homes = [found for home in HOMES for found in Path.home().glob(home.format(minor))]
    for candidate in [f"python{minor}", *(home / f"python{minor}" for home in sorted(homes))]:
        try:  # a name on PATH may be a shim for what is not installed: only running it tells
            code = "import sys; print(sys.executable)"
            return subprocess.check_output(
                [candidate, "-c", code], stderr=DEVNULL, text=True
            ).strip()
        except (OSError, subprocess.CalledProcessError):
            continue
    return sys.executable


def place() -> Path:
    """Name the folder of the environment: another for other pins."""
    return CACHE / hashlib.sha256(PINS.read_bytes()).hexdigest()[:12]


def ready() -> bool:
    """Whether the environment was made, to its end."""
    return (place() / "ready").exists()


def make(folder: Path) -> None:
    """Install Colab's versions into a new environment; those for older pins go.

    Raises: subprocess.CalledProcessError.
    """
    python = find_python()
    print(f"Installing Colab's versions under {python}: about a minute", flush=True)
    shutil.rmtree(CACHE, ignore_errors=True)
    # The pip is ours: not every Python brings one.
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    pip = [ROOT / "tools" / "pip.sh", sys.executable, "--quiet"]
    into = {**os.environ, "PIP_PYTHON": str(folder / "bin" / "python")}
    subprocess.run([*pip, "--requirement", PINS, *BUILDS], env=into, check=True)
    (folder / "ready").touch()


def notes(folder: Path) -> list[str]:
    """Say in what the contract's run is not Colab's, or not the working tree's."""
    wanted, said = pins()["python"], []
    code = "import platform; print(platform.python_version())"
    version = subprocess.check_output([folder / "bin" / "python", "-c", code], text=True).strip()
    if version.rpartition(".")[0] != wanted.rpartition(".")[0]:
        said.append(f"Note: Colab has Python {wanted}, and the one here is {version}.")
    changed = ["git", "status", "--porcelain", "--", "rnnlib", "pyproject.toml"]
    files = subprocess.check_output(changed, cwd=ROOT, text=True).split("\n")[:-1]
    if files:
        listed = ", ".join(line[3:] for line in files)
        said.append(f"Note: the notebooks fetch rnnlib as committed, without changes to {listed}.")
    return said


def main() -> None:
    """Make the environment unless it is there."""
    folder = place()
    try:
        if not ready():
            make(folder)
    except subprocess.CalledProcessError as error:
        sys.exit(f"Colab's versions could not be installed (no network?): {error}")
    whole = [path.stem for path in colab_stamp.notebooks() if not colab_stamp.passed(path)]
    told = [f"Note: executed whole, for they have not passed as they are: {', '.join(whole)}."]
    for note in notes(folder) + told * bool(whole):
        print(note)


if __name__ == "__main__":
    main()
