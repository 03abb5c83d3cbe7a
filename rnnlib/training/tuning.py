"""Tuning: which learning rate is the best."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from rnnlib.training.fit import CALMER, Array, Model, finite_seeds, fit_seeds
from rnnlib.training.settings import check_key


def sweep(
    init: Callable[[Array], Model],
    loss: Callable[[Model, Any], Array],
    sample: Callable[..., Any],
    key: Array,
    rates: Sequence[float],
    *,
    validate: Callable[[Model], Array],
    **settings: Any,
) -> tuple[float, np.ndarray]:
    """Train one seed at each learning rate: -> (the best rate, `validate` at the end for each).

    The best is where `validate(model)`, a loss, is smallest at the last check; settings are those
    of `fit_seeds`. A rate at which training diverges scores inf, and the others go on.

    Raises: ValueError (what `fit_seeds` refuses, or a key that is not typed), FloatingPointError
    (training diverged at every rate).
    """
    check_key(key)
    keys = jnp.broadcast_to(key, (len(rates),))
    fixed: Any = {"learning_rate": np.array(rates), "validate": validate, "stop": False}
    run = fit_seeds(init, loss, sample, keys, **fixed, **{"checks": 1, **settings})
    scores = run.checks[:, -1]
    scores = np.where(finite_seeds((run.model, run.losses, scores)), scores, np.inf)
    if np.isinf(scores).all():
        raise FloatingPointError(f"training diverged at every rate of {list(rates)}: {CALMER}")
    return rates[int(scores.argmin())], scores
