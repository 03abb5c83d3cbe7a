"""The book: its sources agree, and the built site holds together without the network."""

import functools
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml
from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
SITE = ROOT / "_build" / "html"
HOSTS = "doi.org arxiv.org aclanthology.org mlr.press jmlr.org openreview.net icml.cc".split()
PAPER = rf"\]\((https?://[^/)]*?(?:{'|'.join(map(re.escape, HOSTS))})/[^)\s]*)\)"
LOADING = {"script", "img", "iframe", "source", "video", "audio"}  # by their src

built = pytest.mark.built


def read_yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def toc() -> list[str]:
    """Pages named in the table of contents, without suffix."""
    contents = read_yaml("_toc.yml")
    chapters = [page["file"] for part in contents["parts"] for page in part["chapters"]]
    return [contents["root"], *chapters]


class Page(NamedTuple):
    """What a built page links to, loads, and can be linked to."""

    links: list[str]
    loads: list[str]
    anchors: set[str]


class Reader(HTMLParser):
    """Collects a Page."""

    def __init__(self) -> None:
        super().__init__()
        self.page = Page([], [], set())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.page.anchors.update(found[name] for name in ("id", "name") if name in found)
        if tag == "a" and "href" in found:
            self.page.links.append(found["href"])
        if tag == "link" and found.get("rel") not in ("canonical", "author"):
            self.page.loads.append(found.get("href", ""))
        if tag in LOADING and "src" in found:
            self.page.loads.append(found["src"])
        sources = (part.split() for part in found.get("srcset", "").split(","))
        self.page.loads.extend(words[0] for words in sources if words)


@functools.cache
def page(path: Path) -> Page:
    reader = Reader()
    reader.feed(path.read_text())
    return reader.page


def built_pages() -> list[Path]:
    hidden = {"_static", "_sources"}
    found = [p for p in SITE.rglob("*.html") if not hidden & set(p.relative_to(SITE).parts)]
    assert found, f"no built book at {SITE}: run make book"
    return found


def outside(address: str) -> bool:
    return bool(urlsplit(address).netloc)


