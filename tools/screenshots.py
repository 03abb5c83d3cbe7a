"""Picture every page at two widths, light and dark: `screenshots.py FOLDER [PAGE...]`."""

import argparse
import itertools
from pathlib import Path

from playwright.sync_api import Browser, FloatRect

from browser import SITE, chromium, open_page, pages, served

WIDTHS = (360, 1280)
THEMES = ("light", "dark")
TALLEST = 16000  # pixels; Chromium repeats the picture beyond that


def shoot(browser: Browser, address: str, path: Path, width: int, theme: str, whole: bool) -> None:
    """Save one page at one width in one theme, whole or just its first screen."""
    page = open_page(browser, viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page.add_init_script(f"localStorage.mode = localStorage.theme = '{theme}'")
    page.goto(address, wait_until="networkidle")
    page.wait_for_timeout(300)
    height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST) if whole else 900
    clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": height}
    page.screenshot(path=path, full_page=True, clip=clip)
    page.close()


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("page", nargs="*", help="addresses within the site; all by default")
    parser.add_argument("--site", type=Path, default=SITE)
    parser.add_argument("--fold", action="store_true", help="only the first screen of each page")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with served(options.site) as site, chromium() as browser:
        for page in options.page or pages(options.site):
            for width, theme in itertools.product(WIDTHS, THEMES):
                path = options.folder / f"{Path(page).stem}-{width}-{theme}.png"
                shoot(browser, f"{site}/{page}", path, width, theme, not options.fold)
            print(page, flush=True)


if __name__ == "__main__":
    main()
