"""Hidden tests of homework 3: oracles in NumPy, and for Question 4 the experiment run once more."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from grading.judge import Exam, Wrong, close, question
from rnnlib.models import cells
from rnnlib.models.language_model import LanguageModel
from rnnlib.notebook.homework import pick
from rnnlib.tasks.example import Example, batches
from rnnlib.training.fit import fit_seeds
from rnnlib.training.losses import masked_loss


def needs(truth: Any, message: str) -> None:
    """Raises: Wrong, if something is not so."""
    if not truth:
        raise Wrong(message)


def whole(got: Any, expected: int, what: str) -> None:
    """Compare whole numbers exactly. Raises: Wrong."""
    close(got, expected, what, rtol=0, atol=1e-9 * (1 + abs(expected)))


def listed(got: Any, length: int, what: str) -> Any:
    """Return an answer that should consist of so many parts. Raises: Wrong."""
    fits = isinstance(got, list | np.ndarray) and len(got) == length
    needs(fits, f"{what} must have {length} parts")
    return got


# Question 1


def loop(a: np.ndarray, b: np.ndarray, h: np.ndarray) -> np.ndarray:
    """All states, one after the other, in float64."""
    found = []
    for factor, shift in zip(a.astype(float), b.astype(float), strict=True):
        h = h @ factor + shift
        found.append(h)
    return np.array(found)


def steps_of(exam: Exam, n: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random A[n, H, H], which neither commute nor explode, b[n, H] and h0[H]."""
    a = exam.rng.normal(0, 0.8 / math.sqrt(size), (n, size, size)) + 0.3 * np.eye(size)
    b, h = exam.rng.normal(size=(n, size)), exam.rng.normal(0, 2, size)
    return a.astype(np.float32), b.astype(np.float32), h.astype(np.float32)


def tree_counts(n: int) -> tuple[int, int]:
    """Count rounds and joins by carrying the scheme out on a list of nothing."""
    if n == 1:
        return 0, 0
    pairs = len(range(1, n, 2))
    rounds, joins = tree_counts(pairs)
    between = len(range(2, n, 2))
    return rounds + 1 + (between > 0), joins + pairs + between


def work_of(n: int, size: int) -> tuple[int, int]:
    """Count the operations of tree and loop, product by product."""
    matrices, vector = size * size * (2 * size - 1), size * (2 * size - 1)
    one_join = matrices + vector + size
    return tree_counts(n)[1] * one_join + vector + size, n * (vector + size)


def joined(exam: Exam, part: int, n: int, size: int) -> None:
    """Join n pairs of steps and look at one part of the answer."""
    (a, b, _), (c, d, _) = steps_of(exam, n, size), steps_of(exam, n, size)
    got = listed(exam.ask("join", [a, b], [c, d]), 2, "join's answer")
    expected = (
        np.array([early @ late for early, late in zip(a, c, strict=True)]),
        np.array([early @ late + more for early, late, more in zip(b, c, d, strict=True)]),
    )
    close(got[part], expected[part], "the joined " + "Ab"[part], rtol=1e-3, atol=1e-4)


def all_states(exam: Exam, n: int, size: int, start: bool = True) -> None:
    a, b, h = steps_of(exam, n, size)
    h = h if start else np.zeros_like(h)
    close(exam.ask("states", a, b, h), loop(a, b, h), "the states", rtol=2e-3, atol=2e-3)


def logarithmic(exam: Exam) -> None:
    """The program must be right, have no loop, and hardly grow with the length."""
    all_states(exam, 8, 3)
    counts = [exam.ask("operations", n) for n in (32, 256)]
    needs(all(isinstance(c, dict) and c for c in counts), "`operations` should count something")
    loops = {"scan", "while"} & set(counts[1])
    needs(not loops, f"the program has a loop over time ({', '.join(sorted(loops))})")
    small, large = (sum(c.values()) for c in counts)
    needs(large < 4 * small, "the program grows with the number of steps, as a loop's does")


def right_rounds(exam: Exam) -> None:
    for n in [1, 2, 3, 4, 5, 7, 8, 9, *map(int, exam.rng.integers(10, 5000, 4)), 4096, 4097]:
        whole(exam.ask("rounds", n), tree_counts(n)[0], f"rounds({n})")


