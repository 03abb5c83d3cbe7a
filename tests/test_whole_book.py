"""A build of a toy book that a full disk stopped, or during which a page was saved."""

import base64
import hashlib
import os
import random
from pathlib import Path

import nbformat
import pytest
import yaml
from test_book_site import build, lay_out

CONTENTS = {"format": "jb-book", "root": "intro", "chapters": [{"file": "drawn"}]}
SIZE = 300_000
FULL = "ulimit -f 64"  # no file of over 64 KiB: it is cut there, as where a disk is full


def picture(seed: int) -> bytes:
    """Bytes with the head of a PNG: nobody looks at it."""
    return b"\x89PNG\r\n\x1a\n" + random.Random(seed).randbytes(SIZE)


def draw(book: Path) -> None:
    """Write a notebook with a figure, and another picture beside a page."""
    new = nbformat.v4
    figure = {"image/png": base64.b64encode(picture(1)).decode(), "text/plain": "<Figure>"}
    cell = new.new_code_cell("plot()", execution_count=1)
    cell.outputs = [new.new_output("display_data", figure)]
    cells = [new.new_markdown_cell("# Drawn"), cell]
    nbformat.write(new.new_notebook(cells=cells), book / "drawn.ipynb")
    (book / "map.png").write_bytes(picture(2))
    (book / "intro.md").write_text("# Welcome\n\n![a map](map.png)\n")


@pytest.fixture
def book(tmp_path):
    lay_out(tmp_path, {"intro.md": "# Welcome\n", "drawn.md": "# Drawn\n"}, CONTENTS)
    return tmp_path


def images(book: Path) -> set[str]:
    """The hashes of the site's pictures."""
    found = (book / "_build/html/_images").glob("*.png")
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


WHOLE = {hashlib.sha256(picture(seed)).hexdigest() for seed in (1, 2)}


@pytest.mark.slow
@pytest.mark.parametrize("earlier", [False, True])
def test_what_a_full_disk_cut_is_written_again(book, earlier):
    if earlier:
        assert build(book).returncode == 0
    (book / "drawn.md").unlink()
    draw(book)
    assert build(book, before=FULL).returncode != 0
    assert not (book / "_build/html/.stamp").exists()
    done = build(book)
    assert done.returncode == 0, done.stderr
    assert images(book) == WHOLE
    assert (book / "_build/html/.stamp").exists()


@pytest.mark.slow
def test_a_picture_that_could_not_be_copied_fails_the_build(book):
    """Sphinx warns of it, and takes its page for built."""
    assert build(book).returncode == 0
    (book / "map.png").write_bytes(picture(2))
    (book / "intro.md").write_text("# Welcome\n\n![a map](map.png)\n")
    done = build(book, before=FULL)
    assert done.returncode != 0 and "begins anew" in done.stderr + done.stdout
    assert build(book).returncode == 0
    assert len(images(book)) == 1 and images(book) < WHOLE


SAVING = """
from pathlib import Path
def save(app, page, source):
    file = Path(app.srcdir, f"{page}.md")
    if page == "drawn" and "in the meantime" not in source[0]:
        file.write_text("# Drawn\\n\\nin the meantime\\n")
def setup(app):
    app.connect("source-read", save)
"""


@pytest.mark.slow
def test_a_page_that_was_saved_during_a_build_is_built_by_the_next(book):
    """After it was opened, before it counted as read."""
    (book / "saving.py").write_text(SAVING)
    config = yaml.safe_load((book / "_config.yml").read_text())
    config["sphinx"]["local_extensions"]["saving"] = "."
    (book / "_config.yml").write_text(yaml.safe_dump(config))
    for page in (book / "drawn.md", book / "intro.md"):
        os.utime(page, (1, 1))
    site, stamp = book / "_build/html/drawn.html", book / "_build/html/.stamp"
    assert build(book).returncode == 0
    assert "in the meantime" not in site.read_text()
    assert stamp.stat().st_mtime_ns < (book / "drawn.md").stat().st_mtime_ns
    assert build(book).returncode == 0
    assert "in the meantime" in site.read_text()
