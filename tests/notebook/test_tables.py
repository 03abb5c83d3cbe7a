"""A table says the same as HTML and as text, and what is in it cannot break it."""

import html.parser

import pytest

from rnnlib.notebook.tables import Table

HEAD = ["model", "bind", "loss"]
ROWS = [["LSTM, 3,000 steps", "0 of 4", 1.25], ["GRU", "1 of 4", -0.5]]


class Cells(html.parser.HTMLParser):
    """Collect each cell: its tag, its scope, its text."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag in ("td", "th"):
            self.found.append([tag, dict(attrs).get("scope"), ""])

    def handle_data(self, data):
        if self.found and data.strip():
            self.found[-1][2] += data


def test_html_names_columns_and_rows():
    cells = Cells(Table(HEAD, ROWS)._repr_html_()).found
    assert cells[:3] == [["th", "col", name] for name in HEAD]
    assert cells[3:6] == [
        ["th", "row", "LSTM, 3,000 steps"],
        ["td", None, "0 of 4"],
        ["td", None, "1.25"],
    ]
    assert len(cells) == 9


def test_text_is_aligned():
    assert repr(Table(HEAD, ROWS)).splitlines() == [
        "model              bind    loss",
        "───────────────────────────────",
        "LSTM, 3,000 steps  0 of 4  1.25",
        "GRU                1 of 4  −0.5",
    ]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (-1.5, "−1.5"),
        ("-2 to -1", "−2 to −1"),
        ("1e-05", "1e-05"),
        ("top-2", "top-2"),
        ("10-gram", "10-gram"),
        ("two\nlines", "two lines"),
        (None, "None"),
        ("(-3 %)", "(−3 %)"),
    ],
)
def test_a_cell_is_one_line_with_true_minus_signs(cell, shown):
    assert Cells(Table(["x"], [[cell]])._repr_html_()).found[1][2] == shown


def test_what_looks_like_html_is_text():
    table = Table(["token"], [["<unk> & <b>bold</b>"]])
    assert Cells(table._repr_html_()).found[1] == ["th", "row", "<unk> & <b>bold</b>"]


def test_a_table_without_rows_is_its_head():
    assert Cells(Table(HEAD, [])._repr_html_()).found == [["th", "col", name] for name in HEAD]


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"needs 3 cells, got 2: \['GRU', '1'\]"):
        Table(HEAD, [["GRU", 1]])
