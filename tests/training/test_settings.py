"""What cannot be trained is refused before training, with the remedy."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from rnnlib.training.fit import fit
from rnnlib.training.settings import with_step

LINE = {  # least squares in one number, w -> 3
    "init": lambda key: jnp.zeros(()),
    "loss": lambda w, target: (w - target) ** 2,
    "sample": lambda key: 3.0,
    "key": jax.random.key(0),
    "steps": 10,
    "progress": False,
}


class Draw:
    """A task with a curriculum."""

    def __call__(self, key, step):
        return step


@pytest.mark.parametrize(
    ("sample", "found"),
    [
        (lambda key: key, "key"),
        (lambda key, size=3: key, "key"),  # what a loop froze is no step
        (lambda key, *, step=None: key, "key"),
        (lambda *all: all[0] if len(all) == 1 else "both", "key"),
        (partial(lambda size, key: key, 3), "key"),
        (jax.jit(lambda key: key), "key"),
        (lambda key, step: step, "step"),
        (lambda key, step, size=3: step, "step"),
        (partial(lambda size, key, step: step, 3), "step"),
        (Draw(), "step"),
        (jax.jit(lambda key, step: step), "step"),
    ],
)
def test_a_sampler_says_by_its_parameters_whether_it_wants_the_step(sample, found):
    key, step = jnp.ones(()), jnp.zeros(())
    assert with_step(sample)(key, step) == {"key": key, "step": step}[found]


def test_a_sampler_that_wants_more_is_refused():
    message = r"must take \(key\) or \(key, step\), got one that takes \['key', 'step', 'size'\]"
    with pytest.raises(ValueError, match=message):
        fit(**LINE | {"sample": lambda key, step, size: 3.0})


@pytest.mark.parametrize(
    "whole", [optax.adam(1e-3), optax.sgd(0.1), optax.sgd(0.1, momentum=0.9), optax.adamw(1e-3)]
)
def test_an_optimizer_with_its_own_learning_rate_is_refused(whole):
    message = r"without a learning rate of its own.*scale_by_adam\(\) and learning_rate=1e-3"
    with pytest.raises(ValueError, match=message):
        fit(optimizer=whole, **LINE)


@pytest.mark.parametrize("wrong", ["adam", optax.adam, 1e-3, None])
def test_what_is_no_optimizer_is_refused(wrong):
    with pytest.raises(ValueError, match=r"optimizer must be made by optax, got .*scale_by_adam"):
        fit(optimizer=wrong, **LINE)


class Dropped(nnx.Module):
    """A line whose input is dropped now and then."""

    def __init__(self, rngs, random, table=()):
        self.line = nnx.Linear(3, 1, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs if random else None)
        self.table = table


def dropped_loss(model, batch):
    kept = model.dropout(batch["x"], rngs=nnx.Rngs(batch["key"]))
    return ((model.line(kept) - 1) ** 2).mean()


DROPPED = LINE | {
    "loss": dropped_loss,
    "sample": lambda key: {"key": key, "x": jnp.ones((4, 3))},
}


@pytest.mark.parametrize("optimizer", [{}, {"optimizer": optax.identity()}])
def test_a_model_with_random_state_is_refused_with_the_remedy(optimizer):
    message = (
        r"must hold real floats, got dropout\.rngs\.count uint32\[\], "
        r"dropout\.rngs\.key key<fry>\[\]: "
        r"keep no nnx.Rngs in it; .* nnx.Dropout\(rate\)\(x, rngs=nnx.Rngs\(key\)\)"
    )
    with pytest.raises(ValueError, match=message):
        fit(**DROPPED | {"init": lambda key: Dropped(nnx.Rngs(key), random=True)}, **optimizer)


def test_the_remedy_works():
    init = lambda key: Dropped(nnx.Rngs(key), random=False)  # noqa: E731
    run = fit(**DROPPED | {"init": init})
    assert np.ptp(run.losses) > 0


@pytest.mark.parametrize("table", [jnp.arange(3), jnp.ones(2, bool)])
def test_a_model_with_whole_numbers_is_refused(table):
    message = rf"must hold real floats, got table {table.dtype}\[.\]: keep constants in a tuple"
    init = lambda key: Dropped(nnx.Rngs(key), random=False, table=table)  # noqa: E731
    with pytest.raises(ValueError, match=message):
        fit(**DROPPED | {"init": init})
    with pytest.raises(ValueError, match=r"got the model int32\[\]: keep constants"):
        fit(**LINE | {"init": lambda key: jnp.zeros((), jnp.int32)})


def test_a_complex_model_is_refused():
    """Its gradient would have to be conjugated: as it is, the loss climbs."""
    with pytest.raises(ValueError, match=r"real floats, got the model complex64\[\]"):
        fit(**LINE | {"init": lambda key: jnp.ones((), jnp.complex64)})
