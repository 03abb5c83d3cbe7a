"""Associative recall: plain Python reads every sequence, and an LSTM set by hand answers it."""

import doctest
import math
from collections import Counter, defaultdict
from functools import cache
from itertools import combinations, permutations, product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.models.cells import LSTM, unroll
from rnnlib.tasks import binding
from rnnlib.tasks.binding import AssociativeRecall
from rnnlib.tasks.task import batches

K, V, N = 5, 4, 3  # keys 0 to 4, values 5 to 8, blank 9
TWICE, FIRST = {"order": "pairs twice"}, {"order": "query first"}

SETTINGS = [  # settings, queries, blanks, length
    ({}, 3, 0, 9),
    ({"queries": 1}, 1, 0, 7),
    ({"queries": 2, "length": 12}, 2, 4, 12),
    ({"shown": True}, 3, 0, 12),
    ({"shown": True, "queries": 2, "length": 15}, 2, 5, 15),
    (TWICE, 3, 0, 15),
    (TWICE | {"shown": True, "queries": 2, "length": 17}, 2, 1, 17),
    (FIRST, 1, 1, 8),
    (FIRST | {"queries": 1, "length": 11}, 1, 4, 11),
]
each_setting = pytest.mark.parametrize(("settings", "queries", "blanks", "length"), SETTINGS)


@cache
def draw(task):
    """Draw 5,000 examples as NumPy arrays: always so many, or each number would compile anew."""
    return jax.tree.map(np.asarray, batches(task, 5000)(jax.random.key(0)))


def examples(task, size=100):
    """Draw examples as lists: (inputs, targets, mask) of each."""
    return zip(*(part[:size].tolist() for part in draw(task)), strict=True)


def split(inputs, settings):
    """Take a sequence apart: its one or two lots of pairs, and what stands behind them."""
    start = 1 if settings.get("order") == "query first" else 0
    laps = 2 if settings.get("order") == "pairs twice" else 1
    end = start + 2 * N * laps
    return [inputs[at : at + 2 * N] for at in range(start, end, 2 * N)], inputs[end:]


def test_the_examples_in_the_docstrings():
    results = doctest.testmod(binding)
    assert results.attempted
    assert not results.failed


@each_setting
def test_pairs_blanks_and_queries_stand_where_they_should(settings, queries, blanks, length):
    task = AssociativeRecall(N, K, V, **settings)
    assert task.asked == queries and task.vocabulary_size == 10
    for inputs, targets, mask in examples(task):
        (pairs, *again), behind = split(inputs, settings)
        keys, values = pairs[::2], pairs[1::2]
        assert len(inputs) == length and again in ([], [pairs])
        assert len(set(keys)) == N and set(keys) <= set(range(5))
        assert len(set(values)) == N and set(values) <= {5, 6, 7, 8}
        assert behind[:blanks] == [9] * blanks
        if settings.get("order") == "query first":
            asked, at = inputs[:1], [length - 1]
        else:
            apart = 2 if settings.get("shown") else 1
            asked, at = behind[blanks::apart], list(range(length - queries * apart, length, apart))
        value_of = dict(zip(keys, values, strict=True))
        answers = [value_of[key] for key in asked]
        assert len(set(asked)) == queries
        assert [targets[t] for t in at] == answers and sum(targets) == sum(answers)
        assert [t for t in range(length) if mask[t]] == at
        if settings.get("shown"):
            assert behind[blanks + 1 :: 2] == answers


@each_setting
def test_an_answer_is_seen_in_its_pair_alone(settings, queries, blanks, length):
    for inputs, targets, mask in examples(AssociativeRecall(N, K, V, **settings)):
        laps, behind = split(inputs, settings)
        start = length - len(behind)
        for t in range(length):
            if mask[t]:
                assert inputs[t] < 5 or inputs[t] == 9  # a key or a blank
                assert inputs[: t + 1].count(targets[t]) == len(laps)
                assert targets[t] not in inputs[start : t + 1]
        if not settings.get("shown"):
            assert not {5, 6, 7, 8} & set(behind)


def assert_even(outcomes, cases):
    """All cases come up, each within five standard deviations of its expectation."""
    counts, draws = Counter(outcomes), len(outcomes)
    assert len(counts) == cases
    spread = math.sqrt(draws / cases * (1 - 1 / cases))
    assert max(abs(count - draws / cases) for count in counts.values()) < 5 * spread


