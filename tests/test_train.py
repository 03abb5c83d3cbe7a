"""Training: pure in its key, indifferent to its neighbours, and loud when it goes wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.cells import LSTM
from rnnlib.models import LanguageModel, next_token_loss
from rnnlib.text import windows
from rnnlib.train import fit, fit_seeds, sweep

TOKENS = np.asarray(jax.random.randint(jax.random.key(9), (500,), 0, 5))
KEYS = jax.random.split(jax.random.key(0), 5)
SMALL = {
    "init": lambda key: LanguageModel(5, 8, cell=LSTM, rngs=nnx.Rngs(key)),
    "loss": next_token_loss,
    "sample": windows(TOKENS, length=6, batch=4),
    "steps": 20,
    "checks": 2,
    "progress": False,
}
LINE = {  # least squares in one number, w -> 3, with noise that depends on the key
    "init": lambda key: jnp.zeros(()),
    "loss": lambda w, target: (w - target) ** 2,
    "sample": lambda key: 3 + 0.1 * jax.random.normal(key),
    "progress": False,
}


def same(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_array_equal(np.asarray(x), np.asarray(y)), a, b)


@pytest.mark.slow
def test_a_seed_gives_the_same_run_alone_as_among_others():
    many = fit_seeds(keys=KEYS, **SMALL)
    for seed in (0, 2, 4):
        same(many.of_seed(seed), fit(key=KEYS[seed], **SMALL))


@pytest.mark.slow
def test_the_same_key_gives_the_same_run_and_another_key_another():
    one, again = (fit(key=KEYS[0], **SMALL) for _ in range(2))
    same(one, again)
    assert not np.array_equal(one.losses, fit(key=KEYS[1], **SMALL).losses)


def test_each_seed_can_have_its_own_learning_rate():
    rates = np.array([1e-3, 1e-2, 1e-1])
    run = fit_seeds(keys=KEYS[:3], learning_rate=rates, **SMALL)
    same(run.of_seed(1), fit(key=KEYS[1], learning_rate=1e-2, **SMALL))


def test_training_finds_the_minimum():
    run = fit(key=KEYS[0], steps=500, learning_rate=0.1, **LINE)
    assert abs(run.model - 3) < 0.05
    assert run.losses.shape == (500,)


def test_validation_is_taken_after_each_part_of_the_run():
    run = fit_seeds(keys=KEYS[:2], steps=30, checks=3, validate=lambda w: {"w": w}, **LINE)
    assert run.checks["w"].shape == (2, 3)
    np.testing.assert_array_equal(run.checks["w"][:, -1], run.model)
    assert fit(key=KEYS[0], steps=30, checks=3, **LINE).checks is None


def test_the_number_of_checks_does_not_change_the_run():
    once = fit(key=KEYS[0], steps=30, checks=1, **LINE)
    same(once.losses, fit(key=KEYS[0], steps=30, checks=10, **LINE).losses)


def test_the_first_update_is_adam_by_hand():
    """Adam's first step has length learning_rate, whatever the gradient; clipping cannot show."""
    run = fit(key=KEYS[0], steps=1, checks=1, learning_rate=0.25, **LINE)
    np.testing.assert_allclose(run.model, 0.25, rtol=1e-5)


def test_warmup_starts_at_zero():
    run = fit(key=KEYS[0], steps=4, checks=4, warmup=2, learning_rate=0.25,
              validate=lambda w: w, **LINE)  # fmt: skip
    moves = np.diff(run.checks, prepend=0)
    np.testing.assert_allclose(moves[:2], [0.0, 0.125], atol=1e-3)


def test_clipping_shortens_long_gradients_only():
    """Two coordinates, one gradient a thousand times the other: Adam alone hides their norm."""

    def moments(clip):
        settings = LINE | {"sample": lambda key: jnp.float32(1000.0)}
        return fit(key=KEYS[0], steps=2, checks=1, clip=clip, **settings).losses

    np.testing.assert_array_equal(moments(1e6), moments(1e7))


def test_a_non_finite_loss_names_the_seed_the_step_and_what_to_try():
    blow_up = LINE | {"loss": lambda w, target: jnp.where(w > 0.5, jnp.nan, (w - target) ** 2)}
    with pytest.raises(FloatingPointError, match=r"seed 0 is nan at step 6: try a smaller learn"):
        fit(key=KEYS[0], steps=1000, checks=10, learning_rate=0.1, **blow_up)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"steps": 15, "checks": 10}, "positive multiple of checks, got 15 and 10"),
        ({"steps": 10, "learning_rate": 0.0}, "must be > 0, got 0.0 and 1.0"),
        ({"steps": 10, "clip": -1.0}, r"must be > 0, got 0.003 and -1.0"),
        ({"steps": 10, "warmup": 10}, r"warmup must be in \[0, steps\), got 10 of 10"),
        ({"steps": 10, "learning_rate": np.ones(3)}, r"one for each of 5 keys, got shape \(3,\)"),
    ],
)
def test_settings_out_of_range_are_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        fit_seeds(keys=KEYS, **setting, **LINE)


def test_keys_must_be_typed_and_in_a_row():
    with pytest.raises(ValueError, match="keys must be typed keys"):
        fit_seeds(keys=jnp.arange(4), steps=10, **LINE)


def test_sweep_returns_the_rate_of_the_smallest_validation_loss():
    rates = [1e-4, 3e-2, 1e-3]  # in 100 steps only the second can travel the distance of 3
    rate, scores = sweep(
        LINE["init"], LINE["loss"], LINE["sample"], KEYS[0], rates,
        validate=lambda w: (w - 3) ** 2, steps=100, progress=False,
    )  # fmt: skip
    assert rate == 3e-2
    assert scores.shape == (3,) and scores.argmin() == 1
