"""What the tests of the built pages share: where they look, and what they take note of."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from browser import pages

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "tests" / "vendor" / "axe.min.js"
ANSWERS_OPEN = "localStorage.setItem('answers:open', 'true')"


def listen(page: Page, home: str) -> list[str]:
    """Note everything that should not happen while a page loads."""
    heard: list[str] = []

    def note(happened: bool, what: str) -> None:
        if happened:
            heard.append(what)

    page.on("pageerror", lambda error: note(True, f"error: {error}"))
    page.on("console", lambda said: note(said.type == "error", f"console: {said.text}"))
    # Aborted is what a page still asked for when it was loaded again: on a busy machine it happens.
    aborted = "net::ERR_ABORTED"
    page.on("requestfailed", lambda r: note(r.failure != aborted, f"failed: {r.url} {r.failure}"))
    page.on("request", lambda r: note(not r.url.startswith((home, "data:")), f"left: {r.url}"))
    page.on("response", lambda r: note(r.status >= 400, f"{r.status}: {r.url}"))
    return heard


def violations(page: Page, theme: str) -> list[str]:
    """Run axe on the page in one theme; returns what it calls serious or critical."""
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    found: list[dict[str, Any]] = page.evaluate("() => axe.run().then((r) => r.violations)")
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:300]} {node['failureSummary']}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def notebooks() -> list[str]:
    """Addresses of the built lessons and homework."""
    return [address for address in pages() if address.startswith("notebooks/")]


def lessons() -> list[str]:
    """Addresses of the built lessons."""
    return [address for address in notebooks() if "/homework/" not in address]
