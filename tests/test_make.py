"""The front door: what `make book` builds anew, and where the browser is looked for."""

import os
import re
import shutil
import socket
import subprocess
import sys

import pytest
from test_house import ROOT

import browser

BUILDS = 'echo "jupyter-book $*"; sh ./late; mv _build/.begun _build/html/.stamp'
WRITES = 'echo "$*, begun"; sleep 0.2; touch notebooks/01_c.ipynb; echo "$*, done"'
FAKES = {"tools/env.sh": "", ".venv/bin/python": WRITES, ".venv/bin/jupyter-book": BUILDS}
ODD = ["a copy.md", "1: an idea.md", "a|b.md", "a;b.md", "a\tb.md", "a\\"]


@pytest.fixture
def book(tmp_path):
    """A course whose site has just been built; nothing in it is real but the Makefile."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name, does in FAKES.items():
        program(tmp_path / name, does)
    files = "requirements.lock .venv/.book _config.yml _toc.yml tools/book_site.py late "
    files += "tools/whole_book.py book/a.md book/_templates/b.html notebooks/01_c.ipynb "
    for second, file in enumerate(f"{files} _build/html/.stamp".split()):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (second, second))
    return tmp_path


def commands(folder, changed: str) -> str:
    """What make does if a file has changed."""
    make = ["make", "--no-print-directory", f"--what-if={changed}", "book"]
    return subprocess.check_output(make, cwd=folder, text=True)


@pytest.mark.parametrize("page", ["book/a.md", "notebooks/01_c.ipynb"])
def test_a_page_that_changed_is_built_alone(book, page):
    assert "jupyter-book build" in commands(book, page)
    assert "--all" not in commands(book, page)


@pytest.mark.parametrize(
    "file", ["_config.yml", "_toc.yml", "tools/book_site.py", "book/_templates/b.html"]
)
def test_what_shows_on_every_page_builds_every_page(book, file):
    assert "jupyter-book build . --quiet --all" in commands(book, file)


def test_nothing_is_built_when_nothing_changed(book):
    assert "jupyter-book" not in commands(book, "README.md")


def test_a_page_that_was_saved_during_a_build_is_built_by_the_next(book):
    (book / "late").write_text("sleep 0.1; touch notebooks/01_c.ipynb; : >late")
    assert "jupyter-book" in commands(book, "book/a.md")
    assert "jupyter-book build . --quiet\n" in commands(book, "README.md")
    assert "jupyter-book" not in commands(book, "README.md")


@pytest.mark.parametrize("name", ODD)
def test_no_name_of_a_file_stops_make(book, name):
    path = book / "book" / name
    path.touch()
    assert "jupyter-book build" in commands(book, "README.md")
    assert "jupyter-book" not in commands(book, "README.md")
    (book / "notebooks" / "x").mkdir()
    path.rename(book / "notebooks" / "x" / name)
    os.utime(book / "notebooks" / "x" / name, (1, 1))
    assert "jupyter-book" not in commands(book, "README.md")


def test_a_new_address_reaches_lessons_and_homework_one_after_the_other(book):
    publish = ["make", "-j8", "publish-as", "URL=https://github.com/a/b", "TAG=v1"]
    said = subprocess.check_output(publish, cwd=book, text=True)
    scripts = ("publish_as", "lessons", "homework")
    steps = [rf"tools/{name}\.py.*, {when}" for name in scripts for when in ("begun", "done")]
    assert re.search("(?s)" + ".*".join([*steps, "jupyter-book build", "The book"]), said), said


def test_a_port_that_is_taken_is_said(book):
    (book / ".venv/bin/python").unlink()
    (book / ".venv/bin/python").symlink_to(sys.executable)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        serve = ["make", "serve", f"PORT={port}"]
        done = subprocess.run(serve, cwd=book, capture_output=True, text=True)
    assert done.returncode != 0
    assert f"Port {port} is taken" in done.stderr and "Traceback" not in done.stderr


SETTINGS = {
    "PIP_PREFIX": "",
    "PIP_INDEX_URL": "kept",
    "PIP_CERT": "kept",
    "UV_SYSTEM_PYTHON": "",
    "UV_INDEX_A_PASSWORD": "kept",
    "PYTHONSAFEPATH": "",
    "PYTHONPATH": "",
    "PYTHON": "kept",
    "MPLBACKEND": "",
    "JUPYTER_PATH": "",
    "IPYTHONDIR": "",
    "GIT_WORK_TREE": "",
    "GIT_SSL_CAINFO": "kept",
}


def test_what_a_readers_shell_says_to_their_tools_ends_at_make(book):
    program(book / ".venv/bin/jupyter-book", "env; mv _build/.begun _build/html/.stamp")
    shell = dict.fromkeys(SETTINGS, "kept")
    make = ["make", "--what-if=book/a.md", "book"]
    said = subprocess.check_output(make, cwd=book, text=True, env={**os.environ, **shell})
    found = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    assert {n for n in SETTINGS if found.get(n) == "kept"} == {n for n, v in SETTINGS.items() if v}


def program(path, does: str = ""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine with bash and without a browser."""
    for name in ("bash", "cat"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    "place",
    [
        "bin/chromium",
        "bin/google-chrome",
        ".cache/ms-playwright/chromium-1/chrome-linux/chrome",
        "Library/Caches/ms-playwright/chromium-1/chrome-mac/Chromium.app/Contents/MacOS/Chromium",
    ],
)
def test_chromium_is_found(bare, place):
    expected = program(bare / place)
    assert browser.executable() == expected


def test_the_variable_comes_first(bare, monkeypatch):
    program(bare / "bin" / "chromium")
    monkeypatch.setenv("CHROMIUM", program(bare / "my chrome"))
    assert browser.executable().endswith("my chrome")
    monkeypatch.setenv("CHROMIUM", "/nowhere")
    with pytest.raises(FileNotFoundError, match="CHROMIUM is set to '/nowhere', which is no"):
        browser.executable()


@pytest.mark.skipif(os.path.isdir("/Applications"), reason="this machine may have one there")
def test_a_missing_chromium_is_said(bare):
    with pytest.raises(FileNotFoundError, match=r"Chromium is missing.*CHROMIUM=/path"):
        browser.executable()


def test_a_chromium_that_does_not_start_is_none(bare):
    shim = program(bare / "bin" / "chromium")
    (bare / "bin" / "chromium").write_text("#!/bin/sh\necho pages; echo no libnss3.so; exit 127\n")
    with pytest.raises(FileNotFoundError, match=f"{shim} does not start: no libnss3.so"):
        browser.executable()
    works = program(bare / ".cache/ms-playwright/chromium-1/chrome-linux/chrome")
    assert browser.executable() == works
