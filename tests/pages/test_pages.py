"""The built book in a browser: what a reader, or a reader's screen reader, would stumble over."""

import functools
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from looking import ANSWERS_OPEN, AXE, ROOT, lessons, listen, notebooks, violations
from playwright.sync_api import Browser, expect

from browser import drawn, open_page, pages

PHONE, DESKTOP = 360, 1280
THEMES = ("light", "dark")

pytestmark = pytest.mark.browser
# All tests of a page in one process: one load serves them.
each_page = pytest.mark.parametrize(
    "address",
    [
        pytest.param(address, marks=pytest.mark.xdist_group(address))
        for address in pages() or ["(none: run make book)"]
    ],
)

# Figures that say nothing, or only their file's name.
SILENT_FIGURES = r"""() => {
  const text = (figure) => figure.getAttribute("alt") ?? figure.getAttribute("aria-label") ?? "";
  const says = (text) => text.length >= 20 && /\s/.test(text) && !/\.(png|svg|jpe?g)/i.test(text);
  return [...document.querySelectorAll(".bd-article img, .bd-article svg[role=img]")]
    .filter((figure) => figure.checkVisibility())
    .filter((figure) => !says(text(figure)))
    .map((figure) => figure.outerHTML.slice(0, 200));
}"""

# What sticks out to the right, unless it scrolls inside itself.
OVERHANGING = r"""(width) => {
  const kept = (node) => {
    for (let at = node; at && at !== document.body; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (/auto|scroll/.test(style.overflowX) || style.position === "fixed") return true;
    }
    return false;
  };
  const unseen = "mjx-assistive-mml, mjx-assistive-mml *";  // for screen readers
  const wide = [...document.querySelectorAll(`.bd-main *:not(${unseen})`)].filter((node) => {
    const { width: w, height: h, right } = node.getBoundingClientRect();
    return w > 0 && h > 1 && right > width + 1 && node.checkVisibility() && !kept(node);
  });
  const describe = (node) => `${node.tagName}.${node.className}: ${node.textContent.slice(0, 60)}`;
  const found = wide.map(describe);
  if (document.documentElement.scrollWidth > width) found.push("the page scrolls sideways");
  return found;
}"""


# Code that scrolls sideways, and tables: a reader does not see that there is more.
SIDEWAYS = r"""(query) => {
  document.querySelectorAll("details").forEach((details) => { details.open = true; });
  return [...document.querySelectorAll(query)]
    .filter((node) => node.scrollWidth > node.clientWidth + 1)
    .map((node) => node.textContent.trim().slice(0, 80));
}"""


class Visit(NamedTuple):
    """What one visit to a page found: one load serves all tests of the page."""

    events: list[str]  # errors, and requests that left the site
    silent: list[str]
    overhanging: list[str]
    serious: dict[str, list[str]]  # by theme
    wide_code: list[str]  # on a desktop
    wide_tables: list[str]  # on a phone


Visitor = Callable[[str], Visit]


@pytest.fixture(scope="module")
def visit(site: str, browser: Browser) -> Visitor:
    @functools.cache
    def visit(address: str) -> Visit:
        page = open_page(
            browser, viewport={"width": DESKTOP, "height": 900}, reduced_motion="reduce"
        )
        events = listen(page, site)
        page.add_init_script(ANSWERS_OPEN)  # else what is folded would not be looked at
        page.goto(f"{site}/{address}", wait_until="networkidle")
        page.evaluate("() => window.MathJax?.startup?.promise?.then(() => null)")
        silent = page.evaluate(SILENT_FIGURES)
        page.add_script_tag(path=AXE)
        serious = {theme: violations(page, theme) for theme in THEMES}
        wide_code = page.evaluate(SIDEWAYS, ".cell_input pre")
        page.set_viewport_size({"width": PHONE, "height": 800})
        drawn(page)
        overhanging = page.evaluate(OVERHANGING, PHONE)
        wide_tables = page.evaluate(SIDEWAYS, ".cell_output .text_html:has(table)")
        page.close()
        return Visit(events, silent, overhanging, serious, wide_code, wide_tables)

    return visit


