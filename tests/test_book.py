"""The book: its sources agree with one another, and the built site holds together without the network."""

import functools
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
SITE = ROOT / "_build" / "html"
PAPERS = r"doi\.org|arxiv\.org|aclanthology\.org|proceedings\.mlr\.press|jmlr\.org|openreview\.net|icml\.cc"
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}

built = pytest.mark.browser  # like the browser's tests, these come after the book was built


def read_yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def toc() -> list[str]:
    """Pages named in the table of contents, without suffix."""
    contents = read_yaml("_toc.yml")
    return [contents["root"]] + [page["file"] for part in contents["parts"] for page in part["chapters"]]


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
        if LOADING.get(tag) in found:
            self.page.loads.append(found[LOADING[tag]])
        self.page.loads.extend(part.split()[0] for part in found.get("srcset", "").split(",") if part.strip())


@functools.cache
def page(path: Path) -> Page:
    reader = Reader()
    reader.feed(path.read_text())
    return reader.page


def built_pages() -> list[Path]:
    found = [p for p in SITE.rglob("*.html") if not {"_static", "_sources"} & set(p.relative_to(SITE).parts)]
    assert found, f"no built book at {SITE}: run make book"
    return found


def is_elsewhere(address: str) -> bool:
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
    written = {int(re.match(r"notebooks/(\d+)_", file).group(1)): file for file in toc() if "notebooks/" in file}  # type: ignore[union-attr]
    for number, text in lessons:
        file = written.get(int(number))
        ending = f"](../{file}.ipynb)" if file else " *to come*"
        assert text.endswith(ending), f"lesson {number} in book/intro.md should end with {ending}"


def test_every_paper_that_is_linked_is_in_the_bibliography() -> None:
    listed = set(re.findall(r"url = \{(.+?)\}", (BOOK / "references.bib").read_text()))
    sources = [*BOOK.glob("*.md"), *BOOK.glob("lessons/*.md")]
    found = {
        f"{path.name}: {address}"
        for path in sources
        for address in re.findall(rf"\]\((https?://[^/)]*?(?:{PAPERS})/[^)\s]*)\)", path.read_text())
        if address not in listed
    }
    assert not found, f"not the url of an entry of book/references.bib: {sorted(found)}"


def test_every_reference_is_in_a_section_of_the_bibliography() -> None:
    entries = re.findall(r"^@\w+\{(\w+),(.*?)^\}", (BOOK / "references.bib").read_text(), re.MULTILINE | re.DOTALL)
    sections = set(re.findall(r'keywords % "(\w+)"', (BOOK / "bibliography.md").read_text()))
    for key, fields in entries:
        keywords = re.search(r"keywords = \{(\w+)\}", fields)
        assert keywords, f"{key} in book/references.bib has no keywords"
        assert keywords.group(1) in sections, f"{key}: no section of book/bibliography.md for {keywords.group(1)}"
        assert "url = {" in fields, f"{key} in book/references.bib has no url"


@built
def test_every_page_of_the_contents_is_built() -> None:
    missing = [name for name in toc() if not (SITE / f"{name}.html").is_file()]
    assert not missing, f"run make book; not built: {missing}"


@built
def test_every_internal_link_and_image_resolves() -> None:
    found = [
        trouble
        for source in built_pages()
        for address in (*page(source).links, *page(source).loads)
        if (trouble := broken(source, address))
    ]
    assert not found, "\n".join(found)


@built
def test_the_site_loads_nothing_from_elsewhere() -> None:
    pages = {f"{source.relative_to(SITE)}: {a}" for source in built_pages() for a in page(source).loads if is_elsewhere(a)}
    sheets = {
        f"{sheet.relative_to(SITE)}: {address}"
        for sheet in SITE.rglob("*.css")
        for address in re.findall(r"""(?:url\(|@import\s+)["']?((?:https?:)?//[^"')]+)""", sheet.read_text())
    }
    assert not pages | sheets


@built
def test_each_lesson_and_nothing_else_has_a_button_for_colab() -> None:
    repository = read_yaml("_config.yml")["repository"]
    colab = repository["url"].replace("https://github.com", "https://colab.research.google.com/github")
    for source in built_pages():
        buttons = {link for link in page(source).links if "colab.research.google.com" in link}
        name = source.relative_to(SITE).with_suffix(".ipynb")
        expected = {f"{colab}/blob/{repository['branch']}/{name}"} if name.parts[0] == "notebooks" else set()
        assert buttons == expected, f"{name}: {buttons}"
