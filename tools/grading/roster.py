"""Who has which variant, and the word that makes the hidden numbers a teacher's own."""

import csv
from collections import Counter
from pathlib import Path

from grading.notebook import Handed

SECRET = "a word that makes the hidden numbers yours (default: the variable SECRET)"


def roster(path: Path | None) -> dict[str, int]:
    """Read who has which variant: a CSV with the columns name and variant. Raises: ValueError."""
    if path is None:
        return {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    try:
        found = [(row["name"].strip(), int(row["variant"])) for row in rows]
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} needs the columns name and variant: {error}") from None
    if wrong := [name for name, variant in found if not 0 <= variant < 10**6]:
        raise ValueError(f"{path}: variants go from 0 to 999,999, but not for {', '.join(wrong)}")
    names = Counter(name for name, _ in found)
    if twice := [name for name, count in names.items() if count > 1]:
        raise ValueError(f"{path} has two lines for {', '.join(twice)}")
    return dict(found)


def variant_of(one: Handed, variants: dict[str, int]) -> int | None:
    """Look somebody up on the roster, by number or by name."""
    return variants.get(one.identifier, variants.get(one.who))
