"""An environment works where it was made, under its Python, with its lock: else it is made anew."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from test_house import ROOT

pytestmark = pytest.mark.slow

SAYS = "import sys\n\n\ndef main():\n    print(sys.prefix)\n"
ENTRY = "[console_scripts]\nsaid = said:main\n"


def wheel(folder: Path, version: str) -> str:
    """Write a package whose program says which environment it runs in; -> its line of a lock."""
    told = f"said-{version}.dist-info"
    path = folder / f"said-{version}-py3-none-any.whl"
    files = {
        "said.py": SAYS,
        f"{told}/METADATA": f"Metadata-Version: 2.1\nName: said\nVersion: {version}\n",
        f"{told}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{told}/entry_points.txt": ENTRY,
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{told}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, f"{told}/RECORD": record}.items():
            archive.writestr(name, text)
    return f"said=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A course's folder with its environment, whose lock is of one package."""
    home = tmp_path_factory.mktemp("home")
    (home / "wheels").mkdir()
    return lay_out(home / "course", wheel(home / "wheels", "1.0"))


def lay_out(course: Path, lock: str) -> Path:
    (course / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", course)
    for name in ("env.sh", "pip.sh", "system_packages.sh"):
        shutil.copy(ROOT / "tools" / name, course / "tools")
    (course / "rnnlib.py").touch()
    (course / "requirements.lock").write_text(lock)
    (course / "requirements-test.lock").write_text(lock)
    assert "Making" in make(course).stderr
    assert works(course)
    return course


def make(course: Path, **shell: str) -> subprocess.CompletedProcess:
    """Run make with what a reader's shell may say; the wheels are beside the course."""
    wheels = str(
        next(folder for folder in course.parents if (folder / "wheels").exists()) / "wheels"
    )
    index = {f"{tool}_{what}": value for tool in ("PIP", "UV")
             for what, value in (("NO_INDEX", "1"), ("FIND_LINKS", wheels))}  # fmt: skip
    home = {"HOME": str(course.parent), "PYTHON": sys.executable}
    environment = {**os.environ, **home, **index, **shell}
    return subprocess.run(
        ["make", ".venv/.test"], cwd=course, env=environment, capture_output=True, text=True
    )


def works(course: Path) -> bool:
    """Whether its package and its rnnlib are its own, whatever python finds beside itself."""
    said = subprocess.check_output([course / ".venv/bin/said"], text=True).strip()
    code = "import rnnlib; print(rnnlib.__file__)"
    python = course / ".venv/bin/python"
    own = subprocess.check_output([python, "-c", code], cwd="/", text=True).strip()
    here = course.resolve()
    return (said, own) == (str(here / ".venv"), str(here / "rnnlib.py"))


@pytest.fixture
def other(made, tmp_path_factory) -> Path:
    """A copy with all time stamps, in another folder."""
    folder = made.parent / "another folder" / tmp_path_factory.mktemp("copies").name
    shutil.copytree(made, folder, symlinks=True)
    return folder


def test_what_works_is_left_alone(made):
    before = (made / ".venv/.book").stat().st_mtime_ns
    (made / "requirements.lock").touch()
    assert make(made, PIP_NO_INDEX="1", PIP_FIND_LINKS="/nowhere").returncode == 0
    assert (made / ".venv/.book").stat().st_mtime_ns == before


def test_a_folder_that_was_copied_or_renamed_is_made_anew(made, other):
    assert make(other).returncode == 0
    assert works(other) and works(made)
    (other / "requirements.lock").write_text(wheel(made.parent / "wheels", "2.0"))
    done = make(other)
    assert done.returncode == 0 and "Making" not in done.stderr  # another lock takes no new one
    assert list(other.glob(".venv/lib/python*/site-packages/said-2.0.dist-info"))
    later = other.rename(other.with_name("later"))
    assert make(later).returncode == 0
    assert works(later)


def test_the_environment_of_another_checkout_is_left_to_it(made, other):
    shutil.rmtree(other / ".venv")
    (other / ".venv").symlink_to(made / ".venv")
    assert make(other).returncode == 0
    assert works(other) and works(made)
    assert not (other / ".venv").is_symlink()


def test_another_python(made):
    """As after an upgrade of the system's, to which the environment still points."""
    home = made / ".venv/.home"
    home.write_text(home.read_text().replace(" 3 ", " 2 "))
    assert "Making" in make(made).stderr
    assert works(made)


def foreign(folder: Path) -> dict[str, str]:
    """What a reader says to all of their tools: packages of theirs, and where new ones go."""
    packages = folder / "packages"
    (packages / "said-1.0.dist-info").mkdir(parents=True)
    (packages / "said-1.0.dist-info/METADATA").write_text("Name: said\nVersion: 1.0\n")
    (packages / "rnnlib.py").touch()
    away = str(folder / "away")
    return {
        "PYTHONPATH": str(packages),
        "PYTHONHOME": away,
        "PYTHONSAFEPATH": "1",
        "PIP_ROOT": away,
        "PIP_TARGET": away,
        "PIP_DRY_RUN": "1",
        "PIP_CONSTRAINT": away,
        "PIP_PYTHON": away,
        "PIP_NO_BINARY": ":all:",
        "UV_TARGET": away,
        "UV_NO_BINARY": "1",
        "UV_PYTHON": away,
    }


def test_a_readers_settings_reach_no_environment(other, tmp_path):
    shutil.rmtree(other / ".venv")
    done = make(other, **foreign(tmp_path))
    assert done.returncode == 0, done.stderr
    assert works(other)
    assert not (tmp_path / "away").exists()


def test_an_installation_with_nothing_in_it_is_said(other, tmp_path):
    """In a file of settings, which may also name the index: it is read."""
    shutil.rmtree(other / ".venv")
    (tmp_path / "pip.conf").write_text(f"[install]\nroot = {tmp_path / 'away'}\n")
    (tmp_path / "uv.toml").write_text(f"[pip]\ntarget = '{tmp_path / 'away'}'\n")
    files = {f"{tool}_CONFIG_FILE": str(next(tmp_path.glob(f"{tool.lower()}.*")))
             for tool in ("PIP", "UV")}  # fmt: skip
    for _ in range(2):
        done = make(other, **files)
        assert done.returncode != 0
        assert "Not installed into .venv: said (1 in all)" in done.stderr
    assert not (other / ".venv/.book").exists()
