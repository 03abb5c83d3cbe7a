"""A served site and a headless browser, for the browser tests and for tools/screenshots.py.

`browser.py` alone starts the browser, and says why where it cannot.
"""

import contextlib
import functools
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
PATIENCE = 300_000  # milliseconds: beside other programs a page is slow, and none waits for ever
QUIET = [  # a browser on its own also talks to its maker; only the page's requests should count
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
]


class _Silent(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        """Serve a file. What browsers want of a page that only redirects is empty."""
        if self.path == "/favicon.ico":
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the caller reports what matters."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free loopback port; yields the address."""
    handler = functools.partial(_Silent, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def executable() -> str:
    """Find Chromium. Raises: FileNotFoundError (there is none, or it does not start)."""
    found = subprocess.run([ROOT / "tools" / "chromium.sh"], capture_output=True, text=True)
    if found.returncode:
        raise FileNotFoundError(found.stderr)
    return found.stdout.strip()


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start a headless Chromium that makes no requests of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable(), args=QUIET, timeout=PATIENCE
        )
        try:
            yield browser
        finally:
            browser.close()


def open_page(browser: Browser, **options: Any) -> Page:
    """Open a page that waits as long as a busy machine may need."""
    page = browser.new_page(**options)
    page.set_default_timeout(PATIENCE)
    return page


def drawn(page: Page) -> None:
    """Wait until what has changed on a page is laid out and shown."""
    page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")


def pages(site: Path = SITE) -> list[str]:
    """Addresses of all pages of the built site, relative to it."""
    skip = ("_static/", "_sources/")
    found = (path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return sorted(page for page in found if not page.startswith(skip))


if __name__ == "__main__":
    try:
        with chromium():
            pass
    except Exception as error:  # whatever Playwright finds missing: it is said in one line
        sys.exit(f"{error}")
