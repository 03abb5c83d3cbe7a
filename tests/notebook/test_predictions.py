"""A guess is answered."""

import pytest

from rnnlib.notebook.predictions import compare


@pytest.mark.parametrize(
    ("guess", "measured", "expected"),
    [
        (2.0, [2.3, 2.5], "loss: measured 2.4 bits. You guessed 2.0 bits. You were 0.4 bits off"),
        (None, 2.31, "loss: measured 2.31 bits. No guess made."),
        (1, 0.0, "loss: measured 0 bits. You guessed 1 bits. You were 1 bits off."),
    ],
)
def test_a_guess_is_answered(capsys, guess, measured, expected):
    compare(guess, measured, "loss", "bits")
    assert capsys.readouterr().out.startswith(expected)


def test_a_guess_in_words(capsys):
    compare("GRU", "LSTM", "the best")
    compare("LSTM", "LSTM", "the best")
    assert capsys.readouterr().out.splitlines() == [
        "the best: measured LSTM. You guessed GRU. Not what you expected?",
        "the best: measured LSTM. You guessed LSTM.",
    ]
