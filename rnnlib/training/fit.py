"""Training: one run, or many seeds side by side, each a pure function of its key."""

import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm import tqdm

from rnnlib.training.devices import SeedSharding
from rnnlib.training.settings import (
    ADAM,
    check_key,
    check_model,
    check_numbers,
    check_optimizer,
    shapes,
    with_step,
)

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
    averaged: Model  # over the steps so far; None unless asked for


def fit(
    init: Callable[[Array], Model],
    loss: Callable[[Model, Any], Array],
    sample: Callable[..., Any],
    key: Array,
    **settings: Any,
) -> Run:
    """Train one model from one key; the settings and what is raised are those of `fit_seeds`."""
    check_key(key)
    return fit_seeds(init, loss, sample, key[None], **settings).of_seed(0)


def fit_seeds(
    init: Callable[[Array], Model],
    loss: Callable[[Model, Any], Array],
    sample: Callable[..., Any],
    keys: Array,
    *,
    steps: int,
    learning_rate: float | np.ndarray = 3e-3,
    clip: float = 1.0,
    warmup: int = 0,
    optimizer: optax.GradientTransformation = ADAM,
    average: float | None = None,
    validate: Callable[[Model], Any] | None = None,
    checks: int = 10,
    progress: bool = True,
    stop: bool = True,
    split_batch: bool = False,
) -> Run:
    """Train one model per key: the seeds run side by side, and do not touch each other.

    Per step: g = grad loss(model, sample(key of this step)), scaled down to norm `clip` where it
    is longer; model -= learning rate * optimizer(g). The learning rate rises linearly over `warmup`
    steps, of which the first has rate 0, then falls on a cosine that would reach 0 one step after
    the last.

    The run is one compiled scan over `steps / checks` steps, called `checks` times; in between the
    losses are looked at, `validate(model)` is kept, and the progress bar moves, so that none of
    the three costs anything inside the scan. On CPU the seeds are spread over the cores and run
    one after another within each; on a GPU they are batched. After `jax.distributed.initialize`
    all processes make the same call, share the seeds, and get the same Run.

    Each call compiles anew, also for the functions of an earlier call: they may read what has
    changed since. Where JAX's persistent compilation cache is on, the second time costs little.

    Weights of 16 bits stay so; the optimizer, and an average, work in 32.

    With `average` = β, `validate` sees, and the Run keeps, a moving average of the weights w_1 to
    w_t, Σ_s β^(t - s) w_s divided by Σ_s β^(t - s), over about the last 1 / (1 - β) steps; the
    losses stay those of the weights that are trained.

    Args:
        init: key -> model, whose arrays all hold floats.
        loss: model, batch -> scalar.
        sample: key -> batch; or key, step -> batch, if two of its positional parameters have no
            default: the step counts from 0.
        keys: [S] typed keys, as from `jax.random.split`.
        steps: updates of each model; a multiple of `checks`.
        learning_rate: the peak, one for all or one for each key [S].
        clip: the longest gradient that is left as it is; `np.inf` leaves all.
        warmup: steps of linear rise.
        optimizer: what optax makes of a gradient before the learning rate: `optax.scale_by_adam()`,
            `optax.identity()` for SGD, `optax.trace(0.9)` for momentum, or a chain of such.
        average: how much of the average stays at each step, such as 0.999; None for none.
        validate: model -> a pytree of arrays.
        checks: how often to look.
        progress: show a bar.
        stop: raise when a loss, or at the end a weight, is not finite; else the run goes on.
        split_batch: where devices are left over, give each an equal share of a batch's rows, the
            leading axis of all its arrays; `loss` must be a plain mean over these rows.

    Raises: ValueError (a setting out of range, keys that are not typed, a model with other arrays
    than floats, an optimizer with a learning rate of its own, a batch that cannot be split, or, on
    the first batch, a loss that is not the mean over its shares), FloatingPointError (a seed has
    diverged; the message names it, and the step).
    Reference: Polyak and Juditsky (1992), "Acceleration of stochastic approximation by averaging",
    and Block et al. (2024), "Butterfly effects of SGD noise", for averaged weights.
    """
    check_key(keys, axes=1)
    check_numbers(
        len(keys), steps=steps, learning_rate=learning_rate, clip=clip, warmup=warmup,
        checks=checks, average=average,
    )  # fmt: skip
    check_optimizer(optimizer, init, keys[0])
    trainer = Trainer(
        init, loss, sample, len(keys), steps // checks, clip=clip, optimizer=optimizer,
        average=average, validate=validate, split_batch=split_batch,
    )  # fmt: skip
    run = trainer.run(keys, learning_rate, steps=steps, warmup=warmup, progress=progress, stop=stop)
    if stop:  # the losses are those before each update: they do not see what the last one did
        stop_if_not_finite(run)
    return run


