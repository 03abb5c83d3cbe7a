"""Which submissions share more code than chance explains, whatever its names and numbers."""

import ast
from collections import Counter
from collections.abc import Sequence

Shingles = set[tuple[str, ...]]
LENGTH = 12  # nodes of the syntax tree in a row


def shape(cells: list[str]) -> list[str]:
    """Return the kinds of a program's syntax nodes, in order, with attributes' names kept."""
    found = []
    for cell in cells:
        try:
            tree = ast.parse(cell)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            extra = f".{node.attr}" if isinstance(node, ast.Attribute) else ""
            found.append(type(node).__name__ + extra)
    return found


def shingles(cells: list[str]) -> Shingles:
    """Return all runs of so many nodes, cell by cell."""
    found: Shingles = set()
    for cell in cells:
        kinds = shape([cell])
        found |= {tuple(kinds[i : i + LENGTH]) for i in range(len(kinds) - LENGTH + 1)}
    return found


def alike(
    submissions: dict[str, list[str]], handout: Sequence[str] = (), least: float = 0.8
) -> list[tuple[float, str, str]]:
    """Return the pairs that have at least this share of their rare code in common, most first.

    What stands in the handout does not count, nor what a quarter of all have (and more than two):
    it may be the only way to write it.
    """
    given = shingles(list(handout))
    found = {name: shingles(cells) - given for name, cells in submissions.items()}
    counts = Counter(piece for pieces in found.values() for piece in pieces)
    common = max(2, len(found) // 4)
    own = {name: {p for p in pieces if counts[p] <= common} for name, pieces in found.items()}
    names = sorted(name for name, pieces in own.items() if len(pieces) >= LENGTH)
    pairs = []
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            share = len(own[one] & own[other]) / min(len(own[one]), len(own[other]))
            if share >= least:
                pairs.append((share, one, other))
    return sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))


def pasted(
    submissions: dict[str, list[str]],
    solution: Sequence[str],
    handout: Sequence[str],
    least: float = 0.8,
) -> list[tuple[float, str]]:
    """Return who has at least this share of a known solution, most first, however many they are."""
    known = shingles(list(solution)) - shingles(list(handout))
    shares = [(len(known & shingles(cells)) / len(known), n) for n, cells in submissions.items()]
    return sorted(((s, n) for s, n in shares if s >= least), key=lambda one: (-one[0], one[1]))
