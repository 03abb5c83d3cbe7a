"""A sweep finds the best rate, and survives those that diverge."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_runs import KEYS, LINE

from rnnlib.training.fit import fit
from rnnlib.training.tuning import sweep


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        (jax.random.PRNGKey(0), r"uint32\[2\]"),
        (KEYS, r"key<fry>\[5\]"),
        (list(KEYS), "list"),
        (0, "int"),
    ],
)
def test_a_key_of_another_kind_is_refused_with_the_remedy(wrong, got):
    message = rf"key must be one typed key, such as jax.random.key\(0\); got {got}"
    with pytest.raises(ValueError, match=message):
        fit(key=wrong, steps=10, **LINE)
    with pytest.raises(ValueError, match=message):
        sweep(key=wrong, steps=10, rates=[0.1], validate=lambda w: w, **LINE)


def test_sweep_returns_the_rate_of_the_smallest_validation_loss():
    rates = [1e-4, 3e-2, 1e-3]  # in 100 steps only the second can travel the distance of 3
    rate, scores = sweep(
        LINE["init"], LINE["loss"], LINE["sample"], KEYS[0], rates,
        validate=lambda w: (w - 3) ** 2, steps=100, progress=False,
    )  # fmt: skip
    assert rate == 3e-2
    assert scores.shape == (3,) and scores.argmin() == 1


def test_sweep_ranks_by_the_last_check():
    """The fast seed passes the best place on its way, the slow one arrives there at the end."""
    rates, way = [0.3, 0.05], 1.2
    settings = LINE | {"key": KEYS[0], "steps": 40, "checks": 40}
    looks = [
        (fit(learning_rate=rate, validate=lambda w: w, **settings).checks - way) ** 2
        for rate in rates
    ]
    fast, slow = looks
    assert fast[0] < slow[0] and fast.min() < slow.min() and fast[-1] > slow[-1]
    rate, scores = sweep(rates=rates, validate=lambda w: (w - way) ** 2, **settings)
    assert rate == 0.05
    np.testing.assert_allclose(scores, [fast[-1], slow[-1]], rtol=1e-5)


def test_a_sweep_s_sampler_may_take_the_step():
    told = LINE | {"sample": lambda key, step: step, "loss": lambda w, step: 0 * w + step}
    _, scores = sweep(key=KEYS[0], rates=[0.1], steps=5, validate=lambda w: w, **told)
    assert scores == [0]


def diverging(spoil):
    """A sweep of a line that breaks beyond w = 1: the largest of the rates gets there."""
    loss = lambda w, target: jnp.where(w > 1, spoil, (w - target) ** 2)  # noqa: E731
    return LINE | {"loss": loss, "key": KEYS[0], "steps": 20}


@pytest.mark.parametrize("spoil", [jnp.nan, jnp.inf])
def test_a_rate_that_diverges_loses_the_sweep_and_the_others_go_on(spoil):
    settings = diverging(spoil) | {"validate": lambda w: (w - 3) ** 2}
    rate, scores = sweep(rates=[0.5, 1e-3, 1e-2], **settings)
    assert rate == 1e-2
    assert scores.dtype == np.float32 and np.isinf(scores[0])
    _, alone = sweep(rates=[1e-3, 1e-2], **settings)
    np.testing.assert_array_equal(scores[1:], alone)


def test_a_score_that_is_not_a_number_never_wins():
    settings = LINE | {"key": KEYS[0], "steps": 20}
    rate, scores = sweep(
        rates=[0.1, 1e-3], validate=lambda w: jnp.where(w > 0.1, jnp.nan, w), **settings
    )
    assert rate == 1e-3 and np.isinf(scores[0])


def test_a_sweep_in_which_every_rate_diverges_raises():
    with pytest.raises(FloatingPointError, match=r"every rate of \[0.5, 0.7\]: try a smaller"):
        sweep(rates=[0.5, 0.7], validate=lambda w: w, **diverging(jnp.nan))
