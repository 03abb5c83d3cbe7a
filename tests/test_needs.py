"""A machine that lacks something: it is installed where that may be, else left out, and said."""

import os
import shutil
import subprocess
import sys

import pytest
from test_house import ROOT

import check
import needs
from check import Outcome
from needs import Need, obtain

SYSTEM = ROOT / "tools" / "system_packages.sh"
PIP = ROOT / "tools" / "pip.sh"
NOISE = """\
WARNING: Location 'file:///nowhere' is ignored: it is neither a file nor a directory.
WARNING: Running pip as the 'root' user can result in broken permissions
"""


def program(folder, name: str, does: str):
    (folder / name).write_text(f"#!/bin/sh\n{does}\n")
    (folder / name).chmod(0o755)
    return folder / name


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A folder that is all of PATH, with the programs that every machine has."""
    for (
        name
    ) in "awk bash cat chmod dirname dpkg-deb env grep ln mkdir mktemp rm sed sh tail".split():
        if found := shutil.which(name):
            (tmp_path / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(*names: str) -> subprocess.CompletedProcess:
    return subprocess.run([SYSTEM, *names], capture_output=True, text=True)


def test_packages_are_installed_by_root_or_without_a_password(bare):
    program(bare, "apt-get", f'echo "$@" >>{bare}/log; echo pages of it')
    program(bare, "sudo", f'[ "$1" = -n ] && echo sudo >>{bare}/log && shift && exec "$@"')
    program(bare, "true", "")
    for user, asked in (("0", []), ("1000", ["sudo"])):
        program(bare, "id", f"echo {user}")
        done = install("bubblewrap", "chromium")
        assert (done.returncode, done.stdout, done.stderr) == (
            0,
            "Installing bubblewrap chromium with apt-get\n",
            "",
        )
        *_, last = log = (bare / "log").read_text().splitlines()
        assert last.endswith("install --no-install-recommends bubblewrap chromium")
        assert log.count("sudo") == 3 * len(asked)  # may it, update, install
        (bare / "log").unlink()


def test_why_no_package_could_be_installed(bare):
    program(bare, "id", "echo 1000")
    assert install("chromium").stderr == "there is no apt-get here\n"
    program(bare, "apt-get", "echo E: no such package; echo E: broken; exit 100")
    assert install("chromium").stderr == (
        "only root may install it: sudo apt-get install chromium\n"
    )
    assert install().returncode == 1
    program(bare, "sudo", "echo a password is required >&2; exit 1")
    assert install("chromium").stderr.startswith("only root may")
    program(bare, "id", "echo 0")
    assert install().returncode == 0
    done = install("chromium")
    assert (done.returncode, done.stderr) == (1, "apt-get failed: E: no such package\n")


def test_pip_says_only_what_a_reader_can_act_on(tmp_path):
    said = "WARNING: Retrying (Retry(total=4)) after connection broken\nERROR: no such package"
    python = program(
        tmp_path, "python", f'echo "$@"\ncat >&2 <<"END"\n{NOISE}{said}\nEND\n[ $5 = ignore ]'
    )
    done = subprocess.run([PIP, python, "--quiet", "jax"], capture_output=True, text=True)
    assert done.stdout.startswith("-m pip install --disable-pip-version-check")
    assert done.stdout.endswith("--quiet jax\n")
    assert done.stderr == f"{said}\n"
    assert done.returncode == 1


@pytest.mark.slow
def test_a_real_pip_is_quiet_and_its_errors_are_shown(tmp_path):
    (tmp_path / "lock").write_text("no-such-package==1.0 --hash=sha256:" + 64 * "0" + "\n")
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "file:///nowhere/at/all"}
    pip = [PIP, sys.executable, "--quiet", "--dry-run"]
    run = {"capture_output": True, "text": True, "env": environment}
    quiet = subprocess.run([*pip, "pip"], **run)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    broken = subprocess.run([*pip, "--require-hashes", "-r", tmp_path / "lock"], **run)
    assert broken.returncode == 1
    assert "ERROR: No matching distribution found for no-such-package==1.0" in broken.stderr
    assert "WARNING" not in broken.stderr


@pytest.fixture
def course(bare):
    """A course's folder on a machine whose Python brings no pip, as Debian's; its PATH."""
    for name in ("env.sh", "system_packages.sh", "pip.sh"):
        (bare / "tools").mkdir(exist_ok=True)
        shutil.copy(ROOT / "tools" / name, bare / "tools")
    makes = f'case "$*" in *--without-pip*) echo bare;; *) echo whole;; esac >>{bare}/made'
    program(
        bare,
        "python3",
        f"""case "$*" in
