"""Figures with dials: book/_static/explore.js draws a chart in a figure's place."""

import pytest
from looking import lessons, listen
from playwright.sync_api import Browser, expect

from browser import SITE, open_page

pytestmark = pytest.mark.browser
CHART = '<script class="chart"'


def charted() -> list[str]:
    """Addresses of the lessons that have a chart with dials."""
    return [address for address in lessons() if CHART in (SITE / address).read_text()]


@pytest.mark.parametrize("address", charted())
def test_a_chart_moves_by_keyboard(site: str, browser: Browser, address: str) -> None:
    """Drawn where the figure was, named as the figure was, and other when a dial has moved."""
    page = open_page(browser, reduced_motion="reduce")
    heard = listen(page, site)
    page.add_init_script("localStorage.setItem('answers:open', 'true')")
    page.goto(f"{site}/{address}", wait_until="networkidle")
    for chart in page.locator(".chart-drawn").all():
        still = chart.locator("xpath=preceding-sibling::img[1]")
        picture = chart.locator("svg").first
        chart.scroll_into_view_if_needed()
        expect(picture).to_be_visible()
        if chart.locator(".mark-line, .mark-rect").count():  # else below it: a page of text
            expect(still).to_be_hidden()
        alt = still.get_attribute("alt") or ""
        assert len(alt) > 20
        assert alt in (picture.get_attribute("aria-label") or chart.inner_html())
        dials = chart.locator("input[type=range], select").all()
        assert dials
        for dial in dials:
            before = picture.inner_html()
            assert dial.evaluate("d => d.closest('label').textContent.trim().length > 0")
            dial.focus()
            at = dial.input_value()
            page.keyboard.press("ArrowRight")
            if dial.input_value() == at:  # it began at its end
                page.keyboard.press("ArrowLeft")
            page.wait_for_function(
                "([s, b]) => s.innerHTML !== b", arg=[picture.element_handle(), before]
            )
    page.close()
    assert not heard


@pytest.mark.parametrize("way", ["without scripts", "printed"])
def test_the_figure_stands_without_scripts_and_in_print(
    site: str, browser: Browser, way: str
) -> None:
    page = open_page(browser, java_script_enabled=way == "printed")
    page.goto(f"{site}/{charted()[0]}")
    if way == "printed":
        expect(page.locator(".chart-drawn svg").first).to_be_visible()
        page.emulate_media(media="print")
    figure = page.locator("img:has(+ script.chart)").first
    expect(figure).to_be_visible()
    expect(page.locator(".chart-drawn:visible")).to_have_count(0)
    page.close()


def test_charts_are_drawn_from_a_folder_too(browser: Browser) -> None:
    """`make book` prints an address that begins with file://, where modules are refused."""
    page = open_page(browser)
    page.goto((SITE / charted()[0]).as_uri())
    expect(page.locator(".chart-drawn svg").first).to_be_attached()
    page.close()


def test_only_pages_with_a_chart_load_what_draws_it() -> None:
    pages = {path: path.read_text() for path in SITE.rglob("*.html")}
    assert charted()
    for path, text in pages.items():
        assert ("vega" in text) == (CHART in text), path
