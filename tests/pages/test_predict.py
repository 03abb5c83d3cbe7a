"""Answers are folded until the reader has guessed: book/_static/predict.js."""

import re
from collections.abc import Iterator

import pytest
from looking import AXE, lessons, listen, violations
from playwright.sync_api import Browser, Page, expect

from browser import SITE, open_page

pytestmark = pytest.mark.browser


def predictive() -> list[str]:
    """Addresses of the lessons that ask for predictions."""
    return [a for a in lessons() if '<section class="predict"' in (SITE / a).read_text()]


@pytest.fixture(params=predictive())
def page(site: str, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A lesson as a reader meets it, and at the end nothing went wrong on it."""
    page = open_page(browser, reduced_motion="reduce")
    heard = listen(page, site)
    page.goto(f"{site}/{request.param}", wait_until="networkidle")
    yield page
    page.close()
    assert not heard


def test_answers_are_folded_until_a_guess_is_made(page: Page) -> None:
    """All by keyboard; axe is content, and the page remembers."""
    page.add_script_tag(path=AXE)
    assert not violations(page, "light")
    forms, covers = page.locator(".predict form.guess"), page.locator(".answer-cover")
    answers = page.locator(".answer-said", has_text=re.compile(": measured .* No guess made"))
    asked = forms.count()
    assert asked == covers.count() == answers.count() > 0
    assert not any(answer.is_visible() for answer in answers.all())
    assert not page.locator(".guess-cell").first.is_visible()
    forms.first.locator("input, select").focus()
    page.keyboard.press("Enter")  # no guess: nothing happens
    expect(covers.first).to_be_visible()
    page.keyboard.type("12.5")
    page.keyboard.press("Enter")
    said = page.locator(".answer-said", has_text="You guessed 12.5").first
    expect(said).to_be_visible()
    assert re.search(r"measured .* You guessed 12\.5.* You were .* off", said.inner_text())
    assert [cover.is_visible() for cover in covers.all()] == [False] + [True] * (asked - 1)
    page.reload()
    expect(said).to_be_visible()


def test_the_switch_opens_and_closes_all(page: Page) -> None:
    covers, switch = page.locator(".answer-cover"), page.get_by_role("switch")
    covers.first.get_by_role("button").press("Enter")  # show me
    expect(covers.first).to_be_hidden()
    switch.press("Space")
    assert not any(cover.is_visible() for cover in covers.all())
    page.reload()
    assert not any(cover.is_visible() for cover in covers.all())
    switch.press("Space")
    assert all(cover.is_visible() for cover in covers.all())


def test_closing_all_keeps_what_was_guessed(page: Page) -> None:
    form, switch = page.locator("form.guess").first, page.get_by_role("switch")
    form.locator("input").fill("12.5")
    form.locator("input").press("Enter")
    switch.press("Space")
    switch.press("Space")
    expect(page.locator(".answer-cover").first).to_be_visible()
    assert form.locator("input").input_value() == "12.5"
    form.get_by_role("button", name="Show me").press("Enter")
    expect(page.locator(".answer-said", has_text="You guessed 12.5").first).to_be_visible()


def test_a_link_into_a_folded_answer_opens_it(site: str, browser: Browser) -> None:
    page = open_page(browser)
    page.goto(f"{site}/{predictive()[0]}")
    target = page.locator(".answer-folded").first.get_attribute("id")
    page.goto(f"{site}/{predictive()[0]}#{target}")
    expect(page.locator(f"[id='{target}']")).to_be_visible()
    page.close()


@pytest.mark.parametrize("way", ["without scripts", "printed"])
def test_answers_stand_open_without_scripts_and_in_print(
    site: str, browser: Browser, way: str
) -> None:
    page = open_page(browser, java_script_enabled=way == "printed")
    page.goto(f"{site}/{predictive()[-1]}")
    if way == "printed":
        expect(page.locator(".answer-folded").first).to_be_hidden()
        page.emulate_media(media="print")
    for part in page.locator(
        ".predict .cell_input, .answer-said, pre:has-text('No guess made')"
    ).all():
        expect(part).to_be_visible()
    expect(page.locator("form.guess:visible, .answer-cover:visible")).to_have_count(0)
    page.close()
