"""The front door: what `make book` builds anew, and where the browser is looked for."""

import os
import shutil
import subprocess

import pytest
from test_house import ROOT

import browser


@pytest.fixture
def book(tmp_path):
    """A course whose site has just been built; nothing in it is real but the Makefile."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    files = "requirements.lock .venv/.book _config.yml _toc.yml tools/book_site.py book/a.md "
    files += "book/_templates/b.html notebooks/01_c.ipynb _build/html/.stamp"
    for second, file in enumerate(files.split()):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (second, second))
    return tmp_path


def commands(folder, changed: str) -> str:
    """What make would do if a file had changed."""
    make = ["make", "--dry-run", "--no-print-directory", f"--what-if={changed}", "book"]
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


def test_a_new_address_reaches_lessons_and_homework(book):
    publish = ["make", "--dry-run", "publish-as", "URL=https://github.com/a/b", "TAG=v1"]
    said = subprocess.check_output(publish, cwd=book, text=True)
    steps = ["tools/publish_as.py", "tools/lessons.py", "tools/homework.py", "The book"]
    found = [said.index(step) for step in steps]
    assert found == sorted(found)


def program(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
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
