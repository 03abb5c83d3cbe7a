"""What tools/book_site.py does to a page, on a toy book."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A book in which lessons 1 to 7 and 9 are missing, with this book's settings."""
    book = tmp_path_factory.mktemp("book")
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    config["sphinx"]["local_extensions"] = {"book_site": str(ROOT / "tools")}
    for paths in ("templates_path", "html_static_path", "html_css_files", "html_js_files"):
        config["sphinx"]["config"][paths] = []
    config["bibtex_bibfiles"] = ["none.bib"]
    del config["logo"], config["html"]["favicon"]
    (book / "none.bib").touch()
    for name, text in PAGES.items():
        (book / name).parent.mkdir(parents=True, exist_ok=True)
        (book / name).write_text(text)
    (book / "_config.yml").write_text(yaml.safe_dump(config))
    (book / "_toc.yml").write_text(yaml.safe_dump(CONTENTS))
    program = Path(sys.executable).with_name("jupyter-book")
    command = [program, "build", book, "-W", "--all", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
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