@each_page
def test_page_loads_quietly_from_this_site_alone(visit: Visitor, address: str) -> None:
    assert not visit(address).events


@each_page
def test_every_figure_says_what_it_shows(visit: Visitor, address: str) -> None:
    assert not visit(address).silent


@each_page
def test_nothing_sticks_out_on_a_phone(visit: Visitor, address: str) -> None:
    assert not visit(address).overhanging


@each_page
def test_no_code_scrolls_sideways_on_a_desktop(visit: Visitor, address: str) -> None:
    assert not visit(address).wide_code


@each_page
def test_tables_of_results_fit_a_phone(visit: Visitor, address: str) -> None:
    assert not visit(address).wide_tables


@pytest.mark.parametrize("theme", THEMES)
@each_page
def test_axe_finds_nothing_serious(visit: Visitor, address: str, theme: str) -> None:
    found = visit(address).serious[theme]
    assert not found, "\n\n".join(found)


def rare_word() -> tuple[str, str]:
    """The longest word whose beginning stands in one file of the book alone, and that lesson."""
    files = [*ROOT.glob("notebooks/**/*.ipynb"), *ROOT.glob("book/*.md"), *ROOT.glob("book/*.bib")]
    places: dict[str, set[Path]] = {}
    for path in files:
        for word in set(re.findall(r"\b[a-z]{9,}\b", path.read_text().lower())):
            places.setdefault(word[:7], set()).add(path)
    prose = {
        word: path.stem
        for path in ROOT.glob("notebooks/*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
        for word in re.findall(r"(?<=[a-z] )[a-z]{9,}(?= )", cell.source)
        if places.get(word[:7]) == {path}
    }
    word = max(prose, key=lambda word: (len(word), word))
    return word, prose[word]


@pytest.mark.parametrize("address", lessons())
def test_a_solution_opens_by_keyboard(site: str, browser: Browser, address: str) -> None:
    page = open_page(browser)
    page.goto(f"{site}/{address}")
    details = page.locator(".tag_solution details").first
    source, summary = details.locator(".cell_input"), details.locator("summary")
    assert not source.is_visible()
    summary.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")  # it is where Tab leads
    assert summary.evaluate("node => node === document.activeElement")
    page.keyboard.press("Enter")
    expect(source).to_be_visible()
    page.keyboard.press("Enter")
    expect(source).to_be_hidden()
    page.close()


def test_the_search_finds_a_word_of_one_lesson(site: str, browser: Browser) -> None:
    word, lesson = rare_word()
    page = open_page(browser)
    heard = listen(page, site)
    page.goto(f"{site}/search.html?q={word}", wait_until="networkidle")
    page.wait_for_selector("#search-results ul.search li a")
    found = page.locator("#search-results ul.search > li > a")
    addresses = found.evaluate_all("links => links.map((link) => new URL(link.href).pathname)")
    assert addresses == [f"/notebooks/{lesson}.html"], f"searched for {word}"
    assert not heard
    page.close()


@pytest.mark.parametrize("address", notebooks())
def test_the_colab_button_opens_a_notebook_that_exists(
    site: str, browser: Browser, address: str
) -> None:
    page = open_page(browser)
    page.goto(f"{site}/{address}")
    links = page.locator("a[href*='colab.research.google.com']")
    for link in links.evaluate_all("links => links.map((link) => link.href)") or [""]:
        path = link.partition("/blob/")[2].partition("/")[2]
        tracked = ["git", "ls-files", "--error-unmatch", path]
        assert path.endswith(".ipynb")
        assert subprocess.run(tracked, cwd=ROOT, capture_output=True).returncode == 0, link
    page.close()


@pytest.mark.parametrize("theme", THEMES)
def test_a_printed_page_is_legible_from_either_theme(
    site: str, browser: Browser, theme: str
) -> None:
    page = open_page(browser, reduced_motion="reduce")
    page.add_init_script(f"localStorage.mode = localStorage.theme = '{theme}'")
    page.goto(f"{site}/{lessons()[0]}", wait_until="networkidle")
    page.emulate_media(media="print")
    page.add_script_tag(path=AXE)
    assert not [found for found in violations(page, theme) if "color-contrast" in found]
    page.close()
