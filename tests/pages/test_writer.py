"""The network in the page, as a reader plays with it: book/_static/lab/writer.js."""

from collections.abc import Iterator

import pytest
from looking import AXE, listen, violations
from playwright.sync_api import Browser, Page, expect

from browser import SITE, open_page

pytestmark = pytest.mark.browser
LESSON = "notebooks/10_loops.html"


def visit(browser: Browser, address: str) -> Page:
    page = open_page(browser, reduced_motion="reduce")  # all at once
    page.goto(address, wait_until="networkidle")
    return page


@pytest.fixture
def page(site: str, browser: Browser) -> Iterator[Page]:
    """Lesson 10, and at the end nothing went wrong on it."""
    page = open_page(browser, reduced_motion="reduce")
    heard = listen(page, site)
    page.goto(f"{site}/{LESSON}", wait_until="networkidle")
    yield page
    page.close()
    assert not heard


def write(page: Page, beginning: str) -> str:
    """Let it go on from a beginning; -> the text, when it is done."""
    page.get_by_label("How the text begins").fill(beginning)
    page.get_by_role("button", name="Write").press("Enter")
    expect(page.locator("text-writer [role=status]")).to_contain_text("Done")
    return page.locator("text-writer .lab-text").inner_text()


def test_it_writes_greedily_until_it_finds_its_loop(page: Page) -> None:
    weights: list[str] = []
    page.on("request", lambda request: weights.append(request.url))
    text = write(page, "ROMEO:\n")
    assert text.startswith("ROMEO:\n")
    assert len(text) == len("ROMEO:\n") + 600
    status = page.locator("text-writer [role=status]")
    expect(status).to_have_text("Done: 600 characters, a loop of 49 characters after 35.")
    assert text[-49:] == text[-98:-49]
    assert write(page, "ROMEO:\n") == text
    assert sum("shakespeare.js" in url for url in weights) == 1


def test_a_link_leads_to_the_same_text(page: Page, site: str) -> None:
    page.get_by_label("The next character is").select_option("sample")
    page.get_by_label("temperature").press("ArrowRight")
    page.get_by_label("top-k").press("ArrowRight")
    page.get_by_label("nucleus").press("ArrowLeft")
    page.get_by_label("min-p").press("ArrowRight")
    page.get_by_label("seed").fill("17")
    text, address = write(page, "What is "), page.url
    assert text != write(page, "What is it")
    for setting in ("temperature=0.9", "top_k=1", "top_p=0.95", "min_p=0.01", "seed=17"):
        assert setting in address
    page.goto(address, wait_until="networkidle")  # it writes at once
    expect(page.locator("text-writer [role=status]")).to_contain_text("Done")
    assert page.locator("text-writer .lab-text").inner_text() == text


def test_another_seed_writes_another_text(page: Page) -> None:
    page.get_by_label("The next character is").select_option("sample")
    first = write(page, "The ")
    page.get_by_label("seed").fill("2")
    assert write(page, "The ") != first


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_while_it_writes(page: Page, theme: str) -> None:
    page.get_by_label("The next character is").select_option("sample")
    write(page, "The ")
    page.add_script_tag(path=AXE)
    assert not violations(page, theme)


def test_it_stops_and_starts_anew_while_it_writes(site: str, browser: Browser) -> None:
    page = open_page(browser)
    page.goto(f"{site}/{LESSON}", wait_until="networkidle")
    page.get_by_label("pace").select_option("10")
    button, text = page.get_by_role("button", name="Write"), page.locator("text-writer .lab-text")
    button.click()
    expect(text).to_contain_text("ROMEO:\nI")
    expect(page.locator("text-writer canvas")).to_be_visible()
    page.get_by_label("How the text begins").fill("JULIET:\n")
    button.click()
    expect(text).to_contain_text("JULIET:")
    expect(text).not_to_contain_text("ROMEO:")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("text-writer [role=status]")).to_contain_text("Stopped: ")
    page.close()


@pytest.mark.parametrize(
    ("beginning", "shown", "said"),
    [
        ("", "\n", "Done: 600"),
        ("Ä€ROMEO: 7", "ROMEO: ", "It does not know Ä € 7, which is left out."),
        ("€", "\n", "It does not know €"),
        ("O my love, " * 900, "O my love, O my", "Done: 600"),
    ],
    ids=["nothing", "strangers", "strangers only", "10,000"],
)
def test_whatever_is_typed_is_answered(page: Page, beginning: str, shown: str, said: str) -> None:
    assert write(page, beginning).startswith(shown)
    expect(page.locator("text-writer [role=status]")).to_contain_text(said)


def test_nonsense_in_a_link_is_the_usual(site: str, browser: Browser) -> None:
    query = "?begin=A&way=best&temperature=hot&top_k=-3&top_p=&min_p=NaN&seed=x&pace=9"
    page = visit(browser, f"{site}/{LESSON}{query}")
    expect(page.locator("text-writer [role=status]")).to_contain_text("Done: 600")
    values = {
        name: page.locator(f"text-writer [name={name}]").input_value()
        for name in ("way", "temperature", "top_p", "min_p", "seed", "pace")
    }
    usual = {"way": "greedy", "temperature": "0.8", "top_p": "1", "min_p": "0", "seed": "1"}
    assert values == usual | {"pace": "60"}
    page.close()


@pytest.mark.parametrize("address", ["book/intro.html", "notebooks/01_from_tokens_to_text.html"])
def test_it_writes_from_a_folder_too(browser: Browser, address: str) -> None:
    page = visit(browser, (SITE / address).as_uri())
    assert "ROMEO:" in write(page, "ROMEO:\n")
    page.close()


def test_weights_that_do_not_come_are_told(site: str, browser: Browser) -> None:
    page = open_page(browser, reduced_motion="reduce")
    page.route("**/shakespeare.js", lambda route: route.abort())
    page.goto(f"{site}/{LESSON}", wait_until="networkidle")
    page.get_by_role("button", name="Write").click()
    expect(page.locator("text-writer [role=status]")).to_contain_text("could not be loaded")
    page.unroute("**/shakespeare.js")
    write(page, "The ")
    page.close()