def broken(source: Path, address: str) -> str | None:
    """What is wrong with an internal address on a page, if anything."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not (parts.path or parts.fragment):
        return None
    target = (source.parent / unquote(parts.path)).resolve() if parts.path else source
    where = f"{source.relative_to(SITE)}: {address}"
    if not target.is_relative_to(SITE) or not target.is_file():
        return where
    anchor = unquote(parts.fragment)
    if target.suffix == ".html" and anchor and anchor not in page(target).anchors:
        return f"{where} (no such place on the page)"
    return None


def test_the_map_of_lessons_marks_what_is_to_come() -> None:
    lessons = re.findall(r"^(\d+)\. (.+)$", (BOOK / "intro.md").read_text(), re.MULTILINE)
    assert [int(number) for number, _ in lessons] == list(range(1, 17))
    written = {int(file[10:12]): file for file in toc() if re.match(r"notebooks/\d", file)}
    for number, text in lessons:
        file = written.get(int(number))
        ending = f"](../{file}.ipynb)" if file else " *to come*"
        assert text.endswith(ending), f"lesson {number} in book/intro.md should end with {ending}"


def test_every_paper_that_is_linked_is_in_the_bibliography() -> None:
    listed = set(re.findall(r"url = \{(.+?)\}", (BOOK / "references.bib").read_text()))
    sources = [*BOOK.glob("*.md"), *BOOK.glob("lessons/*.md"), *BOOK.glob("homework/*.md")]
    found = {
        f"{path.name}: {address}"
        for path in sources
        for address in re.findall(PAPER, path.read_text())
        if address not in listed
    }
    assert not found, f"not the url of an entry of book/references.bib: {sorted(found)}"


def test_every_reference_is_in_a_section_of_the_bibliography() -> None:
    bib, page = (BOOK / "references.bib").read_text(), (BOOK / "bibliography.md").read_text()
    entries = re.findall(r"^@\w+\{(\w+),(.*?)^\}", bib, re.MULTILINE | re.DOTALL)
    sections = set(re.findall(r'keywords % "(\w+)"', page))
    for key, fields in entries:
        section = re.search(r"keywords = \{(\w+)\}", fields)
        assert section, f"{key} in book/references.bib has no keywords"
        assert section.group(1) in sections, f"{key}: book/bibliography.md shows no such section"
        assert "url = {" in fields, f"{key} in book/references.bib has no url"


@built
def test_every_page_of_the_contents_is_built() -> None:
    missing = [name for name in toc() if not (SITE / f"{name}.html").is_file()]
    assert not missing, f"run make book; not built: {missing}"


@built
def test_a_lesson_is_numbered_as_its_file_and_as_in_the_map() -> None:
    for name in toc():
        if re.match(r"notebooks/\d", name):
            title = re.search(
                r'<h1><span class="section-number">(\d+)', (SITE / f"{name}.html").read_text()
            )
            assert title, f"{name} has no number"
            assert int(title[1]) == int(name[10:12]), f"{name} is shown as lesson {title[1]}"


@built
def test_a_table_in_an_output_is_a_table() -> None:
    """Read as plain CommonMark it would be a paragraph of bars and dashes."""
    bars = re.compile(r"<p>\|[^<]*\|[-—|\s]{3,}")
    assert not [source for source in built_pages() if bars.search(source.read_text())]


@built
def test_every_internal_link_and_image_resolves() -> None:
    found = [
        trouble
        for source in built_pages()
        for address in (*page(source).links, *page(source).loads)
        if (trouble := broken(source, address))
    ]
    assert not found, "\n".join(found)


def test_links_of_a_notebook_that_is_alone_lead_to_files_of_the_repository() -> None:
    repository = read_yaml("_config.yml")["repository"]
    home = f"{repository['url']}/blob/{repository['branch']}/"
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
        links = [link for text in texts for link in links_of(text) if not link.startswith("#")]
        assert all(map(outside, links)), f"{path.name}: {[x for x in links if not outside(x)]}"
        own = [link.removeprefix(home) for link in links if link.startswith(home)]
        assert all((ROOT / link.split("#")[0]).is_file() for link in own), own


def links_of(text: str) -> list[str]:
    """Everything that Markdown links to or shows."""
    inline = [token for block in MarkdownIt().parse(text) for token in block.children or []]
    found = [str(token.attrGet(name)) for token in inline for name in ("href", "src")
             if token.attrGet(name)]  # fmt: skip
    return found + re.findall(r"""(?:href|src)=["']([^"']+)""", text)


@built
def test_a_notebooks_links_to_other_pages_stay_on_the_site() -> None:
    repository = read_yaml("_config.yml")["repository"]
    home = f"{repository['url']}/blob/{repository['branch']}/"
    listed = {f"{home}{name}" for name in ("notebooks", "book")}
    for source in built_pages():
        away = [link for link in page(source).links if link.startswith(tuple(listed))]
        assert not away, source


@built
def test_the_site_loads_nothing_from_elsewhere() -> None:
    address = r"""(?:url\(|@import\s+)["']?([^"')]+)"""
    loads = {source: page(source).loads for source in built_pages()}
    loads |= {sheet: re.findall(address, sheet.read_text()) for sheet in SITE.rglob("*.css")}
    elsewhere = [
        f"{path.relative_to(SITE)}: {a}" for path in loads for a in loads[path] if outside(a)
    ]
    assert not elsewhere


@built
def test_each_notebook_and_nothing_else_has_a_button_for_colab() -> None:
    repository = read_yaml("_config.yml")["repository"]
    colab = repository["url"].replace(
        "https://github.com", "https://colab.research.google.com/github"
    )
    for source in built_pages():
        buttons = {link for link in page(source).links if "colab.research.google.com" in link}
        name = source.relative_to(SITE).with_suffix(".ipynb")
        expected = f"{colab}/blob/{repository['branch']}/{name}"
        assert buttons == ({expected} if name.parts[0] == "notebooks" else set()), name
