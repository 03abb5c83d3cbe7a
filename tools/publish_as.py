"""Set where the course is published: tools/publish_as.py https://github.com/OWNER/NAME v0.1.0."""

import re
import sys
from pathlib import Path

import rnnlib

CONFIG = Path(__file__).resolve().parent.parent / "_config.yml"
PLACE = re.compile(r"^(repository:\n  url: )\S+(.*\n  branch: )\S+", re.MULTILINE)


def published_as(config: str, url: str, tag: str) -> str:
    """Return the text of _config.yml with another address; its comments stay.

    Raises: ValueError (not a repository on GitHub, not this version's tag, no such two lines).
    """
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+(?<!\.git)", url):
        raise ValueError(
            f"URL is like https://github.com/owner/name (Colab opens no other host), got {url!r}"
        )
    if tag != f"v{rnnlib.__version__}":
        raise ValueError(
            f"TAG is v{rnnlib.__version__}, after rnnlib/__init__.py's __version__, got {tag!r}. "
            "For another one, first set it there and in CITATION.cff"
        )
    changed, count = PLACE.subn(rf"\g<1>{url}\g<2>{tag}", config)
    if count != 1:
        raise ValueError("_config.yml needs `repository:`, below it `url:`, then `branch:`")
    return changed


def main(url: str, tag: str) -> None:
    """Write _config.yml."""
    try:
        CONFIG.write_text(published_as(CONFIG.read_text(), url, tag))
    except ValueError as error:
        sys.exit(f"{error}.\nNothing was changed: make publish-as URL=... TAG=...")
    print(f"_config.yml: {url} at {tag}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