def test_what_is_drawn_is_uniform():
    """Keys, values and places that are asked for come in every order, whatever the others do."""
    rows = [tuple(row) for row in draw(AssociativeRecall(N, K, V, queries=2)).inputs.tolist()]
    keys, values = [row[:6:2] for row in rows], [row[1:6:2] for row in rows]
    places = [tuple(map(row[:6:2].index, row[6:])) for row in rows]
    for orders, cases in ((keys, 5 * 4 * 3), (values, 4 * 3 * 2), (places, 3 * 2)):
        assert_even(orders, cases)
    firsts = [[order[0] for order in orders] for orders in (keys, values, places)]
    for (a, of_a), (b, of_b) in combinations(zip(firsts, (5, 4, 3), strict=True), 2):
        assert_even(list(zip(a, b, strict=True)), of_a * of_b)

    rows = draw(AssociativeRecall(N, K, V, **FIRST)).inputs.tolist()
    assert_even([row[1:7:2].index(row[0]) for row in rows], 3)


@each_setting
def test_who_knows_the_values_and_not_their_keys_reaches_the_floor(
    settings, queries, blanks, length
):
    """Guess evenly among the values that were seen, or among all, and not yet given as answers."""
    task, of_seen, of_all = AssociativeRecall(N, K, V, **settings), [], []
    for inputs, targets, mask in examples(task):
        laps, behind = split(inputs, settings)
        for t in [t for t in range(length) if mask[t]]:
            given = set(inputs[length - len(behind) : t])
            for guesses, losses in ((laps[0][1::2], of_seen), ([5, 6, 7, 8], of_all)):
                left = set(guesses) - given
                losses.append(math.log(len(left)) if targets[t] in left else math.inf)
    assert task.floor() == pytest.approx(np.mean(of_seen))
    assert task.chance() == pytest.approx(np.mean(of_all))


def least_loss(among, pairs, asked, shown):
    """Find the best that a guess can be, whatever it makes of the answers that it was shown."""
    tables = defaultdict(Counter)
    for values in permutations(range(among), pairs):
        for places in permutations(range(pairs), asked):
            answers = [values[place] for place in places]
            for j in range(asked):
                tables[j, tuple(answers[: j * shown])][answers[j]] += 1
    cases = [(count, table.total()) for table in tables.values() for count in table.values()]
    return sum(-n * math.log(n / of) for n, of in cases) / sum(n for n, _ in cases)


@pytest.mark.parametrize("shown", [False, True])
@pytest.mark.parametrize(("pairs", "asked"), [(1, 1), (2, 1), (3, 3), (4, 2)])
def test_no_guess_is_better_than_the_floor(pairs, asked, shown):
    task = AssociativeRecall(pairs, 6, 5, queries=asked, shown=shown)
    assert task.floor() == pytest.approx(least_loss(pairs, pairs, asked, shown))
    assert task.chance() == pytest.approx(least_loss(5, pairs, asked, shown))


def test_six_states_answer_two_pairs_of_three_values_and_five_do_not():
    """A state is what it answers to each key; every two pairs must have one that is right."""
    demands = list(product(combinations(range(3), 2), permutations(range(3), 2)))
    met = [
        {n for n, ((a, b), values) in enumerate(demands) if (table[a], table[b]) == values}
        for table in product(range(3), repeat=3)
    ]

    def enough(states):
        return any(len(set().union(*some)) == len(demands) for some in combinations(met, states))

    assert not enough(5) and enough(6)
    assert 2 ** AssociativeRecall(2, 3, 3).bits() == pytest.approx(6)


@pytest.mark.parametrize("order", ["pairs first", "pairs twice"])
def test_a_state_has_as_many_bits_as_there_are_different_answers(order):
    """With as many keys as pairs, all of them are shown; one query is enough to ask for any."""
    task = AssociativeRecall(3, 3, 4, order=order, queries=1)
    rows = [row for row, _, _ in examples(task, 1000)]
    seen = {tuple(sorted(zip(row[:6:2], row[1:6:2], strict=True))) for row in rows}
    assert 2 ** task.bits() == pytest.approx(len(seen)) == pytest.approx(24)
    first = AssociativeRecall(3, 5, 4, order="query first")
    assert 2 ** first.bits() == len({targets[-1] for _, targets, _ in examples(first)}) == 4


