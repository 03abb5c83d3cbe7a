"""Many seeds over many devices: each once, in order, and afterwards nobody can tell."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.training.devices import SeedSharding, _layout


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_each_seed_runs_alone_and_the_padding_is_dropped(seeds):
    spread, values = SeedSharding(seeds), jnp.arange(2.0 * seeds).reshape(seeds, 2)
    found = spread(lambda pair: pair / pair.sum())(spread.pad(values))
    assert len(found) % min(seeds, jax.device_count()) == 0
    expected = np.asarray(values) / np.asarray(values).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(spread.unpad(found), expected, rtol=1e-6)
    np.testing.assert_array_equal(spread.gather(found), spread.unpad(found))


def test_what_was_gathered_goes_into_a_run_over_other_devices():
    """JAX refuses arrays that keep another run's mesh in their type."""
    first, second = SeedSharding(2), SeedSharding(1)
    both = first.gather(first(lambda x: x + 1)(first.pad(jnp.zeros(2))))
    assert {device.id for device in both.devices()} == {0}
    last = both[1]
    started = second(lambda x: last)(second.pad(jnp.ones(1)))
    np.testing.assert_array_equal(second.gather(started), [1.0])


@pytest.mark.parametrize(
    ("devices", "seeds", "split_batch", "across", "rows"),
    [
        (8, 1, False, 1, 1),
        (8, 3, False, 3, 1),
        (8, 9, False, 8, 1),
        (8, 1, True, 1, 8),
        (8, 3, True, 2, 4),
        (8, 9, True, 8, 1),
        (6, 4, True, 3, 2),
        (7, 3, True, 1, 7),
    ],
)
def test_what_the_seeds_leave_over_shares_the_rows(
    monkeypatch, devices, seeds, split_batch, across, rows
):
    monkeypatch.setattr(jax, "devices", lambda: list(range(devices)))
    found = _layout(seeds, split_batch)
    np.testing.assert_array_equal(found, np.arange(across * rows).reshape(across, rows))


@pytest.mark.parametrize("seeds", [1, 3, 9])
def test_with_several_processes_every_device_takes_part(monkeypatch, seeds):
    monkeypatch.setattr(jax, "devices", lambda: list(range(8)))
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    assert _layout(seeds, split_batch=False).shape == (8, 1)


def split_over(devices):
    """As on a machine with so many devices."""
    spread = SeedSharding(1, split_batch=True)
    spread.rows = devices
    return spread


def total(_, batch):
    """A plain mean over rows."""
    return sum(leaf.reshape(len(leaf), -1).sum(axis=1).mean() for leaf in batch)


def zeros(shapes):
    return lambda: (None, [jnp.zeros(shape) for shape in shapes])


@pytest.mark.parametrize(
    ("shapes", "got"),
    [
        ([(4, 7)], r"\[\(4, 7\)\]"),
        ([(6,), (3, 2)], r"\[\(6,\), \(3, 2\)\]"),
        ([(6,), ()], r"\[\(6,\), \(\)\]"),
    ],
)
def test_rows_that_cannot_be_shared_are_refused(shapes, got):
    message = rf"the same number of rows, a multiple of 3 devices, got shapes {got}"
    with pytest.raises(ValueError, match=message):
        split_over(3).check_split(total, zeros(shapes))
    split_over(1).check_split(total, zeros(shapes))


@pytest.mark.parametrize("shapes", [[(6, 7)], [(3,), (3, 2)]])
def test_rows_that_can_be_shared_are_not_refused(shapes):
    split_over(3).check_split(total, zeros(shapes))


@pytest.mark.parametrize(
    ("loss", "first", "got"),
    [
        (lambda _, rows: rows.mean(where=rows != 5), "3.28571", "3.58333"),  # 7 of 8 count
        (lambda _, rows: rows.sum(), "28", "14"),
        (lambda _, rows: rows.max(), "7", "5"),
        (lambda _, rows: rows.mean(where=rows > 3), "5.5", "nan"),  # one share has none such
    ],
)
def test_a_loss_that_is_no_mean_over_rows_is_refused(loss, first, got):
    message = rf"first value is {first}.* the mean over 2 equal shares of the batch is {got}"
    rows = jnp.arange(8.0).reshape(4, 2)
    with pytest.raises(ValueError, match=message):
        split_over(2).check_split(loss, lambda: (None, rows))
    split_over(1).check_split(loss, lambda: (None, rows))


def test_a_loss_that_is_a_mean_may_be_anything_else():
    large = 1e4 + jax.random.normal(jax.random.key(0), (900, 50))
    for scale in (1.0, 1e-6, jnp.inf, jnp.nan):
        split_over(3).check_split(lambda w, rows: (w * rows).mean(), lambda w=scale: (w, large))


SETTINGS = {"keys": [1, 2], "steps": 10, "learning_rate": [3e-3, 1e-2]}


@pytest.mark.parametrize(
    ("other", "got"),
    [
        ({"steps": 20}, r"the same steps, got 20"),
        ({"learning_rate": [3e-3, 2e-2]}, r"the same learning_rate, got \[0.003, 0.02\]"),
        ({"keys": [1, 3]}, r"the same keys, got \[1, 3\]"),
    ],
)
def test_processes_that_were_given_different_settings_are_told_which(monkeypatch, other, got):
    spread = SeedSharding(1)
    spread.check_agreement(**SETTINGS)
    told = []
    module = "rnnlib.training.devices"
    monkeypatch.setattr(f"{module}.process_allgather", lambda mine: told.append(mine) or mine)
    spread.check_agreement(**SETTINGS)  # what another process says
    monkeypatch.setattr(f"{module}.process_allgather", lambda mine: np.stack([told[0], mine]))
    spread.check_agreement(**SETTINGS)
    with pytest.raises(ValueError, match=rf"all processes must be given {got} in process 0"):
        spread.check_agreement(**SETTINGS | other)
    monkeypatch.setattr(jax, "__version__", "0.0.0")
    with pytest.raises(ValueError, match=r"the same version of JAX, got 0\.0\.0"):
        spread.check_agreement(**SETTINGS)
