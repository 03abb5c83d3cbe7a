"""Training steps of rnnlib and of its peers, side by side: the same layer, loss and optimiser."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from bench import peers
from bench.results import summary
from rnnlib import cells, fused, timing
from rnnlib.timing import Times

SHAPES = ((32, 64, 64, 128), (32, 256, 64, 64), (64, 128, 128, 256), (16, 512, 64, 128))
IN_A_SCAN = 5  # steps per call of the second form: one compiled scan, as in train.fit
SECONDS = 20  # for each cell and shape: from 6 to 20 repeats, as many as fit
Layer = Callable[[Any, jax.Array], jax.Array]  # cell, xs[B, T, D] -> ys[B, T, H]


def plain(cell: Any, xs: jax.Array) -> jax.Array:
    """Run a cell as the lessons do: one sequence, and a vmap over the batch."""
    return jax.vmap(lambda xs: cells.unroll(cell, xs)[1])(xs)


def rnnlib_step(
    cell: str,
    xs: Any,
    targets: Any,
    *,
    steps: int = 1,
    layer: Layer = fused.unroll,
    devices: Sequence[jax.Device] | None = None,
) -> Callable[[], jax.Array]:
    """Make the program that takes `steps` training steps per call, and returns the last loss.

    mean((ys - targets)^2), optax.adam(1e-3). The weights are on every device, the batch's rows are
    shared out, and one pmean brings losses and gradients together.
    """
    optimizer = optax.adam(1e-3)
    mesh = Mesh(np.array(devices or _sharing(len(xs))), ("rows",))
    specs: Any = {"in_specs": (P(), P("rows"), P("rows")), "out_specs": P(), "check_vma": False}

    def loss(cell: Any, xs: jax.Array, targets: jax.Array) -> jax.Array:
        return jnp.mean(jnp.square(layer(cell, xs) - targets))

    @partial(jax.jit, donate_argnums=0)
    @partial(jax.shard_map, mesh=mesh, **specs)
    def train(state: Any, xs: jax.Array, targets: jax.Array) -> tuple[Any, jax.Array]:
        def step(state: Any, _: None) -> tuple[Any, jax.Array]:
            cell, moments = state
            value, grads = jax.lax.pmean(jax.value_and_grad(loss)(cell, xs, targets), "rows")
            updates, moments = optimizer.update(grads, moments)
            return (optax.apply_updates(cell, updates), moments), value

        state, losses = jax.lax.scan(step, state, length=steps)
        return state, losses[-1]

    kind = {"LSTM": cells.LSTM, "GRU": cells.GRU}[cell]
    start = kind(xs.shape[-1], targets.shape[-1], rngs=nnx.Rngs(0))
    state = jax.device_put((start, optimizer.init(start)), NamedSharding(mesh, P()))
    batch = jax.device_put((xs, targets), NamedSharding(mesh, P("rows")))

    def call() -> jax.Array:
        nonlocal state
        state, value = train(state, *batch)
        return value

    return call


def _sharing(rows: int) -> list[jax.Device]:
    """Return as many devices as can take equal shares of the rows."""
    return jax.devices()[: max(n for n in range(1, jax.device_count() + 1) if rows % n == 0)]


def flops(cell: str, shape: Sequence[int]) -> int:
    """Count the operations of a step's matrix products; what squashes and multiplies is left out.

    Each weight takes part in three products per row and time step, one forwards and two backwards,
    of 2 operations each; but the gradient of xs is not computed: 6 B T G (D + H) - 2 B T G D,
    with G = 4 H gate rows for an LSTM and 3 H for a GRU.
    """
    batch, steps, inputs, hidden = shape
    gates = {"LSTM": 4, "GRU": 3}[cell] * hidden
    return batch * steps * gates * (6 * (inputs + hidden) - 2 * inputs)


def data(shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw inputs xs[B, T, D] and targets[B, T, H] of variance 1."""
    batch, steps, inputs, hidden = shape
    rng = np.random.default_rng(0)
    draw = partial(rng.standard_normal, dtype=np.float32)
    return draw((batch, steps, inputs)), draw((batch, steps, hidden))


def _on_one(layer: Layer) -> Callable:
    return partial(rnnlib_step, layer=layer, devices=jax.devices()[:1])


OURS = {
    "rnnlib": rnnlib_step,
    "rnnlib, fused, one device": _on_one(fused.unroll),
    "rnnlib, plain cell": _on_one(plain),
}


def in_a_scan(
    training: peers.JaxTraining, steps: int, *, shared: bool = False
) -> Callable[[], jax.Array]:
    """Make the program that takes a peer's own step so often in one compiled scan.

    With `shared`, the batch's rows lie on all devices, and JAX divides the program among them.
    """
    params, state, batch = training.params, training.state, training.batch
    if shared:
        mesh = Mesh(np.array(_sharing(batch[0].shape[1])), ("rows",))
        params, state = jax.device_put((params, state), NamedSharding(mesh, P()))
        batch = jax.device_put(batch, NamedSharding(mesh, P(None, "rows")))

    @partial(jax.jit, donate_argnums=(0, 1))
    def train(params: Any, state: Any, batch: Any) -> tuple[Any, Any, jax.Array]:
        def take(carry: Any, _: None) -> tuple[Any, jax.Array]:
            *carry, loss = training.step(*carry, *batch)
            return tuple(carry), loss

        (params, state), losses = jax.lax.scan(take, (params, state), length=steps)
        return params, state, losses[-1]

    def call() -> jax.Array:
        nonlocal params, state
        params, state, loss = train(params, state, batch)
        return loss

    return call


