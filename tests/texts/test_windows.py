"""Splits lose nothing, and windows reach both ends."""

import jax
import numpy as np
import pytest

from rnnlib.texts.windows import split, windows


def test_split_is_contiguous_and_loses_nothing():
    tokens = np.arange(1000)
    parts = split(tokens, validation=0.1, test=0.05)
    assert [len(part) for part in parts] == [850, 100, 50]
    np.testing.assert_array_equal(np.concatenate(parts), tokens)


@pytest.mark.parametrize("shares", [(-0.1, 0.1), (0.5, 0.5)])
def test_split_refuses_shares_that_leave_no_training_text(shares):
    with pytest.raises(ValueError, match="must be shares >= 0 that leave something to train on"):
        split(np.arange(10), *shares)


@pytest.mark.parametrize("length", [0, 1, 9])
def test_split_leaves_no_block_empty_that_has_a_share(length):
    message = f"{length} tokens are too few for shares of 0.05 and 0.05: train, validation and test"
    with pytest.raises(ValueError, match=message):
        split(np.arange(length), 0.05, 0.05)


def test_split_leaves_a_block_empty_that_has_none():
    assert [len(part) for part in split(np.arange(10), 0, 0)] == [10, 0, 0]
    assert [len(part) for part in split(np.arange(10), 0.1, 0)] == [9, 1, 0]
    with pytest.raises(ValueError, match=r"2 tokens are too few for shares of 0.9 and 0"):
        split(np.arange(2), 0.9, 0)


def test_windows_are_pieces_of_the_text_and_reach_both_ends():
    sample = jax.jit(windows(np.arange(10), length=4, batch=500))
    batch = np.asarray(sample(jax.random.key(0)))
    assert batch.shape == (500, 5)
    np.testing.assert_array_equal(np.diff(batch, axis=1), 1)
    assert set(batch[:, 0]) == set(range(6))


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        (np.array([0, -1, 2, 3]), "-1 to 3"),
        (np.array([0, 2**31, 2, 3]), "0 to 2147483648"),
        (np.array([0, 1, 2, 255], np.uint8).astype(np.int8), "-1 to 2"),
        ([0, 1, -7, 2], "-7 to 2"),
    ],
)
def test_what_is_no_token_is_refused(wrong, got):
    """On the device it would count from the end, or lose its upper bits."""
    with pytest.raises(ValueError, match=rf"tokens must be in 0 .. 2\^31 - 1, got {got}"):
        windows(wrong, length=2, batch=1)


def test_a_window_longer_than_the_text_is_refused():
    with pytest.raises(ValueError, match=r"a window of 10 \+ 1 tokens does not fit into a text"):
        windows(np.arange(10), length=10, batch=1)
    with pytest.raises(ValueError, match=r"length and batch must be >= 1, got 0 and 1"):
        windows(np.arange(10), length=0, batch=1)