@pytest.mark.parametrize("settings", [{"shown": True}, FIRST])
def test_one_example_is_the_same_alone_compiled_and_in_a_batch(settings):
    task, batch = (
        AssociativeRecall(N, K, V, **settings),
        draw(AssociativeRecall(N, K, V, **settings)),
    )
    keys = jax.random.split(jax.random.key(0), 5000)
    compiled = jax.jit(task)
    for n in range(3):
        for example in (task(keys[n]), compiled(keys[n])):
            for part, of_batch in zip(example, batch, strict=True):
                np.testing.assert_array_equal(part, of_batch[n])
    assert np.any(batch.inputs[0] != batch.inputs[1])


def set_by_hand(keys, values, sharp=6.0):
    """Make an LSTM that binds, and its readout, with no training.

    A register takes up the bits of each key, and forgets them at the next token. Behind it stands a
    store for each key: it is written where the register holds that key and the token is a value,
    and shown where the token is that key. Inputs are one-hot; the code of n things is signs [n, b].
    """
    key_code, value_code = (
        2.0 * (np.arange(n)[:, None] >> np.arange((n - 1).bit_length()) & 1) - 1
        for n in (keys, values)
    )
    bits, digits = key_code.shape[1], value_code.shape[1]
    inputs, hidden = keys + values + 1, bits + keys * digits
    w_x, w_h = np.zeros((inputs, 4, hidden)), np.zeros((hidden, 4, hidden))
    b, readout, (i, f, g, o) = np.zeros((4, hidden)), np.zeros((hidden, inputs)), range(4)
    b[[i, f, o], :bits] = sharp * np.array([[1], [-1], [1]])
    w_x[:keys, g, :bits] = key_code * sharp
    for key in range(keys):
        store = np.s_[bits + key * digits : bits + (key + 1) * digits]
        for gate, way in ((i, sharp), (f, -sharp)):
            w_h[:bits, gate, store] = way / np.tanh(1) * key_code[key][:, None]
            w_x[keys:-1, gate, store] = way * 2 * bits
            b[gate, store] = -way * (3 * bits - 1)
        w_x[keys:-1, g, store] = value_code * sharp
        w_x[key, o, store], b[o, store] = 2 * sharp, -sharp
        readout[store, keys:-1] = value_code.T
    cell = LSTM(inputs, hidden, rngs=nnx.Rngs(0))
    for part, made in ((cell.w_x, w_x), (cell.w_h, w_h), (cell.b, b)):
        part[...] = jnp.asarray(made.reshape(part.shape), jnp.float32)
    return cell, jnp.asarray(readout, jnp.float32)


@pytest.mark.parametrize("settings", [{}, {"shown": True}, TWICE | {"length": 30}, FIRST])
def test_an_lstm_with_weights_set_by_hand_binds(settings):
    """A query before the pairs opens a store that is empty, so there it cannot answer."""
    drawn = draw(AssociativeRecall(4, keys=8, values=8, **settings))
    inputs, targets, mask = (part[:256] for part in drawn)
    cell, readout = set_by_hand(8, 8)
    ys = jax.vmap(lambda xs: unroll(cell, xs)[1])(jax.nn.one_hot(inputs, 17))
    right = (np.asarray(ys @ readout).argmax(axis=-1) == targets)[mask].mean()
    assert right < 0.5 if settings == FIRST else right == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pairs": 0}, "pairs must be a whole number >= 1, got 0"),
        ({"keys": 0}, "keys must be a whole number >= 1, got 0"),
        ({"values": 2.0}, "values must be a whole number >= 1, got 2.0"),
        ({"keys": 2}, "3 pairs need as many different keys and values, got 2 keys and 16 values"),
        ({"values": 2}, "3 pairs need as many different keys and values, got 16 keys and 2 values"),
        ({"queries": 0}, "queries must be a whole number >= 1, got 0"),
        ({"queries": 4}, "at most as many queries as pairs; .* got queries=4 and shown=False"),
        (FIRST | {"queries": 2}, "in 'query first' there is one, .* got queries=2"),
        (FIRST | {"shown": True}, "its answer is not shown; got queries=None and shown=True"),
        ({"order": "pairs last"}, "order must be one of .*'query first'.*, got 'pairs last'"),
        ({"length": 8}, "length must be a whole number >= 9, got 8"),
        ({"length": 0}, "length must be a whole number >= 9, got 0"),
        ({"shown": True, "length": 11}, "length must be a whole number >= 12, got 11"),
        (TWICE | {"queries": 1, "length": 12}, "length must be a whole number >= 13, got 12"),
        (FIRST | {"length": 7}, "length must be a whole number >= 8, got 7"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        AssociativeRecall(**{"pairs": 3} | settings)
