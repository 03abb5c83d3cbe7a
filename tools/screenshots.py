"""Picture every page at phone and desktop width, light and dark: `screenshots.py FOLDER [PAGE...]`."""

import argparse
from pathlib import Path

from browser import SITE, chromium, pages, served
from playwright.sync_api import Browser

WIDTHS = {"phone": 360, "desktop": 1280}
TALLEST = 16000  # pixels; Chromium repeats the picture beyond that


def shoot(browser: Browser, address: str, folder: Path, *, width: int, theme: str, fold: bool) -> None:
    """Save one page at one width in one theme, as a whole or just its first screen."""
    page = browser.new_page(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page.add_init_script(f"localStorage.mode = localStorage.theme = '{theme}'")
    page.goto(address, wait_until="networkidle")
    page.wait_for_timeout(300)
    name = f"{Path(address).stem}-{width}-{theme}.png"
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.screenshot(path=folder / name, full_page=not fold and tall <= TALLEST)
    if not fold and tall > TALLEST:
        clip = {"x": 0, "y": 0, "width": width, "height": TALLEST}
        page.screenshot(path=folder / name, full_page=True, clip=clip)
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
            for width in WIDTHS.values():
                for theme in ("light", "dark"):
                    shoot(browser, f"{site}/{page}", options.folder, width=width, theme=theme, fold=options.fold)
            print(page, flush=True)


if __name__ == "__main__":
    main()
