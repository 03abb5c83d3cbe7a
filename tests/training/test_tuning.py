"""A sweep finds the best rate, and survives those that diverge; `tune` looks beyond its grid."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_runs import KEYS, LINE, SMALL, same

from rnnlib.training.fit import _schedule, fit, fit_seeds
from rnnlib.training.tuning import Search, sweep, tune, tune_budgets


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


def test_no_score_that_is_a_number_is_told_as_such():
    """The training was fine: a smaller rate alone may not help."""
    told = r"training diverged, or validate gave no finite number, at every rate of \["
    for validate in (lambda w: w * jnp.nan, lambda w: -jnp.inf + 0 * w):
        settings = LINE | {"key": KEYS[0], "steps": 20, "validate": validate}
        with pytest.raises(FloatingPointError, match=told):
            sweep(rates=[0.1, 1e-3], **settings)
        with pytest.raises(FloatingPointError, match=told):
            tune(rates=[1e-3, 0.1], seeds=1, more=1, **settings)


def test_a_sweep_in_which_every_rate_diverges_raises():
    with pytest.raises(FloatingPointError, match=r"every rate of \[0.5, 0.7\]: try a smaller"):
        sweep(rates=[0.5, 0.7], validate=lambda w: w, **diverging(jnp.nan))


# w moves by the rate times its share at each step, so that each rate ends where it is known to;
# the seed is what a network was started from, and stays.
SLOPE = {
    "init": lambda key: {"w": jnp.zeros(()), "seed": jax.random.uniform(key)},
    "loss": lambda model, _: -model["w"],
    "sample": lambda key: key,
    "progress": False,
}


def planted(rate, steps=20):
    """Tune where the outcome is the squared distance to a rate, in powers of ten."""
    way = _schedule(round(0.05 * steps), steps).sum()
    outcome = lambda model: jnp.log10(model["w"] / way / rate) ** 2  # noqa: E731
    return SLOPE | {"key": KEYS[0], "steps": steps, "seeds": 3, "validate": outcome}


@pytest.mark.parametrize(("best", "tried"), [(1e-4, (1e-5, 1e-1)), (1.0, (1e-3, 10.0))])
def test_a_grid_goes_on_until_the_best_rate_is_inside(best, tried):
    search, run, _ = tune(rates=[1e-3, 1e-2, 1e-1], more=3, **planted(best))
    np.testing.assert_allclose(search.rate, best)
    np.testing.assert_allclose(search.rates[[0, -1]], tried)
    np.testing.assert_allclose(search.scores[:, 0], np.log10(search.rates / best) ** 2, atol=1e-4)
    assert search.bracketed and search.row() == f"{best:g}"
    np.testing.assert_allclose(run.model["w"], best * _schedule(1, 20).sum(), rtol=1e-4)


@pytest.mark.parametrize(("best", "tried"), [(1e-9, 1e-5), (1e3, 1e0)])
def test_a_grid_ends_at_its_limit_and_says_so(best, tried):
    search, _, _ = tune(rates=[1e-3, 1e-2], more=2, **planted(best))
    assert search.rates.shape == (4,) and search.scores.shape == (4, 1)
    np.testing.assert_allclose(search.rate, tried)
    assert not search.bracketed and search.row() == f"{tried:g} (edge)"


def test_rates_that_solve_a_task_tie_and_the_middle_one_is_taken():
    near = {"rates": [1e-2, 1e-1, 1.0, 10.0], "more": 3, "solved": 1.1}
    search, _, _ = tune(**near, **planted(0.1))  # 0.01, 0.1 and 1 are at most 1 away
    assert search.bracketed and search.rate == 0.1 and len(search.rates) == 4
    search, _, _ = tune(**near | {"solved": 0.5}, **planted(1e-2))  # only one solves it
    assert search.rate == 1e-2 and len(search.rates) == 5


def test_equal_failures_are_no_tie():
    search = Search(np.array([0.1, 0.2, 0.4]), np.full((3, 2), 0.9), solved=0.5)
    assert not search.bracketed and search.rate == 0.1
    half = Search(search.rates, np.array([[0.9, 0.4], [0.9, 0.4], [0.9, 0.9]]), solved=0.5)
    assert not half.bracketed


def test_seeds_of_the_sweep_are_not_those_of_the_run():
    start = SLOPE | {"validate": lambda model: model["seed"], "steps": 10}
    tuned = tune(key=KEYS[0], rates=[1e-3, 1e-2], more=0, sweep_seeds=4, seeds=5, **start)
    scores, outcomes = tuned.search.scores, tuned.run.checks[:, -1]
    assert scores.shape == (2, 4)
    np.testing.assert_array_equal(scores[0], scores[1])
    assert len({*scores[0], *outcomes}) == 9


def test_each_budget_is_swept_and_trained_as_fit_seeds_would():
    sweep_keys = jax.random.split(jax.random.split(KEYS[0])[0], 2)
    plain = {key: SMALL[key] for key in ("init", "loss", "sample")} | {"progress": False}
    settings = {"validate": lambda model: model.embed.embedding[...].mean(), "clip": 0.5}
    tuned = tune_budgets(
        key=KEYS[0], rates=[1e-3, 1e-2], steps=[20, 60], seeds=3, more=0, checks=2,
        sweep_seeds=2, sweep_share=0.5, **plain, **settings,
    )  # fmt: skip
    for steps, (search, run, keys) in tuned.items():
        budget = settings | {"steps": steps, "checks": steps // 10, "warmup": steps // 20}
        same(run, fit_seeds(keys=keys, learning_rate=search.rate, **budget, **plain))
        half = budget | {"steps": steps // 2, "checks": steps // 20, "warmup": round(steps / 40)}
        for rate, scores in zip(search.rates, search.scores, strict=True):
            swept = fit_seeds(keys=sweep_keys, learning_rate=rate, **half, **plain)
            np.testing.assert_allclose(scores, swept.checks[:, -1], rtol=1e-6)


def test_sweeps_and_runs_are_compiled_once():
    traced = []

    def count(more, steps):
        traced.clear()
        told = SLOPE | {"loss": lambda model, _: traced.append(0) or -model["w"]}
        tune_budgets(**planted(1e3) | told | {"steps": steps}, rates=[0.1, 1.0], more=more)
        return len(traced)

    assert count(0, [10]) == count(2, [20, 30])


def test_a_rate_that_diverges_when_tuned_scores_inf():
    settings = diverging(jnp.nan) | {"validate": lambda w: (w - 3) ** 2, "seeds": 2}
    search, run, _ = tune(rates=[1e-3, 1e-2], more=8, **settings)
    assert search.bracketed and np.isinf(search.scores[-1]).all() and np.isfinite(run.losses).all()
    with pytest.raises(FloatingPointError, match=r"every rate of \[0.5 0.7\]: try a smaller"):
        tune(rates=[0.5, 0.7], more=0, **settings)


def test_a_seed_of_the_run_that_diverges_is_named_unless_all_are_wanted():
    far = SLOPE | {
        "loss": lambda model, _: jnp.where(model["seed"] > 0.5, jnp.nan, 0) - model["w"],
        "validate": lambda model: model["w"],
    }
    fixed = {"key": KEYS[0], "rates": [1e-3, 1e-2], "more": 0, "steps": 10, "seeds": 5}
    starts = jax.vmap(lambda key: far["init"](jax.random.split(key)[0])["seed"])
    spoilt = np.asarray(starts(jax.random.split(jax.random.split(KEYS[0])[1], 5))) > 0.5
    assert spoilt.any() and not spoilt.all()
    with pytest.raises(
        FloatingPointError, match=f"loss of seed {spoilt.argmax()} is nan at step 0"
    ):
        tune(**far, **fixed)
    _, run, _ = tune(**far, **fixed, stop=False)
    np.testing.assert_array_equal(np.isnan(run.losses).all(axis=1), spoilt)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"key": 0}, "key must be one typed key"),
        ({"rates": [0.1]}, r"rates must be two or more, increasing, got \[0.1\]"),
        ({"rates": [0.2, 0.1]}, r"increasing, got \[0.2, 0.1\]"),
        ({"rates": [0.0, 0.1]}, r"learning_rate and clip must be > 0, got \[0.  0.1\]"),
        ({"steps": [20, 20]}, r"different numbers of steps, each >= 1, got \[20, 20\]"),
        ({"steps": []}, r"different numbers of steps, .* got \[\]"),
        ({"steps": [20, 35]}, "positive multiple of checks, got 5 and 10"),
        ({"seeds": 0}, "must be >= 1 and more >= 0, got 0, 1 and 3"),
        ({"sweep_seeds": 0}, "got 3, 0 and 3"),
        ({"more": -1}, "got 3, 1 and -1"),
        ({"sweep_share": 0.0}, r"sweep_share must be in \(0, 1\], got 0.0"),
        ({"warmup_share": 1.0}, r"warmup must be in \[0, steps\), got 20 of 20"),
        ({"validate": lambda model: model}, "validate must return one number, the outcome, got"),
    ],
)
def test_a_search_out_of_range_is_refused_before_anything_is_traced(setting, message):
    told = planted(0.1) | {"loss": None, "steps": [20], "rates": [0.1, 1.0]}
    with pytest.raises(ValueError, match=message):
        tune_budgets(**told | setting)
