"""Who has which variant, and the word that makes the hidden numbers a teacher's own."""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from grading.handed_in import Handed
from grading.names import key
from grading.sheets import read

SECRET = "a word that makes the hidden numbers yours (default: the variable SECRET)"
ROSTER = "a CSV with the columns name and variant; or login, e-mail, id ... instead of name"
# What teachers and the lists of learning systems call their columns.
NAMES = {"name", "full name", "student", "student name", "display name"}
FIRST = {"first name", "firstname", "given name", "vorname"}
LAST = {"last name", "lastname", "surname", "family name", "nachname"}
NUMBERS = {  # of which nobody has another's
    *("login", "login id", "sis login id", "username", "user name", "benutzername", "anmeldename"),
    *("email", "e-mail", "mail", "email address", "e-mail address"),
    *("id", "user id", "student id", "student number", "id number", "sis id", "sis user id"),
    *("identifier", "orgdefinedid", "matriculation", "matriculation number", "matrikelnummer"),
}
SHORTENED = re.compile(r"\d[.,]?\d*e\+\d+", re.IGNORECASE)  # a long number, by a spreadsheet


class Person(NamedTuple):
    """A line of the roster."""

    line: int
    label: str  # how messages call this person
    names: set[str]
    numbers: set[str]
    variant: int


def people(path: Path) -> list[Person]:
    """Read the roster: a line for each person.

    Raises: ValueError (with the file, the line and what is wrong).
    """
    sheet = read(path, ["variant"], "the columns name and variant")
    if not {key(name) for name in sheet.head} & (NAMES | LAST | NUMBERS):
        raise ValueError(f"{path} needs the columns name and variant, got {', '.join(sheet.head)}")
    found = []
    for row in sheet.rows:
        try:
            found.append(_person(row.line, sheet.named(row)))
        except ValueError as error:
            raise ValueError(f"{path}, line {row.line}: {error}") from None
    return found


def roster(path: Path | None) -> dict[str, int]:
    """Return the variant of each name and number on the roster, as `names.key` writes it.

    A name that two people share is left out if they have numbers.

    Raises: ValueError (with the file, the line and what is wrong).
    """
    found: dict[str, Person] = {}
    shared = set()
    for one in people(path) if path else []:
        for word in sorted(one.names | one.numbers):
            other = found.setdefault(word, one)
            if other is one:
                continue
            if not (word in one.names & other.names and one.numbers and other.numbers):
                lines = f"{other.line} and {one.line}"
                raise ValueError(f"{path} has two lines for {word}: {lines}")
            shared.add(word)
    return {word: one.variant for word, one in found.items() if word not in shared}


def variant_of(one: Handed, variants: dict[str, int]) -> int | None:
    """Look somebody up on the roster, by number or by name."""
    return next((variants[word] for word in _words(one) if word in variants), None)


def absent(path: Path, found: Iterable[Handed]) -> list[str]:
    """Return who is on the roster and has handed nothing in."""
    present = {word for one in found for word in _words(one)}
    return sorted(one.label for one in people(path) if not present & (one.names | one.numbers))


def rewritten(path: Path | None) -> str:
    """Return the text of a roster that has just these columns, name and variant, in UTF-8.

    Raises: ValueError (with the file, the line and what is wrong).
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("name", "variant"), *roster(path).items()])
    return text.getvalue()


def _words(one: Handed) -> list[str]:
    return [key(word) for word in (one.identifier, one.who, *one.also) if word]


def _person(line: int, cells: dict[str, str]) -> Person:
    said = [(name, text) for name, text in cells.items() if text]
    numbers = [re.sub(r"^(#|participant )", "", t, flags=re.I) for n, t in said if n in NUMBERS]
    names = [text for name, text in said if name in NAMES]
    first, last = (" ".join(t for n, t in said if n in part) for part in (FIRST, LAST))
    if last:
        names.append(f"{last}, {first}" if first else last)
    if not names + numbers:
        raise ValueError("it says a variant, but not whose")
    label = (names + numbers)[0]
    if short := next(filter(SHORTENED.fullmatch, names + numbers), None):
        raise ValueError(f"a spreadsheet has shortened a number to {short}: format it as text")
    # Canvas writes "Doe, Jane" as doejane.
    names += [re.sub(r"\W", "", name) for name in names if "," in name]
    variant = cells["variant"]
    if not variant.isdecimal() or int(variant) >= 10**6:
        raise ValueError(f"variants go from 0 to 999,999, but not for {label}: got {variant!r}")
    return Person(line, label, {*map(key, names)}, {*map(key, numbers)}, int(variant))