class Trainer:
    """Training that is compiled once, for other keys, learning rates and numbers of steps.

    Its settings are those of `fit_seeds`, which checks them. Each run is of `seeds` keys, and takes
    a multiple of `chunk` steps: so many are one compiled scan.
    """

    def __init__(
        self, init: Callable, loss: Callable, sample: Callable, seeds: int, chunk: int, *,
        clip: float = 1.0, optimizer: optax.GradientTransformation = ADAM,
        average: float | None = None, validate: Callable | None = None, split_batch: bool = False,
    ):  # fmt: skip
        self.init, self.loss, self.draw, self.chunk = init, loss, with_step(sample), chunk
        self.spread = SeedSharding(seeds, split_batch)
        self.agreed: dict[str, Any] = {
            "clip": clip, "average": average, "validate": validate is not None,
            "split_batch": split_batch,
        }  # fmt: skip
        clipped = optax.chain(optax.clip_by_global_norm(clip), optimizer)
        gradient = self.spread.value_and_grad(loss)
        self.start = self.spread(partial(_start, init, clipped, average is not None))
        self.advance = self.spread(
            partial(_advance, gradient, self.draw, clipped, average, validate)
        )

    def run(
        self, keys: Array, learning_rate: float | np.ndarray, *, steps: int, warmup: int,
        progress: bool, stop: bool,
    ) -> Run:  # fmt: skip
        """Train one model per key, and look at the losses after each `chunk` steps."""
        if jax.config.jax_disable_jit:  # pyright: ignore[reportAttributeAccessIssue]
            warnings.warn("under jax.disable_jit training takes seconds a step", stacklevel=2)
        rates = jnp.broadcast_to(jnp.asarray(learning_rate, jnp.float32), keys.shape)
        begin = self.spread.pad(keys), self.spread.pad(rates)
        begun = jax.eval_shape(self.start, *begin)  # no cost: it is traced once
        self.spread.check_agreement(
            steps=steps, learning_rate=np.asarray(learning_rate).tolist(), warmup=warmup,
            checks=steps // self.chunk, stop=stop, keys=jax.random.key_data(keys).tolist(),
            **self.agreed, model=shapes(begun.model), optimizer=shapes(begun.moments),
        )  # fmt: skip
        self.spread.check_split(self.loss, partial(_first_batch, self.init, self.draw, keys[0]))
        return self._train(self.start(*begin), _schedule(warmup, steps), progress, stop)

    def _train(self, state: _State, shares: np.ndarray, progress: bool, stop: bool) -> Run:
        losses, kept = [], []
        quiet: Any = {} if progress and jax.process_index() == 0 else {"disable": True}
        bar = tqdm(total=len(shares), unit="step", **quiet)  # when not quiet, TQDM_DISABLE decides
        with bar:
            for part in shares.reshape(-1, self.chunk):
                of_each = jnp.broadcast_to(part, (self.spread.seeds, self.chunk))
                state, (chunk, check) = self.advance(state, self.spread.pad(of_each))
                losses.append(self.spread.unpad(chunk))
                kept.append(self.spread.unpad(check))
                if stop:
                    _check_losses(np.concatenate(losses, axis=1))
                bar.update(self.chunk)
                bar.set_postfix(loss=f"{losses[-1][:, -1].mean():.3f}")
        checked = jax.tree.map(lambda *parts: np.stack(parts, axis=1), *kept)
        return Run(self.spread.gather(_seen(state)), np.concatenate(losses, axis=1), checked)


