"""A search knows its best rate, and whether a better one may lie beyond those tried."""

import numpy as np
import pytest
from small_runs import same

from rnnlib.records.storage import decode, encode
from rnnlib.training.tuning import Search, check_bracketed

EDGE = Search(np.array([0.1, 0.2]), np.array([[2.0], [1.0]]))
INSIDE = Search(np.array([0.1, 0.2, 0.4]), np.array([[2.0], [1.0], [np.inf]]))


def test_a_rival_at_the_edge_of_its_grid_is_refused_until_the_author_says_why(capsys):
    check_bracketed({"GRU": INSIDE})
    for words in ("", " "):
        with pytest.raises(
            ValueError, match=r"edge of its grid for RNN \(best of .* is 0.2\): ext"
        ):
            check_bracketed({"GRU": INSIDE, "RNN": EDGE}, unless=words)
    assert not capsys.readouterr().out
    check_bracketed({"GRU": INSIDE, "RNN": EDGE}, unless="the RNN wins at the edge already")
    assert "RNN (best of [0.1 0.2] is 0.2). Compared" in (said := capsys.readouterr().out)
    assert "GRU" not in said and said.endswith("the RNN wins at the edge already\n")


def test_a_search_comes_back_from_a_record():
    back = Search(**decode(encode(vars(INSIDE)), {}))
    same(vars(back), vars(INSIDE))
    assert back.rate == 0.2 and back.bracketed


def test_a_search_of_one_s_own_ignores_what_is_not_a_number():
    search = Search(np.array([0.1, 0.2, 0.4]), np.array([[2.0, 2.0], [1.0, 1.5], [0.5, np.nan]]))
    assert search.rate == 0.2 and search.bracketed
    with pytest.raises(FloatingPointError, match="every rate"):
        _ = Search(np.array([0.1, 0.2]), np.full((2, 1), np.nan)).rate
