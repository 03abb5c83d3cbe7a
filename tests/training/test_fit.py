"""Training: pure in its key, indifferent to its neighbours, and loud when it goes wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_runs import KEYS, LINE, SMALL, same

from rnnlib.training.fit import fit, fit_seeds
from rnnlib.training.losses import next_token_loss


def first_batch(key):
    """The key of a run's first batch."""
    return jax.random.fold_in(jax.random.split(key)[1], 0)


@pytest.mark.slow
def test_a_seed_gives_the_same_run_alone_as_among_others():
    many = fit_seeds(keys=KEYS, **SMALL)
    for seed in (0, 2, 4):
        same(many.of_seed(seed), fit(key=KEYS[seed], **SMALL))


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 3])
def test_what_was_trained_can_be_trained_further_with_other_seeds(seeds):
    trained = fit_seeds(keys=KEYS[:2], **SMALL).of_seed(1)
    further = SMALL | {"init": lambda key: trained.model}
    tuned = fit_seeds(keys=KEYS[:seeds], **further)
    first = next_token_loss(trained.model, further["sample"](first_batch(KEYS[0])))
    np.testing.assert_allclose(tuned.losses[0, 0], first, rtol=1e-5)


@pytest.mark.slow
def test_the_same_key_gives_the_same_run_and_another_key_another():
    one, again = (fit(key=KEYS[0], **SMALL) for _ in range(2))
    same(one, again)
    assert not np.array_equal(one.losses, fit(key=KEYS[1], **SMALL).losses)


@pytest.mark.slow
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


def test_a_sampler_that_takes_the_step_gets_it():
    """From 0 on, throughout the parts of a run, and for every seed."""
    told = LINE | {"loss": lambda w, step: 0 * w + step}
    run = fit_seeds(keys=KEYS[:3], steps=6, checks=3, **told | {"sample": lambda key, step: step})
    np.testing.assert_array_equal(run.losses, np.tile(np.arange(6.0), (3, 1)))


def test_a_sampler_s_key_is_the_same_with_the_step_as_without():
    noisy = LINE["sample"]
    run = fit(key=KEYS[0], steps=10, **LINE | {"sample": lambda key, step: noisy(key)})
    same(run, fit(key=KEYS[0], steps=10, **LINE))


def test_a_non_finite_loss_names_the_seed_the_step_and_what_to_try():
    blow_up = LINE | {"loss": lambda w, target: jnp.where(w > 0.5, jnp.nan, (w - target) ** 2)}
    with pytest.raises(FloatingPointError, match=r"seed 0 is nan at step 6: try a smaller learn"):
        fit(key=KEYS[0], steps=1000, checks=10, learning_rate=0.1, **blow_up)


def test_a_weight_that_the_last_update_spoils_is_not_returned():
    """The losses are taken before each update: they are finite here."""
    steep = {"loss": lambda w, _: jnp.sqrt(w)}  # at 0: a loss of 0 with an infinite gradient
    with pytest.raises(FloatingPointError, match=r"last update left seed 0 with weights.*: try a"):
        fit(key=KEYS[0], steps=1, checks=1, **LINE | steep)


def test_without_jit_it_is_said_that_training_takes_long():
    def stopped(key):
        raise KeyError("init")

    with (
        jax.disable_jit(),
        pytest.warns(UserWarning, match="jax.disable_jit training takes seconds a step"),
        pytest.raises(KeyError, match="init"),
    ):
        fit(key=KEYS[0], steps=10, **LINE | {"init": stopped})


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"steps": 15, "checks": 10}, "positive multiple of checks, got 15 and 10"),
        ({"steps": 10, "learning_rate": 0.0}, "must be > 0, got 0.0 and 1.0"),
        ({"steps": 10, "clip": -1.0}, r"must be > 0, got 0.003 and -1.0"),
        ({"steps": 10, "warmup": 10}, r"warmup must be in \[0, steps\), got 10 of 10"),
        ({"steps": 10, "learning_rate": np.ones(3)}, r"one for each of 5 keys, got shape \(3,\)"),
        ({"steps": 10, "average": 1.0}, r"average must be None or in \(0, 1\), .* got 1.0"),
        ({"steps": 10, "average": 0}, r"average must be None or in \(0, 1\), .* got 0"),
    ],
)
def test_settings_out_of_range_are_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        fit_seeds(keys=KEYS, **setting, **LINE)


@pytest.mark.parametrize("wrong", [jnp.arange(4), KEYS[0], KEYS[:0], list(KEYS)])
def test_keys_must_be_typed_and_in_a_row(wrong):
    remedy = r"keys must be typed keys \[S\], .* jax.random.split\(jax.random.key\(0\), S\); got "
    with pytest.raises(ValueError, match=remedy):
        fit_seeds(keys=wrong, steps=10, **LINE)
