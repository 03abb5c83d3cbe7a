"""Training: one run, or many seeds side by side, each a pure function of its key."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm import tqdm

from rnnlib.training.devices import Spread

Model = Any  # any pytree that `loss` understands
Array = jax.Array
CALMER = "try a smaller learning_rate, a smaller clip, or some warmup steps"


class Run(NamedTuple):
    """What training leaves: of one run, or, with a leading seed axis S everywhere, of many."""

    model: Model
    losses: np.ndarray  # [steps], in the units of `loss`, before each step's update
    checks: Any  # what `validate` returned, [checks, ...]; None without it

    def of_seed(self, seed: int) -> "Run":
        """Return one run out of many."""
        return jax.tree.map(lambda leaf: leaf[seed], self)


class _State(NamedTuple):
    model: Model
    moments: optax.OptState
    key: Array
    learning_rate: Array
    step: Array


def fit(
    init: Callable[[Array], Model],
    loss: Callable[[Model, Any], Array],
    sample: Callable[[Array], Any],
    key: Array,
    **settings: Any,
) -> Run:
    """Train one model from one key; the settings and what is raised are those of `fit_seeds`."""
    check_key(key)
    return fit_seeds(init, loss, sample, key[None], **settings).of_seed(0)


def fit_seeds(
    init: Callable[[Array], Model],
    loss: Callable[[Model, Any], Array],
    sample: Callable[[Array], Any],
    keys: Array,
    *,
    steps: int,
    learning_rate: float | np.ndarray = 3e-3,
    clip: float = 1.0,
    warmup: int = 0,
    validate: Callable[[Model], Any] | None = None,
    checks: int = 10,
    progress: bool = True,
    stop: bool = True,
    split_batch: bool = False,
) -> Run:
    """Train one model per key with Adam: the seeds run side by side, and do not touch each other.

    Per step: g = grad loss(model, sample(key of this step)), scaled down to norm `clip` where it
    is longer; the learning rate rises linearly over `warmup` steps, of which the first has rate 0,
    then falls on a cosine that would reach 0 one step after the last.

    The run is one compiled scan over `steps / checks` steps, called `checks` times; in between the
    losses are looked at, `validate(model)` is kept, and the progress bar moves, so that none of
    the three costs anything inside the scan. On CPU the seeds are spread over the cores and run
    one after another within each; on a GPU they are batched. After `jax.distributed.initialize`
    all processes make the same call, share the seeds, and get the same Run.

    Each call compiles anew, also for the functions of an earlier call: they may read what has
    changed since. Where JAX's persistent compilation cache is on, the second time costs little.

    Args:
        init: key -> model.
        loss: model, batch -> scalar.
        sample: key -> batch.
        keys: [S] typed keys, as from `jax.random.split`.
        steps: updates of each model; a multiple of `checks`.
        learning_rate: the peak, one for all or one for each key [S].
        clip: the longest gradient that is left as it is.
        warmup: steps of linear rise.
        validate: model -> a pytree of arrays.
        checks: how often to look.
        progress: show a bar.
        stop: raise when a loss, or at the end a weight, is not finite; else the run goes on.
        split_batch: where devices are left over, give each an equal share of a batch's rows, the
            leading axis of all its arrays; `loss` must be a plain mean over these rows.

    Raises:
        ValueError: a setting is out of range, the keys are not typed, or a batch cannot be split.
        FloatingPointError: a seed has diverged; the message names it, and the step.
    """
    check_key(keys, axes=1)
    _check(keys, steps, learning_rate, clip, warmup, checks)
    rates = jnp.broadcast_to(jnp.asarray(learning_rate, jnp.float32), keys.shape)
    schedule = optax.scale_by_schedule(_schedule(warmup, steps))
    optimizer = optax.chain(optax.clip_by_global_norm(clip), optax.scale_by_adam(), schedule)
    spread = Spread(len(keys), split_batch)
    spread.check_agreement(keys=jax.random.key_data(keys).tolist(), steps=steps, checks=checks)
    spread.check_rows(sample, keys[0])
    gradient = spread.value_and_grad(loss)
    advance = spread(partial(_advance, gradient, sample, optimizer, steps // checks, validate))

    state = spread(partial(_start, init, optimizer))(spread.pad(keys), spread.pad(rates))
    losses, kept = [], []
    quiet: Any = {} if progress and jax.process_index() == 0 else {"disable": True}
    with tqdm(total=steps, unit="step", **quiet) as bar:  # when not quiet, TQDM_DISABLE decides
        for _ in range(checks):
            state, (chunk, check) = advance(state)
            losses.append(spread.unpad(chunk))
            kept.append(spread.unpad(check))
            if stop:
                _stop_if_not_finite(np.concatenate(losses, axis=1))
            bar.update(steps // checks)
            bar.set_postfix(loss=f"{losses[-1][:, -1].mean():.3f}")
    checked = jax.tree.map(lambda *parts: np.stack(parts, axis=1), *kept)
    model = spread.gather(state.model)
    if stop:  # the losses are those before each update: they do not see what the last one did
        _stop_if_spoilt(model)
    return Run(model, np.concatenate(losses, axis=1), checked)


def check_key(key: Any, axes: int = 0) -> None:
    typed = isinstance(key, Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if not typed or key.ndim != axes or not key.size:
        needed = (
            "key must be one typed key, such as jax.random.key(0)",
            "keys must be typed keys [S], S >= 1, such as jax.random.split(jax.random.key(0), S)",
        )
        got = f"{key.dtype}{list(key.shape)}" if hasattr(key, "dtype") else type(key).__name__
        raise ValueError(f"{needed[axes]}; got {got}")


def _check(keys: Array, steps: int, learning_rate: Any, clip: float, warmup: int, checks: int):
    if checks < 1 or steps < 1 or steps % checks:
        raise ValueError(f"steps must be a positive multiple of checks, got {steps} and {checks}")
    if np.shape(learning_rate) not in [(), keys.shape]:
        raise ValueError(
            f"learning_rate must be one number or one for each of {len(keys)} keys, "
            f"got shape {np.shape(learning_rate)}"
        )
    if not np.all(np.asarray(learning_rate) > 0) or not clip > 0:
        raise ValueError(f"learning_rate and clip must be > 0, got {learning_rate} and {clip}")
    if not 0 <= warmup < steps:
        raise ValueError(f"warmup must be in [0, steps), got {warmup} of {steps}")


def _schedule(warmup: int, steps: int) -> optax.Schedule:
    """Return the share of the peak learning rate at each step, counted from 0.

    t / warmup for t < warmup, so 0 at step 0; (1 + cos(π (t - warmup) / (steps - warmup))) / 2
    from there, so 1 at step `warmup` and just above 0 at the last one, steps - 1.
    """
    cosine = optax.cosine_decay_schedule(1.0, steps - warmup)
    return optax.join_schedules([optax.linear_schedule(0.0, 1.0, max(warmup, 1)), cosine], [warmup])


def _start(init: Callable, optimizer: optax.GradientTransformation, key: Array, rate: Array):
    init_key, data_key = jax.random.split(key)
    model = init(init_key)
    return _State(model, optimizer.init(model), data_key, rate, jnp.zeros((), jnp.int32))


def _advance(
    gradient: Callable,
    sample: Callable,
    optimizer: optax.GradientTransformation,
    steps: int,
    validate: Callable | None,
    state: _State,
) -> tuple[_State, tuple[Array, Any]]:
    """Take `steps` training steps of one run, then look at the model."""

    def update(state: _State, _: None) -> tuple[_State, Array]:
        batch = sample(jax.random.fold_in(state.key, state.step))
        value, grads = gradient(state.model, batch)
        direction, moments = optimizer.update(grads, state.moments)
        downhill = jax.tree.map(lambda d: -state.learning_rate * d, direction)
        model = optax.apply_updates(state.model, downhill)
        return state._replace(model=model, moments=moments, step=state.step + 1), value

    state, losses = jax.lax.scan(update, state, length=steps)
    return state, (losses, None if validate is None else validate(state.model))


def _stop_if_not_finite(losses: np.ndarray) -> None:
    bad = np.argwhere(~np.isfinite(losses))
    if len(bad):
        seed, step = bad[bad[:, 1].argmin()]
        raise FloatingPointError(
            f"the loss of seed {seed} is {losses[seed, step]} at step {step}: {CALMER}"
        )


def _stop_if_spoilt(model: Model) -> None:
    bad = np.flatnonzero(~finite_seeds(model))
    if len(bad):
        raise FloatingPointError(
            f"the losses are finite, but the last update left seed {bad[0]} with weights that are "
            f"not: {CALMER}"
        )


def finite_seeds(tree: Any) -> np.ndarray:
    """Tell of each seed whether all its numbers are finite: leaves [S, ...] -> [S]."""
    leaves = [np.isfinite(np.asarray(leaf)) for leaf in jax.tree.leaves(tree)]
    return np.all([leaf.reshape(len(leaf), -1).all(axis=1) for leaf in leaves], axis=0)
