"""Tables of results: HTML where a page can show it, aligned text elsewhere."""

from collections.abc import Sequence
from html import escape
from typing import Any


class Table:
    """A head and rows, shown by `display(table)` or as the last line of a cell.

    The first column names the rows; the decisive one comes next, since on a phone the right end of
    a wide table is out of sight. Cells are written as `str` writes them, with true minus signs.

    Raises: ValueError (a row that does not have as many cells as the head).
    """

    def __init__(self, head: Sequence[Any], rows: Sequence[Sequence[Any]]):
        self.rows = [[_text(cell) for cell in row] for row in (head, *rows)]
        for row in self.rows:
            if len(row) != len(head):
                raise ValueError(f"a row needs {len(head)} cells, got {len(row)}: {row}")

    def _repr_html_(self) -> str:
        head, *rows = [[escape(cell, quote=False) for cell in row] for row in self.rows]
        lines = ["".join(f'<th scope="col">{cell}</th>' for cell in head)]
        for name, *cells in rows:
            lines.append(f'<th scope="row">{name}</th>' + "".join(f"<td>{c}</td>" for c in cells))
        body = "\n".join(f"<tr>{line}</tr>" for line in lines[1:])
        return f"<table>\n<thead><tr>{lines[0]}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"

    def __repr__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in self.rows]
        return "\n".join([lines[0], "─" * max(map(len, lines)), *lines[1:]])


def _text(cell: Any) -> str:
    """Write a cell on one line; a hyphen before a digit, not within a word, is a minus sign."""
    text = " ".join(str(cell).split())
    return "".join(
        "−" if c == "-" and text[i + 1 : i + 2].isdigit() and not text[:i][-1:].isalnum() else c
        for i, c in enumerate(text)
    )
