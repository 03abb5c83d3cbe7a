"""Training steps of rnnlib and of its peers, side by side: the same layer, loss and optimiser."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from bench import documented, peers
from bench.results import geometric_mean, summary
from rnnlib.measuring import roofline, timing
from rnnlib.measuring.timing import Times
from rnnlib.models import cells, fused

SHAPES = ((32, 64, 64, 128), (32, 256, 64, 64), (64, 128, 128, 256), (16, 512, 64, 128))
IN_A_SCAN = 5  # steps per call where they are one compiled scan, as in `fit`
FORMS = {  # a name begins with the steps per call
    "1": "one call",
    f"{IN_A_SCAN}": "in a scan",
    f"{IN_A_SCAN} shared": "in a scan, rows shared",
    "1 shared": "one call, rows shared",
    "1 as documented": "as documented",
}
ONCE, SCAN, SHARED, ONCE_SHARED, DOCUMENTED = FORMS
SECONDS = 20  # for each cell and shape: from 10 to 20 repeats, as many as fit
Layer = Callable[[Any, jax.Array], jax.Array]  # cell, xs[B, T, D] -> ys[B, T, H]

PYTORCH = ("PyTorch",)
JAX_PEERS = tuple(name for name in peers.PEERS if name not in PYTORCH)
# Who the rivals are, their form and rnnlib's; None is the form in which each is the fastest.
COMPARISONS = {
    "fastest JAX peer, each in its best form": (JAX_PEERS, None, None),
    "fastest JAX peer, both one call, on one device": (JAX_PEERS, ONCE, ONCE),
    "fastest JAX peer, both in a scan, rows shared": (JAX_PEERS, SHARED, SHARED),
    "fastest JAX peer as documented, rnnlib in a scan, rows shared": (
        JAX_PEERS,
        DOCUMENTED,
        SHARED,
    ),
    "PyTorch, each in its best form": (PYTORCH, None, None),
    "PyTorch, both one call, on all cores": (PYTORCH, ONCE, ONCE_SHARED),
    "PyTorch as documented, rnnlib in a scan, rows shared": (PYTORCH, DOCUMENTED, SHARED),
}


def plain(cell: Any, xs: jax.Array) -> jax.Array:
    """Run a cell as the lessons do: one sequence, and a vmap over the batch."""
    return jax.vmap(lambda xs: cells.unroll(cell, xs)[1])(xs)


def rnnlib_step(
    cell: str,
    xs: Any,
    targets: Any,
    *,
    steps: int = 1,
    layer: Layer = fused.unroll_batch,
    devices: Sequence[Any] | None = None,
) -> Callable[[], jax.Array]:
    """Make rnnlib's program; without `devices`, the rows are shared out over as many as can."""
    kind = {"LSTM": cells.LSTM, "GRU": cells.GRU}[cell]
    start = kind(xs.shape[-1], targets.shape[-1], rngs=nnx.Rngs(0))
    training = peers.JaxTraining(layer, start, xs, targets, rows=0)
    return in_a_scan(training, steps, devices or sharing(len(xs)))


def in_a_scan(
    training: peers.JaxTraining, steps: int, devices: Sequence[Any]
) -> Callable[[], jax.Array]:
    """Make the program that takes `steps` of a training's steps per call, in one compiled scan.

    The weights are on every device, the batch's rows are shared out, and one pmean brings losses
    and gradients together: for rnnlib as for its peers. A call returns the last loss.
    """
    mesh, shares = Mesh(np.array(devices), ("rows",)), P(*[None] * training.rows, "rows")
    specs: Any = {"in_specs": (P(), shares), "out_specs": P(), "check_vma": False}

    @partial(jax.jit, donate_argnums=0)
    @partial(jax.shard_map, mesh=mesh, **specs)
    def train(state: Any, batch: Any) -> tuple[Any, jax.Array]:
        def step(state: Any, _: None) -> tuple[Any, jax.Array]:
            together = partial(jax.lax.pmean, axis_name="rows")
            *state, loss = training.take(*state, *batch, mean=together)
            return tuple(state), loss

        state, losses = jax.lax.scan(step, state, length=steps)
        return state, losses[-1]

    state = jax.device_put((training.params, training.state), NamedSharding(mesh, P()))
    batch = jax.device_put(training.batch, NamedSharding(mesh, shares))

    def call() -> jax.Array:
        nonlocal state
        state, loss = train(state, batch)
        return loss

    return call


def sharing(rows: int) -> list[Any]:
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