*sys.executable*) echo {bare}/python3 ;;
*version_info*) echo python3.12 ;;
*ensurepip*) [ -e {bare}/ensurepip ] ;;
*"-m venv"*) {makes}; mkdir -p .venv/bin; ln -s {bare}/python3 .venv/bin/python ;;
*"-m pip"*) echo "pip from $PYTHONPATH: $*" >>{bare}/made ;;
*purelib*) echo {bare} ;;
*"import pip"*) exit 1 ;;
esac""",
    )
    program(bare, "id", "echo 0")
    (bare / "lock").write_text("a==1\n")
    return bare


def make(course) -> subprocess.CompletedProcess:
    command = ["tools/env.sh", "lock", ".venv/.book"]
    return subprocess.run(command, cwd=course, capture_output=True, text=True)


def test_a_python_without_pip_gets_it_installed(course):
    program(course, "apt-get", f'case "$*" in *python3.12-venv) : >{course}/ensurepip;; esac')
    assert make(course).returncode == 0
    made, installed = (course / "made").read_text().splitlines()
    assert made == "whole" and installed.endswith("--require-hashes -r lock")


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="a way for Debian and Ubuntu")
def test_a_user_without_rights_borrows_pip(course):
    program(course, "id", "echo 1000")
    program(course, "apt-get", 'case "$*" in *download*) : >a.deb;; *) exit 1;; esac')
    wheel = "usr/share/python-wheels/pip-23.whl"
    (course / "dpkg-deb").unlink()  # else the machine's own would be written over
    program(course, "dpkg-deb", f"mkdir -p usr/share/python-wheels; : >{wheel}")
    done = make(course)
    assert done.returncode == 0, done.stderr
    made, borrowed, installed = (course / "made").read_text().splitlines()
    assert made == "bare"
    assert borrowed.startswith(f"pip from .cache/pip/{wheel}:") and borrowed.endswith(" pip")
    assert installed.startswith("pip from : ")


def test_no_pip_at_all_is_said(course):
    program(course, "apt-get", "echo E: no network; exit 100")
    done = make(course)
    assert done.returncode == 1
    assert "apt-get failed: E: no network\n" in done.stderr
    assert done.stderr.endswith("As root:\n  apt-get install python3.12-venv\n")
    assert not (course / ".venv").exists()


def needing(folder, *ways: str) -> Need:
    """Need a file; the ways are commands in its folder."""
    file = folder / "there"
    lacking = lambda: "" if file.exists() else "it is not there"  # noqa: E731
    return Need("some tests", lacking, tuple(f"cd {folder}; {way}" for way in ways))


def test_what_is_lacking_is_got_in_one_way_or_another(tmp_path):
    (tmp_path / "there").touch()
    assert obtain(needing(tmp_path, "touch in-vain")) == ""
    (tmp_path / "there").unlink()
    ways = ("echo only root may >&2; echo and more >&2; exit 1", "touch there", "touch in-vain")
    assert obtain(needing(tmp_path, *ways)) == ""
    assert not (tmp_path / "in-vain").exists()
    (tmp_path / "there").unlink()
    assert obtain(needing(tmp_path, ways[0], ":")) == "it is not there; only root may"


def test_a_browser_that_somebody_named_is_not_installed(bare, monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/nowhere")
    program(bare, "id", "echo 0")
    program(bare, "apt-get", f'echo "$@" >>{bare}/log')
    assert [needs.attempt(way) for way in needs.BROWSER.ways] == ["", ""]
    assert not (bare / "log").exists()


def test_namespaces_are_allowed_where_nothing_may_be_left_out_and_nowhere_else(bare, monkeypatch):
    program(bare, "id", "echo 1000")
    program(bare, "sudo", '[ "$1" = -n ] && shift && exec "$@"')
    program(bare, "sysctl", f'echo "$@" >>{bare}/log')
    monkeypatch.delenv("CI", raising=False)
    assert needs.attempt(needs.SANDBOX.ways[1]) == "" and not (bare / "log").exists()
    monkeypatch.setenv("CI", "true")
    assert needs.attempt(needs.SANDBOX.ways[1]) == ""
    assert (bare / "log").read_text() == f"-qw {needs.FORBIDS}=0\n"


def test_continuous_integration_needs_no_make(course):
    (course / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", course / ".ci")
    program(course, "git", "")
    body = f"{course}/make"
    gives = f"""echo "echo make \\$@" >{body}; chmod +x {body}"""
    program(course, "apt-get", f'case "$*" in *install*make) {gives};; esac')
    done = subprocess.run([course / ".ci" / "run"], capture_output=True, text=True)
    assert done.stdout == "Installing make with apt-get\nmake test\n", done.stderr


STAGES = {"graders, graded": "echo 3 passed, 2 skipped in 1s", "browser": "echo started; exit 1"}


@pytest.fixture
def lacking(monkeypatch):
    """A machine without a browser and a sandbox."""
    needs = {title: Need(f"tests of {title}", lambda: "gone", ()) for title in check.NEEDS}
    monkeypatch.setattr(check, "NEEDS", needs)
    monkeypatch.delenv("CI", raising=False)
    return check.prepare(STAGES)


def test_what_a_machine_lacks_is_left_out_and_said(lacking, capfd):
    assert check.prepare({"book": "true"}) == {}
    outcomes = check.run(STAGES, lacking)
    assert outcomes[1] == Outcome("browser", "left out")
    assert check.report(outcomes, lacking)
    said = capfd.readouterr().out
    assert "started" not in said
    assert said.endswith(
        "\nleft out: tests of browser (gone)\n"
        "left out: tests of graders, graded (gone)\n\n3 passed, 0 failed\n"
    )


def test_continuous_integration_leaves_nothing_out_in_silence(lacking, capsys, monkeypatch):
    monkeypatch.setenv("CI", "true")
    assert not check.report([Outcome("browser", "left out")], lacking)
    assert capsys.readouterr().out.endswith("0 passed, 2 failed\n")


def test_a_stage_that_crashes_counts_as_failed(capfd):
    assert not check.report(check.run({"lint": "echo no; exit 3"}, {}), {})
    assert "lint                               FAILED" in (said := capfd.readouterr().out)
    assert said.endswith("\n0 passed, 1 failed\n")
