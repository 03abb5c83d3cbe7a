"""What one step does to the weights, by hand: optimizers, clipping, schedule, averages."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small_runs import KEYS, LINE, SMALL, same

from rnnlib.training.fit import _schedule, fit, fit_seeds


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
    found = _schedule(warmup=10, steps=110)
    np.testing.assert_allclose(found[[0, 5, 10, 60]], [0, 0.5, 1, 0.5], atol=1e-6)
    assert 0 < found[109] < 1e-3
    assert _schedule(warmup=0, steps=10)[0] == 1


def written_out(key, steps):
    """The run of SMALL with this key, as the lessons' records were made: Adam in one plain scan."""
    start, data = jax.random.split(key)
    model = SMALL["init"](start)
    rate = optax.scale_by_schedule(optax.cosine_decay_schedule(1.0, steps))
    adam = optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam(), rate)

    def update(state, step):
        model, moments = state
        batch = SMALL["sample"](jax.random.fold_in(data, step))
        value, gradient = jax.value_and_grad(SMALL["loss"])(model, batch)
        direction, moments = adam.update(gradient, moments)
        change = jax.tree.map(lambda d: -jnp.float32(3e-3) * d, direction)
        return (optax.apply_updates(model, change), moments), value

    (model, _), losses = jax.lax.scan(update, (model, adam.init(model)), jnp.arange(steps))
    return losses, model


@pytest.mark.slow
def test_the_default_is_adam_to_the_last_bit():
    run = fit(key=KEYS[0], **SMALL)
    same((run.losses, run.model), jax.jit(written_out, static_argnums=1)(KEYS[0], 20))


@pytest.mark.parametrize(("optimizer", "kept"), [(optax.identity(), 0), (optax.trace(0.9), 0.9)])
def test_another_optimizer_by_hand(optimizer, kept):
    """SGD, without and with momentum, by the schedule's rates; no gradient is clipped."""
    slope = LINE | {"loss": lambda w, _: (w - 2) ** 2}
    run = fit(key=KEYS[0], steps=8, checks=8, learning_rate=0.1, clip=np.inf, optimizer=optimizer,
              validate=lambda w: w, **slope)  # fmt: skip
    w = moved = 0.0
    for share, found in zip(_schedule(0, 8), run.checks, strict=True):
        moved = kept * moved + 2 * (w - 2)
        w -= 0.1 * share * moved
        np.testing.assert_allclose(found, w, rtol=1e-5)


def test_an_optimizer_may_read_the_weights():
    decayed = optax.chain(optax.identity(), optax.add_decayed_weights(0.5))
    still = LINE | {"init": lambda key: jnp.ones(()), "loss": lambda w, _: 0 * w}
    run = fit(key=KEYS[0], steps=1, checks=1, learning_rate=0.1, optimizer=decayed, **still)
    np.testing.assert_allclose(run.model, 1 - 0.1 * 0.5, rtol=1e-6)


@pytest.mark.parametrize("decay", [0.5, 0.999])
def test_averaged_weights_are_what_validate_sees_and_what_is_returned(decay):
    settings = LINE | {"steps": 12, "checks": 12, "learning_rate": 0.3, "validate": lambda w: w}
    plain, run = fit(key=KEYS[0], **settings), fit(key=KEYS[0], average=decay, **settings)
    same(run.losses, plain.losses)
    for t in range(1, 13):
        weights = decay ** np.arange(t)[::-1]
        expected = (weights * plain.checks[:t]).sum() / weights.sum()
        np.testing.assert_allclose(run.checks[t - 1], expected, rtol=1e-5)
    same(run.model, run.checks[-1])
    assert abs(run.model - plain.model) > 0.01


@pytest.mark.slow
def test_a_whole_model_can_be_averaged_for_many_seeds():
    many = fit_seeds(keys=KEYS[:3], average=0.9, **SMALL)
    same(many.of_seed(1), fit(key=KEYS[1], average=0.9, **SMALL))
    plain = fit_seeds(keys=KEYS[:3], **SMALL)
    same(many.losses, plain.losses)
    assert jax.tree.structure(many.model) == jax.tree.structure(plain.model)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_an_average_of_16_bit_weights_follows_them(dtype):
    """A thousandth of the way is less than 16 bits can go: the average would stop on its way."""
    settings = LINE | {"sample": lambda key: 5.0, "steps": 4000, "checks": 1}
    settings |= {"init": lambda key: jnp.ones((), dtype), "optimizer": optax.identity()}
    plain, run = (
        fit(key=KEYS[0], learning_rate=0.05, average=average, **settings)
        for average in (None, 0.999)
    )
    assert run.model.dtype == dtype  # as they came
    np.testing.assert_allclose(float(run.model), float(plain.model), rtol=0.02)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize(("dtype", "grain"), [(jnp.float16, 0.01), (jnp.bfloat16, 0.06)])
def test_weights_of_16_bits_move_as_others_do(dtype, grain, scale):
    """In 16 bits Adam's 1e-8 is 0, and so are small gradients' squares; large ones are infinite.

    They stop where the steps are smaller than half their grain, which is coarse in bfloat16.
    """
    wide, narrow = (
        fit(
            lambda key, dtype=dtype: {"w": jnp.zeros(2, dtype), "idle": jnp.ones(2, dtype)},
            lambda model, _: scale * ((model["w"].astype(jnp.float32) - 3) ** 2).sum(),
            lambda key: 0.0, KEYS[0], steps=200, checks=1, learning_rate=0.1, progress=False,
        ).model
        for dtype in (jnp.float32, dtype)
    )  # fmt: skip
    assert {leaf.dtype for leaf in jax.tree.leaves(narrow)} == {jnp.dtype(dtype)}
    np.testing.assert_allclose(narrow["w"].astype(float), wide["w"], rtol=grain)
    np.testing.assert_array_equal(narrow["idle"], 1)
