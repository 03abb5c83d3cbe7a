"""Training: one run, or many seeds side by side, each a pure function of its key."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from tqdm import tqdm

Model = Any  # any pytree that `loss` understands
Array = jax.Array


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
    *,
    learning_rate: float = 3e-3,
    **settings: Any,
) -> Run:
    """Train one model from one key; the settings and what is raised are those of `fit_seeds`."""
    run = fit_seeds(init, loss, sample, key[None], learning_rate=learning_rate, **settings)
    return run.of_seed(0)


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
) -> Run:
    """Train one model per key with Adam: the seeds run side by side, and do not touch each other.

    Per step: g = grad loss(model, sample(key of this step)), scaled down to norm `clip` where it
    is longer; the learning rate rises linearly over `warmup` steps and falls to zero on a cosine.

    The run is one compiled scan over `steps / checks` steps, called `checks` times; in between the
    losses are looked at, `validate(model)` is kept, and the progress bar moves, so that none of
    the three costs anything inside the scan. On CPU the seeds are spread over the cores and run
    one after another within each; on a GPU they are batched.

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

    Raises:
        ValueError: a setting is out of range.
        FloatingPointError: the loss is no longer finite; the message names the step.
    """
    _check(keys, steps, learning_rate, clip, warmup, checks)
    rates = jnp.broadcast_to(jnp.asarray(learning_rate, jnp.float32), keys.shape)
    optimizer = optax.chain(
        optax.clip_by_global_norm(clip),
        optax.scale_by_adam(),
        optax.scale_by_schedule(_schedule(warmup, steps)),
    )
    spread = _Spread(len(keys))
    start = spread(lambda key, rate: _start(init, optimizer, key, rate))
    advance = spread(partial(_advance, loss, sample, optimizer, steps // checks, validate))

    state = start(spread.pad(keys), spread.pad(rates))
    losses, kept = [], []
    quiet: Any = {} if progress else {"disable": True}  # else TQDM_DISABLE decides
    with tqdm(total=steps, unit="step", **quiet) as bar:
        for _ in range(checks):
            state, (chunk, check) = advance(state)
            losses.append(spread.unpad(chunk))
            kept.append(jax.tree.map(spread.unpad, check))
            _stop_if_not_finite(np.concatenate(losses, axis=1))
            bar.update(steps // checks)
            bar.set_postfix(loss=f"{losses[-1][:, -1].mean():.3f}")
    checked = None if validate is None else jax.tree.map(lambda *c: np.stack(c, axis=1), *kept)
    return Run(jax.tree.map(spread.cut, state.model), np.concatenate(losses, axis=1), checked)


def sweep(
    init: Callable[[Array], Model],
    loss: Callable[[Model, Any], Array],
    sample: Callable[[Array], Any],
    key: Array,
    rates: Sequence[float],
    *,
    validate: Callable[[Model], Array],
    **settings: Any,
) -> tuple[float, np.ndarray]:
    """Train one seed at each learning rate: -> (the best rate, `validate` at the end for each).

    The best is where `validate(model)`, a loss, is smallest; settings are those of `fit_seeds`.
    """
    keys = jnp.broadcast_to(key, (len(rates),))
    settings = {"checks": 1, **settings}
    run = fit_seeds(
        init, loss, sample, keys, learning_rate=np.array(rates), validate=validate, **settings
    )
    scores = run.checks[:, -1]
    return rates[int(scores.argmin())], scores


def _check(keys: Array, steps: int, learning_rate: Any, clip: float, warmup: int, checks: int):
    if not jnp.issubdtype(keys.dtype, jax.dtypes.prng_key) or keys.ndim != 1 or not len(keys):
        raise ValueError(f"keys must be typed keys [S], S >= 1; got {keys.dtype}{keys.shape}")
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
    """Return the share of the peak learning rate at each step."""
    cosine = optax.cosine_decay_schedule(1.0, steps - warmup)
    return optax.join_schedules([optax.linear_schedule(0.0, 1.0, max(warmup, 1)), cosine], [warmup])


def _start(init: Callable, optimizer: optax.GradientTransformation, key: Array, rate: Array):
    init_key, data_key = jax.random.split(key)
    model = init(init_key)
    return _State(model, optimizer.init(model), data_key, rate, jnp.zeros((), jnp.int32))


def _advance(
    loss: Callable,
    sample: Callable,
    optimizer: optax.GradientTransformation,
    steps: int,
    validate: Callable | None,
    state: _State,
) -> tuple[_State, tuple[Array, Any]]:
    """Take `steps` training steps of one run, then look at the model."""

    def update(state: _State, _: None) -> tuple[_State, Array]:
        batch = sample(jax.random.fold_in(state.key, state.step))
        value, grads = jax.value_and_grad(loss)(state.model, batch)
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
            f"the loss of seed {seed} is {losses[seed, step]} at step {step}: "
            "try a smaller learning_rate, a smaller clip, or some warmup steps"
        )


class _Spread:
    """Runs a function of one seed for all seeds: over the cores on CPU, batched on one GPU.

    Batched small matrix products are slow on CPU, so each core takes its seeds one by one.
    """

    def __init__(self, seeds: int):
        devices = jax.devices()
        self.seeds = seeds
        self.batched = devices[0].platform != "cpu"
        self.devices = devices[: min(len(devices), seeds)]
        self.padded = -(-seeds // len(self.devices)) * len(self.devices)

    def __call__(self, function: Callable) -> Callable:
        def for_each(*args: Any) -> Any:
            if self.batched:
                return jax.vmap(function)(*args)
            return jax.lax.map(lambda seed: function(*seed), args)

        mesh = Mesh(np.array(self.devices), ("seeds",))
        over = PartitionSpec("seeds")
        spread = jax.shard_map(for_each, mesh=mesh, in_specs=over, out_specs=over, check_vma=False)
        return jax.jit(spread, donate_argnums=0)

    def pad(self, values: Array) -> Array:
        """Repeat the last seed until every device has as many; lay the seeds over the devices."""
        rows = jnp.minimum(jnp.arange(self.padded), self.seeds - 1)
        mesh = Mesh(np.array(self.devices), ("seeds",))
        return jax.device_put(values[rows], NamedSharding(mesh, PartitionSpec("seeds")))

    def cut(self, values: Array) -> Array:
        """Drop what was padded, and gather the rest on one device."""
        return jax.device_put(values, self.devices[0])[: self.seeds]

    def unpad(self, values: Array) -> np.ndarray:
        """Drop what was padded, on the host."""
        return np.asarray(values)[: self.seeds]