def working_peers() -> tuple[dict[str, peers.Peer], list[str]]:
    """Return the peers that take a step here, and a line about each of them."""
    makers, notes = peers.available()
    for name, make in list(makers.items()):
        try:
            make("LSTM", *data((1, 1, 1, 1)))()
            documented.PEERS[name]("LSTM", *data((1, 1, 1, 1)))()
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
    roof = roofline.matmul_roof((64,) if quick else (512, 1024, 2048), repeats=10)
    cases = []
    for cell in ("LSTM", "GRU"):
        for shape in shapes:
            say(f"{cell}, (B, T, D, H) = {shape}")
            cases.append(_case(cell, shape, makers, seconds))
    about = {"in_a_scan": IN_A_SCAN, "roof": roof, "peers": notes}
    return {**about, "cases": cases, "means": means(cases)}


def _case(cell: str, shape: Sequence[int], makers: dict, seconds: float) -> dict[str, Any]:
    """Time all programs; the number of repeats is even, so that the order of turns balances."""
    programs = _programs(cell, data(shape), makers)
    once = {label: program for label, program in programs.items() if label.endswith(f"/{ONCE}")}
    tried = timing.compare(once, repeats=1, warmup=1, at_least=0)
    turn = sum(map(_steps, programs)) * np.median([times.median for times in tried.values()])
    repeats = 2 * int(np.clip(seconds / turn / 2, 5, 10))
    forms: dict[str, dict[str, Times]] = {}
    for label, times in timing.compare(programs, repeats=repeats, warmup=1).items():
        name, form = label.split("/")
        forms.setdefault(name, {})[form] = Times(times.seconds / _steps(label))
    found = {"programs": _results(forms), "compared": compared(forms), "repeats": repeats}
    return {"cell": cell, "shape": list(shape), "flops": flops(cell, shape), **found}


def _programs(cell: str, batch: tuple, makers: dict) -> dict[str, Callable]:
    """Make "name/form" for every form: so many steps per call, and where its rows are shared."""
    one, all_of_them = jax.devices()[:1], sharing(len(batch[0]))
    ours = partial(rnnlib_step, cell, *batch)
    programs: dict[str, Callable] = {
        f"rnnlib/{ONCE}": ours(devices=one),
        f"rnnlib/{SCAN}": ours(devices=one, steps=IN_A_SCAN),
        f"rnnlib/{SHARED}": ours(steps=IN_A_SCAN),
        f"rnnlib/{ONCE_SHARED}": ours(),
        f"rnnlib, plain cell/{ONCE}": ours(devices=one, layer=plain),
    }
    for name, make in makers.items():
        programs[f"{name}/{ONCE}"] = training = make(cell, *batch)
        if isinstance(training, peers.JaxTraining):
            for form, devices in ((SCAN, one), (SHARED, all_of_them)):
                programs[f"{name}/{form}"] = in_a_scan(make(cell, *batch), IN_A_SCAN, devices)
        programs[f"{name}/{DOCUMENTED}"] = documented.PEERS[name](cell, *batch)
    return programs


def _steps(label: str) -> int:
    """Read how many steps a program takes per call: 5 for "Haiku/5 shared"."""
    return int(label.split("/")[1].split()[0])


def _results(forms: dict[str, dict[str, Times]]) -> dict[str, Any]:
    """Return the time per step of each program's forms; the fastest of them counts."""
    return {
        name: {
            "forms": {form: summary(times) for form, times in by.items()},
            "best": _pick(by).median,
            "ratio": list(timing.ratio(_pick(by), _pick(forms["rnnlib"]))),
        }
        for name, by in forms.items()
    }


def _pick(by: dict[str, Times], form: str | None = None) -> Times:
    """Return a program's times in a form, or in the one in which it is the fastest."""
    return by[form] if form else min(by.values(), key=lambda times: times.median)


def compared(forms: dict[str, dict[str, Times]]) -> dict[str, list[float]]:
    """Return each comparison's ratio, to the fastest of its rivals, and the interval."""
    found = {}
    for what, (names, theirs, own) in COMPARISONS.items():
        rivals = [_pick(forms[name], theirs) for name in names if name in forms]
        if rivals:
            fastest = min(rivals, key=lambda times: times.median)
            found[what] = list(timing.ratio(fastest, _pick(forms["rnnlib"], own)))
    return found


def means(cases: list[dict]) -> dict[str, dict[str, list[float]]]:
    """Return each comparison's geometric mean over the shapes, and its interval."""
    found: dict[str, dict[str, list[float]]] = {}
    for what in cases[0]["compared"]:
        for cell in ("LSTM", "GRU", "both"):
            here = [case["compared"][what] for case in cases if cell in (case["cell"], "both")]
            found.setdefault(what, {})[cell] = geometric_mean(here)
    return found
