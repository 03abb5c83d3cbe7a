"""Training: pure in its key, indifferent to its neighbours, and loud when it goes wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.models.cells import LSTM
from rnnlib.models.language_model import LanguageModel
from rnnlib.texts.windows import windows
from rnnlib.training.fit import _schedule, fit, fit_seeds
from rnnlib.training.losses import next_token_loss

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


def test_the_first_update_is_adam_by_hand():
    """Adam's first step has length learning_rate, whatever the gradient; clipping cannot show."""
    run = fit(key=KEYS[0], steps=1, checks=1, learning_rate=0.25, **LINE)
    np.testing.assert_allclose(run.model, 0.25, rtol=1e-5)


def test_warmup_starts_at_zero():
    run = fit(key=KEYS[0], steps=4, checks=4, warmup=2, learning_rate=0.25,
              validate=lambda w: w, **LINE)  # fmt: skip
    moves = np.diff(run.checks, prepend=0)
    np.testing.assert_allclose(moves[:2], [0.0, 0.125], atol=1e-3)


def adam_by_hand(w, gradient, clip, steps, peak):
    """Kingma & Ba's algorithm 1 in float64, with clipped gradients and a cosine for the rate."""
    m, v, norms = np.zeros_like(w), np.zeros_like(w), []
    for t in range(steps):
        g = gradient(w)
        norms.append(np.linalg.norm(g))
        g = g * min(1, clip / norms[-1])
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        m_hat, v_hat = m / (1 - 0.9 ** (t + 1)), v / (1 - 0.999 ** (t + 1))
        rate = peak * (1 + np.cos(np.pi * t / steps)) / 2
        w = w - rate * m_hat / (np.sqrt(v_hat) + 1e-8)
    return w, norms


@pytest.mark.parametrize(("clip", "clipped"), [(0.5, 8), (6.0, 5), (1e6, 0)])
def test_clipping_is_that_of_the_whole_gradient_at_each_step(clip, clipped):
    """A shorter gradient throughout would not show after Adam; one that changes its length does."""
    a = np.array([5.0, 1.0])
    wave = {
        "init": lambda key: {"first": jnp.float32(0.1), "second": jnp.float32(0.7)},
        "loss": lambda w, _: 5 * jnp.cos(3 * w["first"]) + jnp.cos(3 * w["second"]),
        "sample": lambda key: None,
        "progress": False,
    }
    run = fit(key=KEYS[0], steps=8, checks=1, learning_rate=0.2, clip=clip, **wave)
    expected, norms = adam_by_hand(
        np.array([0.1, 0.7]), lambda w: -3 * a * np.sin(3 * w), clip, steps=8, peak=0.2
    )
    assert sum(norm > clip for norm in norms) == clipped
    np.testing.assert_allclose([run.model["first"], run.model["second"]], expected, rtol=1e-4)


def test_the_schedule_rises_on_a_line_and_falls_on_a_cosine():
    rate = _schedule(warmup=10, steps=110)
    shares = [float(rate(step)) for step in (0, 5, 10, 60, 109)]
    np.testing.assert_allclose(shares[:4], [0, 0.5, 1, 0.5], atol=1e-6)
    assert 0 < shares[4] < 1e-3
    assert _schedule(warmup=0, steps=10)(0) == 1


def test_a_non_finite_loss_names_the_seed_the_step_and_what_to_try():
    blow_up = LINE | {"loss": lambda w, target: jnp.where(w > 0.5, jnp.nan, (w - target) ** 2)}
    with pytest.raises(FloatingPointError, match=r"seed 0 is nan at step 6: try a smaller learn"):
        fit(key=KEYS[0], steps=1000, checks=10, learning_rate=0.1, **blow_up)


def test_a_weight_that_the_last_update_spoils_is_not_returned():
    """The losses are taken before each update: they are finite here."""
    steep = {"loss": lambda w, _: jnp.sqrt(w)}  # at 0: a loss of 0 with an infinite gradient
    with pytest.raises(FloatingPointError, match=r"last update left seed 0 with weights.*: try a"):
        fit(key=KEYS[0], steps=1, checks=1, **LINE | steep)


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


@pytest.mark.parametrize("wrong", [jnp.arange(4), KEYS[0], KEYS[:0], list(KEYS)])
def test_keys_must_be_typed_and_in_a_row(wrong):
    remedy = r"keys must be typed keys \[S\], .* jax.random.split\(jax.random.key\(0\), S\); got "
    with pytest.raises(ValueError, match=remedy):
        fit_seeds(keys=wrong, steps=10, **LINE)