def right_work(exam: Exam, which: int) -> None:
    for n in (1, 2, 3, 6, 7, 64, *map(int, exam.rng.integers(10, 3000, 3))):
        size = int(exam.rng.integers(2, 40))
        got = listed(exam.ask("work", n, size), 2, "work's answer")
        whole(got[which], work_of(n, size)[which], f"work({n}, {size})[{which}]")


@question(1, "Matrices in a tree", 4, "join", "states", "rounds", "work")
def first(exam: Exam) -> None:
    exam.check(0.5, "join: the matrix of two steps, in the right order",
               lambda: joined(exam, 0, 5, 3))  # fmt: skip
    exam.check(0.5, "join: the shift of two steps", lambda: joined(exam, 1, 5, 3))
    exam.check(0.25, "states: 8 steps from a start of zeros",
               lambda: all_states(exam, 8, 3, start=False))  # fmt: skip
    exam.check(0.5, "states: 8 steps from another start", lambda: all_states(exam, 8, 3))
    exam.check(0.25, "states: lengths that are no power of two, and one step alone",
               lambda: [all_states(exam, n, 3) for n in (13, 1)])  # fmt: skip
    exam.check(0.5, "states: right, and in logarithmic depth", lambda: logarithmic(exam))
    exam.check(0.75, "rounds, for many lengths", lambda: right_rounds(exam))
    exam.check(0.5, "work of the tree", lambda: right_work(exam, 0))
    exam.check(0.25, "work of the loop", lambda: right_work(exam, 1))


# Question 2

DRAWS = 20_000
TAIL = (0.012, 0.038)  # the quantiles between which an interval's end must lie, around 2.5 %


def within(exam: Exam, got: Any, values: np.ndarray) -> None:
    """Compare low and high with the bootstrap of the median of values[R]. Raises: Wrong."""
    which = exam.rng.integers(0, len(values), (DRAWS, len(values)))
    medians = np.median(values[which], axis=1)
    numbers = [float(np.asarray(x)) for x in listed(got, 3, "the answer")]
    needs(np.isfinite(numbers).all(), "the interval must be finite")
    slack = 1e-9 * abs(medians).max()
    for end, (least, most) in zip(numbers[1:], (TAIL, (1 - TAIL[1], 1 - TAIL[0])), strict=True):
        lowest, highest = np.quantile(medians, [least, most])
        word = "narrow" if (end > highest) == (least < 0.5) else "wide"
        fits = lowest - slack <= end <= highest + slack
        needs(fits, f"the interval is too {word} at its {'low' if least < 0.5 else 'high'} end")


def timed(exam: Exam, repeats: int, drift: float, noise: float, interrupted: float = 0.0):
    """Seconds of two programs on a machine whose speed changes from repeat to repeat."""
    slow, fast = exam.rng.normal(0, drift, (2, repeats))
    load = np.exp(np.cumsum(slow) / 4 + fast)
    true = exam.rng.uniform(0.3, 4)
    pair = []
    for seconds in (true, 1.0):
        stalls = 1 + (exam.rng.random(repeats) < interrupted) * exam.rng.uniform(2, 9, repeats)
        pair.append(1e-3 * seconds * load * stalls * np.exp(exam.rng.normal(0, noise, repeats)))
    return pair


def median_ratio(exam: Exam, n: int) -> None:
    for _ in range(3):
        ours, theirs = timed(exam, n, 0.6, 0.1, 0.1)
        got = listed(exam.ask("ratio", ours, theirs), 3, "the answer")
        close(got[0], np.median([a / b for a, b in zip(ours, theirs, strict=True)]), "the ratio",
              rtol=1e-6)  # fmt: skip


def ratio_interval(exam: Exam, interrupted: float) -> None:
    for repeats in (61, 80):
        ours, theirs = timed(exam, repeats, 0.8, 0.05, interrupted)
        within(exam, exam.ask("ratio", ours.tolist(), theirs), ours / theirs)