def _schedule(warmup: int, steps: int) -> np.ndarray:
    """Return the share of the peak learning rate at each step, counted from 0: [steps].

    t / warmup for t < warmup, so 0 at step 0; (1 + cos(π (t - warmup) / (steps - warmup))) / 2
    from there, so 1 at step `warmup` and just above 0 at the last one, steps - 1.
    """
    cosine = optax.cosine_decay_schedule(1.0, steps - warmup)
    rise = optax.linear_schedule(0.0, 1.0, max(warmup, 1))
    share = optax.join_schedules([rise, cosine], [warmup])
    return np.asarray(jax.jit(share)(jnp.arange(steps)))


def _start(
    init: Callable, optimizer: optax.GradientTransformation, average: bool, key: Array, rate: Array
) -> _State:
    init_key, data_key = jax.random.split(key)
    model = init(init_key)
    check_model(model)
    averaged = jax.tree.map(jnp.zeros_like, _wide(model)) if average else None
    moments, step = optimizer.init(_wide(model)), jnp.zeros((), jnp.int32)
    return _State(model, moments, data_key, rate, step, averaged)


def _wide(tree: Any) -> Any:
    """Return all numbers in 32 bits at least: 16 hold no 1e-8, and barely 1.001."""
    return jax.tree.map(lambda x: x.astype(jnp.promote_types(x.dtype, jnp.float32)), tree)


def _first_batch(init: Callable, sample: Callable, key: Array) -> tuple[Model, Any]:
    """Return the model and the batch that a run with this key begins with."""
    init_key, data_key = jax.random.split(key)
    step = jnp.zeros((), jnp.int32)
    return init(init_key), sample(jax.random.fold_in(data_key, step), step)


def _advance(
    gradient: Callable,
    sample: Callable,
    optimizer: optax.GradientTransformation,
    average: float | None,
    validate: Callable | None,
    state: _State,
    shares: Array,
) -> tuple[_State, tuple[Array, Any]]:
    """Take a training step of one run at each share of its learning rate, then look at the model.

    Shapes: shares[chunk].
    """

    def update(state: _State, share: Array) -> tuple[_State, Array]:
        batch = sample(jax.random.fold_in(state.key, state.step), state.step)
        value, grads = gradient(state.model, batch)
        direction, moments = optimizer.update(_wide(grads), state.moments, _wide(state.model))
        downhill = jax.tree.map(lambda d: -state.learning_rate * (share * d), direction)
        model = optax.apply_updates(state.model, downhill)
        averaged = average and _follow(state.averaged, model, average, state.step)
        changed = {"model": model, "moments": moments, "averaged": averaged}
        return state._replace(**changed, step=state.step + 1), value

    state, losses = jax.lax.scan(update, state, shares)
    return state, (losses, None if validate is None else validate(_seen(state)))


def _follow(averaged: Model, model: Model, decay: float, step: Array) -> Model:
    """Move the average towards the model, at first by all of the way.

    a_t = a_{t-1} + (1 - β) / (1 - β^t) (w_t - a_{t-1}), which needs no correction at the end.
    """
    share = jnp.expm1(math.log(decay)) / jnp.expm1(math.log(decay) * (step + 1))
    return jax.tree.map(lambda a, w: a + (share * (w - a)).astype(a.dtype), averaged, model)


def _seen(state: _State) -> Model:
    """Return the model that others get to see."""
    if state.averaged is None:
        return state.model
    return jax.tree.map(lambda a, w: a.astype(w.dtype), state.averaged, state.model)


def _check_losses(losses: np.ndarray) -> None:
    bad = np.argwhere(~np.isfinite(losses))
    if len(bad):
        seed, step = bad[bad[:, 1].argmin()]
        raise FloatingPointError(
            f"the loss of seed {seed} is {losses[seed, step]} at step {step}: {CALMER}"
        )


def stop_if_not_finite(run: Run) -> None:
    """Raise FloatingPointError for a loss of many runs, or a weight, that is not finite."""
    _check_losses(run.losses)
    bad = np.flatnonzero(~finite_seeds(run.model))
    if len(bad):
        raise FloatingPointError(
            f"the losses are finite, but the last update left seed {bad[0]} with weights that are "
            f"not: {CALMER}"
        )


def finite_seeds(tree: Any) -> np.ndarray:
    """Tell of each seed whether all its numbers are finite: leaves [S, ...] -> [S]."""
    leaves = [np.isfinite(np.asarray(leaf)) for leaf in jax.tree.leaves(tree)]
    return np.all([leaf.reshape(len(leaf), -1).all(axis=1) for leaf in leaves], axis=0)