def working_peers() -> tuple[dict[str, peers.Peer], list[str]]:
    """Return the peers that take a step here, and a line about each of them."""
    makers, notes = peers.available()
    for name, make in list(makers.items()):
        try:
            make("LSTM", *data((1, 1, 1, 1)))()
        except Exception as error:  # whatever keeps someone else's library from running
            del makers[name]
            notes.append(f"{name}: skipped, it does not run here: {type(error).__name__}: {error}")
    return makers, notes


def measure(quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """Time every program at every shape; the roof is measured in the same minutes."""
    makers, notes = working_peers()
    for note in notes:
        say(note)
    shapes, seconds = (((4, 8, 4, 8),), 0.0) if quick else (SHAPES, SECONDS)
    roof = timing.matmul_roof((64,)) if quick else timing.matmul_roof()
    cases = []
    for cell in ("LSTM", "GRU"):
        for shape in shapes:
            say(f"{cell}, (B, T, D, H) = {shape}")
            cases.append(_case(cell, shape, makers, seconds))
    about = {"in_a_scan": IN_A_SCAN, "roof": roof, "peers": notes}
    return {**about, "cases": cases, "means": means(cases)}


def _case(cell: str, shape: Sequence[int], makers: dict, seconds: float) -> dict[str, Any]:
    batch = data(shape)
    once = {name: make(cell, *batch) for name, make in {**OURS, **makers}.items()}
    trial = {name: once[name] for name in makers if isinstance(once[name], peers.JaxTraining)}
    tried = timing.compare(trial, repeats=2, warmup=1, at_least=0) if trial else {}
    fastest = sorted(tried, key=lambda name: tried[name].median)[:2]

    programs: dict[str, Callable] = {f"{name}/1": program for name, program in once.items()}
    programs[f"rnnlib/{IN_A_SCAN}"] = rnnlib_step(cell, *batch, steps=IN_A_SCAN)
    for name in fastest:
        for form, shared in ((f"{IN_A_SCAN}", False), (f"{IN_A_SCAN} shared", True)):
            training = makers[name](cell, *batch)
            programs[f"{name}/{form}"] = in_a_scan(training, IN_A_SCAN, shared=shared)
    steps = sum(_steps(label) for label in programs)
    turn = steps * np.mean([times.median for times in tried.values()] or [1.0])
    repeats = int(np.clip(seconds / turn, 6, 20))
    times = timing.compare(programs, repeats=repeats, warmup=1)
    found = {"programs": _results(times), "repeats": repeats}
    return {"cell": cell, "shape": list(shape), "flops": flops(cell, shape), **found}


def _steps(label: str) -> int:
    """Read how many steps a program takes per call: 5 for "Haiku/5 shared"."""
    return int(label.split("/")[1].split()[0])


def _results(times: dict[str, Times]) -> dict[str, Any]:
    """Return the time per step of each program's forms; the fastest of them counts."""
    forms: dict[str, dict[str, Times]] = {}
    for label, measured in times.items():
        name, form = label.split("/")
        forms.setdefault(name, {})[form] = Times(measured.seconds / _steps(label))
    best = {name: min(by.values(), key=lambda times: times.median) for name, by in forms.items()}
    return {
        name: {
            "forms": {form: summary(times) for form, times in by.items()},
            "best": best[name].median,
            "ratio": list(timing.ratio(best[name], best["rnnlib"])),
        }
        for name, by in forms.items()
    }


def fastest_jax(case: dict[str, Any]) -> str | None:
    """Return the name of the JAX peer that takes the least time in a case, if there is one."""
    others = {name: p for name, p in case["programs"].items() if name not in (*OURS, "PyTorch")}
    return min(others, key=lambda name: others[name]["best"]) if others else None


def means(cases: list[dict]) -> dict[str, dict[str, list[float]]]:
    """Return the geometric means over the shapes of a rival's time / ours, and their intervals.

    Shapes are measured one after another, so their errors are taken as independent: the half width
    of the mean's logarithm is sqrt(sum of the squared half widths) / n.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for cell in ("LSTM", "GRU", "both"):
        here = [case for case in cases if cell in (case["cell"], "both")]
        rivals = {
            "fastest JAX peer": [case["programs"].get(fastest_jax(case)) for case in here],
            "PyTorch": [case["programs"].get("PyTorch") for case in here],
        }
        for rival, programs in rivals.items():
            if all(programs):
                logs = np.log([program["ratio"] for program in programs])  # [shapes, 3]
                half = math.hypot(*(logs[:, 2] - logs[:, 1]) / 2) / len(logs)
                middle = logs[:, 0].mean()
                interval = np.exp([middle, middle - half, middle + half])
                found.setdefault(rival, {})[cell] = interval.tolist()
    return found
