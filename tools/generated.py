"""The part of a page that a tool writes: it stands between two markers, the rest is by hand."""

import os
from pathlib import Path


class PageError(ValueError):
    """A page does not have the two markers of its generated part."""


def markers(name: str) -> tuple[str, str]:
    """Return the lines before and after the generated part."""
    return f"<!-- {name}:start -->", f"<!-- {name}:end -->"


def updated(page: str, name: str, text: str) -> str:
    """Return the page with its generated part written anew.

    Raises: PageError.
    """
    start, end = markers(name)
    if page.count(start) != 1 or page.count(end) != 1 or page.index(start) > page.index(end):
        raise PageError(f"the page needs one line {start} and after it one line {end}")
    head, rest = page.split(start)
    return f"{head}{start}\n\n{text}\n\n{end}{rest.split(end)[1]}"


def refresh(path: Path, name: str, text: str) -> None:
    """Bring a page up to date, in one step; leave it alone when it is."""
    page = path.read_text(encoding="utf-8")
    new = updated(page, name, text)
    if new != page:
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_text(new, encoding="utf-8")
        partial.replace(path)
        print(f"{path.parent.name}/{path.name}: brought up to date")
