"""What tools/book_site.py does to a page, on a toy book."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from sphinx.util.matching import get_matching_files

from assemble import ROOT

PAGES = {
    "intro.md": "# Welcome\n\n8. [Later](notebooks/08_eighth.md)\n9. Repairs *to come*\n",
    "notebooks/08_eighth.md": "# Later\n\n## A part of it\n\nText.\n",
    "notebooks/10_tenth.md": "# Much later\n\n## A part of it\n\nText.\n",
    "notebooks/homework/hw3_x.md": "# Homework\n\nText.\n",
}
CONTENTS = {
    "format": "jb-book",
    "root": "intro",
    "parts": [
        {"caption": "IV", "chapters": [{"file": "notebooks/08_eighth"}]},
        {"caption": "V", "chapters": [{"file": "notebooks/10_tenth"}]},
        {"caption": "Homework", "chapters": [{"file": "notebooks/homework/hw3_x"}]},
    ],
}


def lay_out(book: Path, pages: dict[str, str], contents: dict) -> None:
    """Write a book with this book's settings."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    extensions = config["sphinx"]["local_extensions"]
    config["sphinx"]["local_extensions"] = dict.fromkeys(extensions, str(ROOT / "tools"))
    for paths in ("templates_path", "html_static_path", "html_css_files", "html_js_files"):
        config["sphinx"]["config"][paths] = []
    del config["sphinx"]["config"]["include_patterns"]
    config["bibtex_bibfiles"] = ["none.bib"]
    del config["logo"], config["html"]["favicon"]
    (book / "none.bib").touch()
    for name, text in pages.items():
        (book / name).parent.mkdir(parents=True, exist_ok=True)
        (book / name).write_text(text)
    (book / "_config.yml").write_text(yaml.safe_dump(config))
    (book / "_toc.yml").write_text(yaml.safe_dump(contents))


def build(book: Path, *options: str, before: str = "") -> subprocess.CompletedProcess:
    """Build it in a shell, after what `before` says."""
    program = Path(sys.executable).with_name("jupyter-book")
    command = f'{before}\nexec "$@"'
    words = ["bash", "-c", command, "bash", program, "build", book, "--quiet", *options]
    return subprocess.run(words, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A book in which lessons 1 to 7 and 9 are missing."""
    book = tmp_path_factory.mktemp("book")
    lay_out(book, PAGES, CONTENTS)
    done = build(book, "-W", "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    return book / "_build" / "html"


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", html).split())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "titles"),
    [
        ("intro", ["Welcome"]),
        ("notebooks/08_eighth", ["8 Later", "A part of it"]),
        ("notebooks/10_tenth", ["10 Much later", "A part of it"]),
        ("notebooks/homework/hw3_x", ["Homework"]),
    ],
)
def test_a_lesson_has_the_number_of_its_file(site, page, titles):
    """In the sidebar of every page, and in its own title; nothing else has one."""
    html = (site / f"{page}.html").read_text()
    sidebar = re.findall(r'<li class="toctree-l1.*?</li>', html, re.DOTALL)
    assert [words(link) for link in sidebar] == ["8 Later", "10 Much later", "Homework"]
    found = [words(title) for title in re.findall(r"<h[12]>.*?</h[12]>", html)]
    assert [title[:-1] for title in found if title.endswith("#")] == titles  # as on the screen


def test_in_a_folder_with_brackets_the_pages_are_those_of_the_contents():
    """There `only_build_toc_files` leaves nothing out, and sources of homework became pages."""
    settings = yaml.safe_load((ROOT / "_config.yml").read_text())
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = {chapter["file"] for part in contents["parts"] for chapter in part["chapters"]}
    found = get_matching_files(
        ROOT, settings["sphinx"]["config"]["include_patterns"], settings["exclude_patterns"]
    )
    pages = {Path(file).with_suffix("").as_posix() for file in found if not file.endswith(".json")}
    assert pages == {contents["root"], *listed}