def scaling(exam: Exam, n: int, repeats: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sizes, their seconds (a law with a fixed cost, which bends it), and the slope per repeat."""
    sizes = np.sort(exam.rng.choice(np.arange(8, 3000), n, replace=False)).astype(float)
    load = np.exp(exam.rng.normal(0, 0.8, repeats))
    law = sizes ** exam.rng.uniform(0.7, 2.2)
    seconds = 1e-6 * (law + law.mean() / 20)[:, None] * load
    seconds = seconds * np.exp(exam.rng.normal(0, 0.08, (n, repeats)))
    design = np.stack([np.log(sizes), np.ones(n)], axis=1)
    slopes = np.linalg.lstsq(design, np.log(seconds), rcond=None)[0][0]
    return sizes, seconds, slopes


def right_exponent(exam: Exam) -> None:
    for n in (3, 6):
        sizes, seconds, slopes = scaling(exam, n, 31)
        got = listed(exam.ask("exponent", sizes, seconds), 3, "the answer")
        close(got[0], np.median(slopes), "the exponent", rtol=1e-6)


def exponent_interval(exam: Exam) -> None:
    for n, repeats in ((4, 60), (5, 81)):
        sizes, seconds, slopes = scaling(exam, n, repeats)
        within(exam, exam.ask("exponent", sizes.astype(int).tolist(), seconds), slopes)


def right_plan(exam: Exam) -> None:
    for _ in range(6):
        low, repeats = exam.rng.uniform(-1, 3), int(exam.rng.integers(6, 60))
        now = exam.rng.uniform(0.1, 2)
        width = now * exam.rng.uniform(0.05, 0.9)
        expected = math.ceil(repeats * (now / width) ** 2)
        needs_ = exam.ask("repeats_needed", low, low + now, repeats, width)
        close(needs_, expected, "the number of repeats", rtol=0, atol=1.01 * (expected > 1000))
        needs(float(needs_) == round(float(needs_)), "the number of repeats must be whole")


def enough_already(exam: Exam) -> None:
    low, repeats = exam.rng.uniform(0, 3), int(exam.rng.integers(6, 60))
    got = exam.ask("repeats_needed", low, low + 0.2, repeats, 0.5)
    whole(got, repeats, "the number of repeats where the interval is narrow enough")


@question(2, "A machine that is never quiet", 3, "ratio", "exponent", "repeats_needed")
def second(exam: Exam) -> None:
    exam.check(0.5, "ratio: divides within each repeat", lambda: median_ratio(exam, 30))
    exam.check(0.5, "ratio: the interval where the machine is unsteady",
               lambda: ratio_interval(exam, 0.0))  # fmt: skip
    exam.check(0.25, "ratio: the interval with interruptions",
               lambda: ratio_interval(exam, 0.15))  # fmt: skip
    exam.check(0.5, "exponent: the median of the repeats' slopes", lambda: right_exponent(exam))
    exam.check(0.75, "exponent: its interval", lambda: exponent_interval(exam))
    exam.check(0.25, "repeats_needed", lambda: right_plan(exam))
    exam.check(0.25, "repeats_needed: enough already", lambda: enough_already(exam))


# Question 3


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, window: int) -> np.ndarray:
    """Windowed attention, one position, one head and one key at a time."""
    found = np.zeros(q.shape)
    for t in range(len(q)):
        for head in range(q.shape[1]):
            past = range(max(0, t - window + 1), t + 1)
            scores = np.array([q[t, head] @ k[s, head] for s in past]) / math.sqrt(q.shape[2])
            weights = np.exp(scores - scores.max())
            found[t, head] = sum(w * v[s, head] for w, s in zip(weights, past, strict=True))
            found[t, head] /= weights.sum()
    return found


Parts = tuple[np.ndarray, np.ndarray, np.ndarray]


def text(exam: Exam, n: int, heads: int, d: int, scale: float = 1.5) -> Parts:
    """Random queries, keys and values [n, heads, d]."""
    q, k, v = (exam.rng.normal(size=(n, heads, d)).astype(np.float32) for _ in range(3))
    return scale * q, scale * k, v


def read(exam: Exam, cache: Any, parts: Parts, places: range) -> list[Any]:
    """Let the submission read some positions: the answers; the cache goes with it."""
    found = []
    for t in places:
        answer = listed(exam.ask("step", cache, *(x[t] for x in parts)), 2, "step's answer")
        cache, y = listed(answer[0], 3, "the cache"), answer[1]
        found.append(y)
    return found


def right_empty(exam: Exam) -> None:
    keys, values, t = listed(exam.ask("empty", 5, 3, 2), 3, "the cache")
    for part in (keys, values):
        close(part, np.zeros((5, 3, 2)), "the empty cache")
    whole(t, 0, "t of the empty cache")


def from_empty(exam: Exam, window: int, n: int, skip: int) -> None:
    """Read n positions from the beginning, and look at the answers from `skip` on."""
    parts = text(exam, n, 2, 3)
    got = read(exam, exam.ask("empty", window, 2, 3), parts, range(n))
    close(np.array(got)[skip:], attention(*parts, window)[skip:], "y", rtol=2e-3, atol=1e-4)


def half_full(exam: Exam, window: int, before: int, after: int, scale: float = 1.5) -> None:
    """Hand in a cache as it must be after some positions, with rubbish in the empty places."""
    parts = text(exam, before + after, 2, 4, scale)
    ring = [np.full((window, 2, 4), 37.0, np.float32), np.full((window, 2, 4), -900.0, np.float32)]
    for t in range(before):
        ring[0][t % window], ring[1][t % window] = parts[1][t], parts[2][t]
    got = read(exam, [*ring, before], parts, range(before, before + after))
    expected = attention(*parts, window)[before:]
    close(np.array(got), expected, "y", rtol=2e-3, atol=1e-3)


def right_ring(exam: Exam) -> None:
    """One place changes, and the rest of the cache stays."""
    parts, window, t = text(exam, 1, 2, 3), 4, 10
    ring = [exam.rng.normal(size=(window, 2, 3)).astype(np.float32) for _ in range(2)]
    answer = listed(exam.ask("step", [*ring, t], *(x[0] for x in parts)), 2, "step's answer")
    keys, values, after = listed(answer[0], 3, "the cache")
    for old, new, part in ((ring[0], keys, parts[1]), (ring[1], values, parts[2])):
        old = old.copy()
        old[t % window] = part[0]
        close(new, old, "the cache after a step")
    whole(after, t + 1, "t after a step")


def all_at_once(exam: Exam, n: int, window: int, scale: float = 1.5) -> None:
    parts = text(exam, n, 2, 5, scale)
    close(exam.ask("attend_window", *parts, window), attention(*parts, window), "y",
          rtol=2e-3, atol=1e-3)  # fmt: skip


def right_bytes(exam: Exam) -> None:
    for t in (0, 3, 50, 4000):
        layers, heads, d, window = (int(exam.rng.integers(2, n)) for n in (40, 30, 130, 900))
        full, size = int(exam.rng.integers(0, layers + 1)), int(exam.rng.choice([1, 2, 4]))
        count = sum(min(t, window) if layer >= full else t for layer in range(layers))
        got = exam.ask("kept", t, layers, full, heads, d, window, size)
        whole(got, 2 * count * heads * d * size, "the number of bytes")


def right_reach(exam: Exam) -> None:
    for _ in range(4):
        layers, window, back = int(exam.rng.integers(1, 9)), int(exam.rng.integers(1, 50)), 0
        for _ in range(layers):  # each layer looks from the earliest place seen so far
            back += len(range(window)) - 1
        whole(exam.ask("reach", layers, window), back, "the reach")


@question(3, "A cache that does not grow", 4, "empty", "step", "attend_window", "kept", "reach")
def third(exam: Exam) -> None:
    exam.check(0.25, "empty", lambda: right_empty(exam))
    exam.check(0.5, "step: before the window is full", lambda: from_empty(exam, 7, 5, 0))
    exam.check(0.5, "step: long after it is full", lambda: from_empty(exam, 4, 11, 4))
    exam.check(0.5, "step: one place of the ring changes", lambda: right_ring(exam))
    exam.check(0.5, "step: rubbish in the empty places", lambda: half_full(exam, 6, 2, 7))
    exam.check(0.25, "step: large scores", lambda: half_full(exam, 3, 4, 3, 20))
    exam.check(0.5, "attend_window: longer than the window", lambda: all_at_once(exam, 12, 5))
    exam.check(0.25, "attend_window: shorter; and large scores",
               lambda: (all_at_once(exam, 4, 9), all_at_once(exam, 9, 4, 20)))  # fmt: skip
    exam.check(0.5, "kept", lambda: right_bytes(exam))
    exam.check(0.25, "reach", lambda: right_reach(exam))


# Question 4

LENGTH, FAR, MARGIN, RIVALS = 16, 96, 0.05, ("LSTM", "signed minGRU")


class Signed(cells.MinGRU):
    """A minGRU whose factor is tanh(-z), which may be negative."""

    def _step(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        z, n = jnp.split(x @ self.w_x[...] + self.b[...], 2)
        return jnp.tanh(-z), jax.nn.sigmoid(z) * n


def model_of(name: str, m: int, key: jax.Array) -> LanguageModel:
    cell, hidden, layers = {"LSTM": (cells.LSTM, 32, 1), "signed minGRU": (Signed, 45, 2)}[name]
    return LanguageModel(m, hidden, cell=cell, layers=layers, rngs=nnx.Rngs(key))


def drawn(m: int, length: int, rows: int) -> Any:
    def draw(key: jax.Array) -> Example:
        bits = jax.random.randint(key, (length,), 0, 2)
        return Example(bits, jnp.cumsum(bits) % m, jnp.ones(length, bool))

    return batches(draw, rows)


@functools.cache
def trained(name: str, m: int, seeds: tuple, rates: tuple, steps: int) -> Any:
    """Train at each rate with each seed: validation losses [R, S], and shares right [R, S, FAR]."""
    valid = drawn(m, LENGTH, 256)(jax.random.key(98))
    test = drawn(m, FAR, 256)(jax.random.key(99))

    def look(model: Any) -> tuple[jax.Array, jax.Array]:
        answers = jax.vmap(model)(test.inputs).argmax(-1)
        return masked_loss(model, valid), (answers == test.targets).mean(axis=0)

    keys = jnp.stack([jax.random.key(seed) for _ in rates for seed in seeds])
    run = fit_seeds(lambda key: model_of(name, m, key), masked_loss, drawn(m, LENGTH, 32),
                    keys, steps=steps, warmup=steps // 10, checks=1, validate=look,
                    learning_rate=np.repeat(rates, len(seeds)), progress=False)  # fmt: skip
    shape = len(rates), len(seeds), -1
    losses, shares = (np.asarray(x[:, 0]).reshape(shape) for x in run.checks)
    return losses[:, :, 0], shares, run.losses[: len(seeds), 0]


@functools.cache
def first_losses(name: str, m: int, seeds: tuple) -> np.ndarray:
    """The loss before the first update, by seed."""

    def look(key: jax.Array) -> jax.Array:
        init, batch = jax.random.split(key)
        rows = drawn(m, LENGTH, 32)(jax.random.fold_in(batch, 0))
        return masked_loss(model_of(name, m, init), rows)

    return np.asarray(jax.jit(jax.vmap(look))(jnp.stack([jax.random.key(s) for s in seeds])))


def hidden_run(rng: np.random.Generator, name: str, own: int) -> dict[str, Any]:
    """Choose seeds, steps and two rates that validation and test disagree about; and the truth."""
    m = int(rng.choice([m for m in (2, 3, 4, 5, 6) if m != own]))
    seeds = [int(s) for s in rng.choice(10**6, 2, replace=False)]
    rates, steps = [5e-4, 5e-3, 2e-2, 2e-3], int(rng.choice([20, 22]))
    losses, shares, firsts = trained(name, m, tuple(seeds), tuple(rates), steps)
    valid, far = losses.mean(axis=1), shares[:, :, -32:].mean(axis=(1, 2))
    pairs = [(i, j) for i in range(4) for j in range(4) if valid[i] < 0.99 * valid[j]]
    best, other = max(pairs, key=lambda pair: far[pair[1]] - far[pair[0]])
    picked = [other, best] if name == "LSTM" else [best, other]  # neither first nor last will do
    return {"seeds": seeds, "steps": steps, "rates": [rates[i] for i in picked], "m": m,
            "valid": valid[picked], "rate": rates[best], "first": firsts,
            "near": shares[best, :, :LENGTH].mean(axis=1),
            "far": shares[best, :, -32:].mean(axis=1)}  # fmt: skip


def by_seed(found: Any, key: str, seeds: list[int]) -> np.ndarray:
    """Read a dictionary with a number for each seed. Raises: Wrong."""
    part = found.get(key)
    needs(isinstance(part, dict) and set(part) == set(seeds), f'"{key}" needs one entry per seed')
    return np.array([float(np.asarray(part[seed])) for seed in seeds])


def check_experiment(exam: Exam, name: str, rng: np.random.Generator) -> None:
    """Run the submission's experiment, small, and the same one here."""
    asked: dict[str, Any] = {}

    def run() -> None:
        asked.update(hidden_run(rng, name, own_modulus(exam)))
        got = exam.ask("experiment", name, *(asked[k] for k in ("m", "seeds", "rates", "steps")))
        needs(isinstance(got, dict), "experiment must return a dictionary")
        asked["got"] = got
        close(by_seed(got, "first", asked["seeds"]), asked["first"], '"first"', rtol=4e-3)

    def right_choice() -> None:
        got = started(asked)
        close(got.get("valid"), asked["valid"], '"valid"', rtol=4e-3)
        close(got.get("rate"), asked["rate"], '"rate"', rtol=1e-6)
        close(got.get("rates"), asked["rates"], '"rates"', rtol=1e-6)
        whole(got.get("steps"), asked["steps"], '"steps"')

    def right_shares(key: str) -> None:
        close(by_seed(started(asked), key, asked["seeds"]), asked[key], f'"{key}"', atol=4e-3)

    exam.check(0.25, f"experiment, {name}: starts from its seeds", run)
    exam.check(0.25, f"experiment, {name}: equal steps, a rate chosen by validation", right_choice)
    exam.check(0.125, f"experiment, {name}: the trained positions", lambda: right_shares("near"))
    exam.check(0.125, f"experiment, {name}: far out", lambda: right_shares("far"))


def started(asked: dict[str, Any]) -> dict[str, Any]:
    needs("got" in asked, "the experiment gave no answer")
    return asked["got"]


T_975 = {5: 2.7764, 6: 2.5706, 7: 2.4469, 8: 2.3646}


def paired(ours: dict[int, float], theirs: dict[int, float]) -> tuple[float, float, float]:
    """Student's interval of the mean of the differences, in plain Python."""
    differences = [ours[seed] - theirs[seed] for seed in sorted(ours)]
    n, mean = len(differences), sum(differences) / len(differences)
    variance = sum((d - mean) ** 2 for d in differences) / (n - 1)
    half = T_975[n] * math.sqrt(variance / n)
    return mean, mean - half, mean + half


def scores(exam: Exam, n: int) -> tuple[dict[int, float], dict[int, float]]:
    """Two models' scores, which rise and fall together, and list their seeds in other orders."""
    seeds = [int(s) for s in exam.rng.choice(1000, n, replace=False)]
    common = exam.rng.uniform(0.2, 0.7, n)
    ours = dict(zip(seeds, (common + exam.rng.normal(0.1, 0.03, n)).tolist(), strict=True))
    theirs = dict(zip(seeds, common.tolist(), strict=True))
    return ours, {seed: theirs[seed] for seed in reversed(seeds)}


def right_interval(exam: Exam) -> None:
    for n in (5, 8):
        ours, theirs = scores(exam, n)
        got = listed(exam.ask("interval", ours, theirs), 3, "the interval")
        close(got, paired(ours, theirs), "the interval", atol=1e-3)


def refusals(exam: Exam) -> None:
    ours, theirs = scores(exam, 6)
    close(exam.ask("interval", ours, theirs), paired(ours, theirs), "the interval", atol=1e-3)
    other, few = dict(theirs), dict(list(ours.items())[:4])
    other[5000] = other.pop(next(iter(other)))
    for what, one, two in (("different seeds", ours, other),
                           ("4 seeds", few, {s: theirs[s] for s in few})):  # fmt: skip
        try:
            exam.ask("interval", one, two)
        except Wrong as error:
            needs("ValueError" in str(error), f"with {what} it must raise ValueError")
        else:
            raise Wrong(f"with {what} it must raise ValueError")


def verdict(low: float, high: float) -> str:
    """What an interval says, by cases."""
    if low >= -MARGIN and high <= MARGIN:
        return "equal"
    return "LSTM" if low > MARGIN else "signed minGRU" if high < -MARGIN else "undecided"


def right_conclusion(exam: Exam) -> None:
    small, large = exam.rng.uniform(0.01, 0.04), exam.rng.uniform(0.1, 0.5)
    cases = [(large, large + 0.1), (-large - 0.2, -large), (-small, small), (0.0, 0.0),
             (0.01, small), (-0.04, -small), (-MARGIN, MARGIN), (-large, large), (small, large),
             (-large, -small), (-small, large), (0.06, 0.08)]  # fmt: skip
    for low, high in cases:
        got = exam.ask("conclude", low, high)
        needs(isinstance(got, str), "conclude must return a string")
        needs(got == verdict(low, high), "conclude is wrong about one of the cases")


def results(exam: Exam) -> dict[str, Any]:
    """The student's RESULTS, if they have the right form. Raises: Wrong."""
    found = exam.value("RESULTS")
    needs(isinstance(found, dict) and found, "RESULTS is empty: run the experiment and paste it")
    parts = [found.get(name) for name in RIVALS]
    needs(all(isinstance(p, dict) for p in parts), f"RESULTS needs {' and '.join(RIVALS)}")
    seeds = own_seeds(exam)
    for part in parts:
        for key in ("first", "near", "far"):
            by_seed(part, key, seeds)
    return found


def own_seeds(exam: Exam) -> list[int]:
    return [10 * exam.variant + i for i in range(5)]


def own_modulus(exam: Exam) -> int:
    return pick(exam.variant, "modulus", [3, 4, 5, 6])


def fair(exam: Exam) -> None:
    """The same seeds, steps and rates for both; each rate chosen by validation; your modulus."""
    found = results(exam)
    whole(found.get("M"), own_modulus(exam), '"M" of RESULTS')
    for name in RIVALS:
        part = found[name]
        whole(part.get("steps"), 1000, f'"steps" of {name}')
        close(part.get("rates"), [1e-3, 3e-3, 1e-2], f'"rates" of {name}')
        valid = [float(v) for v in listed(part.get("valid"), 3, f'"valid" of {name}')]
        best = np.isclose(part["rates"], part.get("rate"), rtol=1e-6).argmax()
        needs(valid[best] <= min(valid) + 1e-5, f"the rate of {name} is not validation's choice")
        shares = np.concatenate([by_seed(part, key, own_seeds(exam)) for key in ("near", "far")])
        needs(((shares >= 0) & (shares <= 1)).all(), f"the shares of {name} are no shares")


def own_numbers(exam: Exam) -> None:
    """Each seed's first loss, recomputed."""
    found, seeds = results(exam), own_seeds(exam)
    for name in RIVALS:
        expected = first_losses(name, own_modulus(exam), tuple(seeds))
        close(by_seed(found[name], "first", seeds), expected, f'"first" of {name}', rtol=4e-3)


def follows(exam: Exam) -> None:
    """The conclusion, from the student's own numbers."""
    found, said = results(exam), exam.value("CONCLUSION")
    needs(isinstance(said, str), "CONCLUSION is missing")
    shares = [found[name]["far"] for name in RIVALS]
    _, low, high = paired(*shares)
    needs(said == verdict(low, high), "CONCLUSION does not follow from RESULTS")


@question(4, "Who can count?", 4, "experiment", "interval", "conclude", "RESULTS", "CONCLUSION")
def fourth(exam: Exam) -> None:
    rngs = exam.rng.spawn(2)  # their numbers do not depend on what went wrong before
    exam.check(0.5, "interval: paired by seed", lambda: right_interval(exam))
    exam.check(0.25, "interval: what it must refuse", lambda: refusals(exam))
    exam.check(0.5, "conclude: all the cases", lambda: right_conclusion(exam))
    for name, rng in zip(RIVALS, rngs, strict=True):
        check_experiment(exam, name, rng)
    exam.check(0.5, "RESULTS: the same seeds, steps and rates for both", lambda: fair(exam))
    exam.check(0.25, "RESULTS: your variant's numbers", lambda: own_numbers(exam))
    exam.check(0.5, "CONCLUSION: follows from RESULTS", lambda: follows(exam))


# Question 5


@question(5, "Layers and cycles", 5, "PREDICTION_5", "EXPLANATION_5", by_hand=5)
def fifth(exam: Exam) -> None:
    exam.text("PREDICTION_5")
    exam.text("EXPLANATION_5")
