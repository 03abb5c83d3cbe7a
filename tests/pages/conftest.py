"""The built book, served, and a browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from browser import PATIENCE, SITE, chromium, served
from needs import no_browser

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    if not (SITE / "index.html").exists():
        pytest.fail(f"no built book at {SITE}: run make book")
    with served(SITE) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if why := no_browser():
        pytest.skip(why)
    with chromium() as browser:
        yield browser
