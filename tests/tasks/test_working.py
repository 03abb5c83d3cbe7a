"""A machine that writes its working: judged by permutations that are moved in plain Python."""

import doctest

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.tasks import working
from rnnlib.tasks.tracking import permutations
from rnnlib.tasks.working import Working


def states_after(moves, symbols=3):
    """Number of the state after each move, by moving places about."""
    elements, state, numbers = permutations(symbols), tuple(range(symbols)), []
    for move in moves:
        state = tuple(elements[move][place] for place in state)
        numbers.append(elements.index(state))
    return numbers


def test_the_examples_in_the_docstrings():
    results = doctest.testmod(working)
    assert results.attempted
    assert not results.failed


def test_moves_and_states_take_turns_and_only_states_are_asked_for():
    example = Working(20)(jax.random.key(0))
    text = np.append(example.inputs, example.targets[-1])
    moves, states = text[::2], text[1::2] - 6
    assert states.tolist() == states_after(moves)
    np.testing.assert_array_equal(example.mask, np.arange(39) % 2 == 0)
    np.testing.assert_array_equal(example.targets[::2], text[1::2])


def test_an_error_is_written_and_the_next_state_is_right_again():
    example = jax.vmap(Working(200, errors=0.1))(jax.random.split(jax.random.key(1), 50))
    moves, written = np.asarray(example.inputs)[:, ::2], np.asarray(example.inputs)[:, 1::2] - 6
    for row in range(50):
        slips = written[row] != states_after(moves[row])[:199]
        np.testing.assert_array_equal(example.mask[row, ::2][:199], ~slips)
    share = 1 - np.asarray(example.mask)[:, ::2].mean()
    assert share == pytest.approx(0.1, abs=0.015)


def test_wrong_and_inconsistent_are_two_things():
    """Behind one slip that is gone on from, all is wrong, and only the slip is inconsistent."""
    task, moves = Working(6), jnp.array([1, 2, 3, 4, 5, 1])
    truth = task.truth(moves)
    on_page = truth.at[2].set((truth[2] + 1) % 6)
    table = np.asarray(working.multiplication_table(3))
    for t in range(3, 6):
        on_page = on_page.at[t].set(table[on_page[t - 1], moves[t]])
    assert task.wrong(moves, on_page).tolist() == [False] * 2 + [True] * 4
    assert task.inconsistent(moves, on_page).tolist() == [False, False, True, False, False, False]
    mended = truth.at[2].set((truth[2] + 1) % 6)
    assert task.wrong(moves, mended).tolist() == [False, False, True, False, False, False]
    assert task.inconsistent(moves, mended).tolist() == [False, False, True, True, False, False]
    assert task.inconsistent(moves, truth.at[0].set((truth[0] + 1) % 6))[0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Working(0), "pairs must be a whole number >= 1, got 0"),
        (lambda: Working(3, symbols=1), "symbols must be a whole number from 2 to 6"),
        (lambda: Working(3, errors=1.0), r"errors must be in \[0, 1\), got 1.0"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
