"""Homework 2, Memory: what is looked at, and the truth that answers are held against.

The oracles are written without a look at the solution: NumPy in double precision and plain loops
for questions 1 to 3, a training loop of their own for question 4.
"""

import itertools
import math
from fractions import Fraction
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from grading.judge import Exam, Wrong, close, question
from rnnlib.models import cells
from rnnlib.models.language_model import LanguageModel
from rnnlib.notebook.homework import pick
from rnnlib.tasks.example import batches
from rnnlib.tasks.memory import Recall
from rnnlib.training.losses import masked_accuracy, masked_loss

# ---------------------------------------------------------------- 1: how much of a nudge survives


def network(rng: np.random.Generator, steps: int, size: int, inputs: int, gain: float) -> tuple:
    """Draw the arguments of a plain RNN's nudges."""
    return (
        rng.normal(size=(steps, inputs)),
        rng.normal(size=size) * 0.5,
        rng.normal(size=(inputs, size)) * 0.5,
        rng.normal(size=(size, size)) * gain / size**0.5,
        rng.normal(size=size) * 0.7,
    )


def nudges(xs, h0, w_x, w_h, b) -> tuple[list[float], list[float]]:
    """Carry a nudge of each unit, and of each input, forward to the end: forward accumulation."""
    size, steps = len(h0), len(xs)
    states, slopes = [h0], []
    for x in xs:
        states.append(np.tanh(x @ w_x + states[-1] @ w_h + b))
        slopes.append(1 - states[-1] ** 2)

    def arrived(nudge: np.ndarray, step: int) -> float:  # rows of nudges to the state after `step`
        for slope in slopes[step:]:
            nudge = (nudge @ w_h) * slope
        return float(np.sqrt((nudge**2).sum() / size))

    of_state = [arrived(np.eye(size), steps - k) for k in range(steps + 1)]
    of_input = [arrived(w_x * slopes[steps - k - 1], steps - k) for k in range(steps)]
    return of_state, of_input


def one_unit(exam: Exam) -> None:
    weight, coming = exam.rng.uniform(0.3, 0.9), exam.rng.uniform(1, 2)
    calm = np.zeros((4, 2)), np.zeros(1), np.full((2, 1), coming), np.array([[weight]]), np.zeros(1)
    close(exam.ask("state_nudges", *calm), weight ** np.arange(5), "g of one unit at rest", 1e-2)


@question(1, "How much of a nudge survives", 3, "state_nudges", "input_nudges")
def nudge(exam: Exam) -> None:
    rng = exam.rng
    quiet = (*network(rng, 8, 6, 4, 0.9)[:4], np.zeros(6))
    driven, deep = network(rng, 8, 6, 4, 1.1), network(rng, 60, 12, 5, 0.9)

    def compare(name: str, case: tuple, which: int, least: float = 1e-7) -> None:
        expected = np.array(nudges(*case)[which])
        letter = "gu"[which]
        close(exam.ask(name, *case), expected, letter, 1e-2, least)

    def small() -> None:
        expected = np.array(nudges(*deep)[0])
        got = np.asarray(exam.ask("state_nudges", *deep), float)
        kept = expected > 1e-10
        if got.shape != expected.shape:
            raise Wrong(f"g has the shape {got.shape}, needed {expected.shape}")
        close(np.log(np.maximum(got[kept], 1e-300)), np.log(expected[kept]), "ln g", 0, 1e-2)

    exam.check(0.5, "the state of one unit at rest", lambda: one_unit(exam))
    exam.check(0.5, "the state, without biases", lambda: compare("state_nudges", quiet, 0))
    exam.check(
        0.75, "the state, with biases and a first state", lambda: compare("state_nudges", driven, 0)
    )
    exam.check(0.25, "the state, where little comes through", small)
    exam.check(0.5, "the inputs, without biases", lambda: compare("input_nudges", quiet, 1))
    exam.check(0.5, "the inputs, with biases", lambda: compare("input_nudges", driven, 1))


# ------------------------------------------------------------- 2: what an LSTM's cell is made of


def unrolled(f: np.ndarray, i: np.ndarray) -> np.ndarray:
    """Write 1 into each step in turn, and step on."""
    weights, running = [], np.zeros((0, f.shape[1]))
    for forget, write in zip(f, i, strict=True):
        running = np.concatenate([running * forget, write[None]])
        weights = running
    return np.asarray(weights)


def chrono_share(delay: int, chrono: int, least: float) -> float:
    """Look for the u from which on enough is kept, by bisection."""
    low, high = 1.0, float(chrono - 1)

    def keeps(u: float) -> bool:
        return delay * math.log1p(-1 / (1 + u)) >= math.log(least)

    if keeps(low):
        return 1.0
    if not keeps(high):
        return 0.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if keeps(middle) else (middle, high)
    return (chrono - 1 - high) / (chrono - 2)


def half_lives(biases: list[float]) -> list[float]:
    """Take ln 2 / ln(1 + e^-b), by its series where e^-b is small."""
    small = [math.exp(-b) for b in biases]
    return [math.log(2) / (e - e * e / 2 if e < 1e-4 else math.log(1 + e)) for e in small]


def shares(exam: Exam, kind: str, rng: np.random.Generator) -> None:
    for _ in range(4):
        delay = int(rng.integers(5, 60))
        limits = {"inside": 3.0, "told too little": 0.3}[kind]
        least = float(rng.uniform(0.3, 0.7))
        needed = 1 / (least ** (-1 / delay) - 1)
        chrono = max(int(limits * needed), 3)
        got = exam.ask("share_holding", delay, chrono, least)
        close(got, chrono_share(delay, chrono, least), "a share of units")
    if kind == "told too little":
        got = exam.ask("share_holding", 1, 40, 0.2)
        close(got, 1.0, "a share of units for a delay of one step")


@question(2, "What an LSTM's cell is made of", 4, "past_weights", "half_life", "share_holding")
def cell(exam: Exam) -> None:
    rng = exam.rng

    def weights(f: np.ndarray, i: np.ndarray, atol: float = 1e-7) -> None:
        close(exam.ask("past_weights", f, i), unrolled(f, i), "w", 1e-2, atol)

    def summed() -> None:
        f, i, g = rng.uniform(0.5, 1, (20, 3)), rng.uniform(0, 1, (20, 3)), rng.normal(size=(20, 3))
        c = np.zeros(3)
        for t in range(20):
            c = f[t] * c + i[t] * g[t]
        got = np.asarray(exam.ask("past_weights", f, i), float)
        if got.shape != f.shape:
            raise Wrong(f"w has the shape {got.shape}, needed {f.shape}")
        close((got * g).sum(axis=0), c, "the sum of w g", 1e-2, 1e-3)

    # Two shapes in all, so that JAX compiles twice.
    few, shut = (tuple(rng.uniform(0.2, 1, (2, 20, 3))) for _ in range(2))
    shut[0][rng.integers(8, 16), :2] = 0.0
    writes = rng.uniform(0.1, 1, (2000, 4))
    long = rng.uniform(0.1, 0.6, (2000, 4)), writes
    slow = rng.uniform(0.995, 1, (2000, 4)), writes
    some, none = rng.spawn(2)
    mild, large = rng.uniform(-4, 5, 4), rng.uniform(40, 60, 3)
    exam.check(0.75, "the weights of twenty steps", lambda: weights(*few))
    exam.check(0.5, "with them the sum is the cell that the gates make", summed)
    exam.check(0.5, "2,000 steps, small gates", lambda: weights(*long))
    exam.check(0.25, "2,000 steps, gates near 1", lambda: weights(*slow))
    exam.check(0.5, "a gate that is shut", lambda: weights(*shut))
    exam.check(
        0.25,
        "half-lives, usual biases",
        lambda: close(exam.ask("half_life", mild), half_lives(list(mild)), "n", 1e-2),
    )
    exam.check(
        0.5,
        "half-lives, large biases",
        lambda: close(exam.ask("half_life", large), half_lives(list(large)), "n", 1e-2),
    )
    exam.check(0.5, "the share of units, some of them", lambda: shares(exam, "inside", some))
    exam.check(
        0.25, "the share of units, none or all", lambda: shares(exam, "told too little", none)
    )


# ------------------------------------------------------------- 3: what a partial memory scores


def all_sequences(items: int, symbols: int) -> tuple[float, float]:
    """Try every sequence: the mean of ln |set| and of 1 / |set|."""
    sizes = [len(set(s)) for s in itertools.product(range(symbols), repeat=items)]
    return float(np.mean(np.log(sizes))), float(np.mean(1 / np.array(sizes)))


def onto(items: int, symbols: int) -> tuple[float, float]:
    """Count the sequences with exactly d symbols, by inclusion and exclusion, in whole numbers."""
    loss = right = 0.0
    for d in range(1, min(items, symbols) + 1):
        onto_d = sum((-1) ** j * math.comb(d, j) * (d - j) ** items for j in range(d))
        share = float(Fraction(math.comb(symbols, d) * onto_d, symbols**items))
        loss, right = loss + share * math.log(d), right + share / d
    return loss, right


def replaced(symbols: int, survives: float, aware: bool) -> tuple[float, float]:
    """Sum over what was shown and what is in mind; -p ln p of the posterior, case by case."""
    joint = np.full((symbols, symbols), (1 - survives) / symbols**2)
    joint += np.eye(symbols) * survives / symbols
    posterior = joint / joint.sum(axis=0)
    right = float((joint.sum(axis=0) * posterior.max(axis=0)).sum())
    if aware:
        return (1 - survives) * math.log(symbols), right
    return float(-(joint * np.log(np.where(joint > 0, posterior, 1))).sum()), right


def pair(got: Any, expected: tuple[float, float], which: int) -> None:
    """Compare one of the two numbers that a player scores."""
    got = np.asarray(got, float)
    if got.shape != (2,):
        raise Wrong(f"needed the pair (loss, accuracy), got the shape {got.shape}")
    close(got[which], expected[which], ("the loss", "the accuracy")[which], 1e-3, 1e-6)


@question(3, "What a partial memory scores", 3, "kept", "unordered", "garbled")
def partial_memory(exam: Exam) -> None:
    rng = exam.rng
    symbols, items = int(rng.integers(3, 6)), int(rng.integers(3, 6))
    many, more = int(rng.integers(18, 31)), int(rng.integers(16, 31))
    known, delay = int(rng.integers(3, many - 3)), int(rng.integers(20, 90))
    survives = float(rng.uniform(0.2, 0.8))

    def some(which: int) -> None:
        loss = (many - known) * math.log(symbols) / (many + delay + many)
        right = (known + (many - known) / symbols) / many
        pair(exam.ask("kept", many, symbols, delay, known), (loss, right), which)

    def a_set(items: int, symbols: int, which: int, truth) -> None:
        pair(exam.ask("unordered", items, symbols), truth(items, symbols), which)

    def after(aware: bool, *cases: tuple[float, int]) -> None:
        for p, which in cases:
            got = exam.ask("garbled", symbols + 2, p, aware)
            pair(got, replaced(symbols + 2, p, aware), which)

    exam.check(0.5, "some places known: the loss", lambda: some(0))
    exam.check(0.25, "some places known: the accuracy", lambda: some(1))
    exam.check(0.5, "a set: the loss", lambda: a_set(items, symbols, 0, all_sequences))
    exam.check(0.25, "a set: the accuracy", lambda: a_set(items, symbols, 1, all_sequences))
    exam.check(0.25, "large sets: the loss", lambda: a_set(many, more, 0, onto))
    exam.check(0.25, "aware of the damage: the loss", lambda: after(True, (survives, 0)))
    exam.check(0.5, "unaware of the damage: the loss", lambda: after(False, (survives, 0)))
    exam.check(
        0.25, "damaged: the accuracy", lambda: [after(a, (survives, 1)) for a in (True, False)]
    )
    exam.check(
        0.25,
        "damaged always, or never",
        lambda: [after(a, *itertools.product((0.0, 1.0), (0, 1))) for a in (True, False)],
    )


# ------------------------------------------------------ 4: which half of chrono does the work?

HIDDEN, DELAYS, STEPS, KINDS = 32, (40, 60, 80, 100, 120), 300, ("whole", "half")
SMALL_DELAY, SMALL_STEPS = 6, 24  # half learned by then: the scores of two sets differ
QUICK = {"xla_backend_optimization_level": 0}  # compiling takes longer than these runs
NAMES = ("losses", "validation", "test")
OUTCOMES = {"first": "whole", "second": "half", "undecided": "undecided"}


def fresh(delay: int, half: jax.Array | int, key: jax.Array) -> LanguageModel:
    """Make an untrained model; where `half` is 1 the input gate's biases are taken out again."""
    vocabulary = Recall(delay).vocabulary
    cell = lambda i, h, *, rngs: cells.LSTM(i, h, chrono=delay, rngs=rngs)  # noqa: E731
    model = LanguageModel(vocabulary, HIDDEN, cell=cell, rngs=nnx.Rngs(key))
    b = model.layers.b[...]  # [1, 4 H]: i, f, g, o
    model.layers.b[...] = b * (1 - half * (jnp.arange(b.shape[-1]) < HIDDEN))
    return model


@cache
def loss_at_first(delay: int):
    """Compile: half, key -> the loss of the untrained model on the key's first batch."""
    sample = batches(Recall(delay), 32)

    def first(half: int, key: jax.Array) -> jax.Array:
        init_key, data_key = jax.random.split(key)
        batch = sample(jax.random.fold_in(data_key, 0))
        return masked_loss(fresh(delay, half, init_key), batch)

    return jax.jit(first, compiler_options=QUICK)


@cache
def trainer(delay: int, steps: int):
    """Compile: half, key, rate -> (losses [steps], validation, test) of one run."""
    task, warmup = Recall(delay), steps // 20
    sample, exam = batches(task, 32), batches(task, 256)
    moments = optax.scale_by_adam()

    def run(half: int, key: jax.Array, rate: float):
        init_key, data_key = jax.random.split(key)
        model: Any = fresh(delay, half, init_key)

        def update(carry, step):
            model, state = carry
            batch = sample(jax.random.fold_in(data_key, step))
            value, slope = jax.value_and_grad(masked_loss)(model, batch)
            length = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(slope)))
            shrink = jnp.minimum(1.0, 1.0 / length)
            ahead, state = moments.update(jax.tree.map(lambda g: g * shrink, slope), state)
            falling = 0.5 * (1 + jnp.cos(jnp.pi * (step - warmup) / (steps - warmup)))
            size: Any = rate * jnp.asarray(jnp.where(step < warmup, step / warmup, falling))
            return (jax.tree.map(lambda w, d: w - size * d, model, ahead), state), value

        carry, losses = jax.lax.scan(update, (model, moments.init(model)), jnp.arange(steps))
        at_end = masked_loss(carry[0], exam(jax.random.key(98)))
        return losses, at_end, masked_accuracy(carry[0], exam(jax.random.key(99)))

    return jax.jit(run, compiler_options=QUICK)


def run_alone(kind: str, delay: int, seeds: list[int], rate: float, steps: int) -> list[np.ndarray]:
    """Train one seed after another: -> losses [S, steps], validation [S], test [S]."""
    half, train = KINDS.index(kind), trainer(delay, steps)
    found = [train(half, jax.random.key(seed), rate) for seed in seeds]
    return [np.asarray(part) for part in zip(*found, strict=True)]


def one_run(exam: Exam) -> None:
    """Check the student's training, small, at hidden seeds and a hidden rate."""
    seeds = [int(s) for s in exam.rng.choice(10**6, 2, replace=False)]
    rate = float(exam.rng.uniform(0.015, 0.03))
    small = (SMALL_DELAY, seeds, rate, SMALL_STEPS)
    asked: dict[str, Any] = {}

    def of(kind: str) -> tuple[dict, list[np.ndarray]]:
        if kind not in asked:
            asked[kind] = exam.ask("experiment", kind, *small)
        got = asked[kind]
        if not isinstance(got, dict) or not set(NAMES) <= got.keys():
            raise Wrong("experiment should return losses, validation and test, as it was given")
        steps = np.shape(got["losses"])
        if steps != (2, SMALL_STEPS):
            raise Wrong(
                f"2 seeds and {SMALL_STEPS} steps were asked for, got losses of shape {steps}"
            )
        return {name: np.asarray(got[name]) for name in NAMES}, run_alone(kind, *small)

    def start(kind: str) -> None:
        got, truth = of(kind)
        close(got["losses"][:, 0], truth[0][:, 0], "the loss before training", 0, 1e-3)

    def course(kind: str) -> None:
        got, truth = of(kind)
        close(got["losses"], truth[0], "the loss in training", 0, 5e-3)

    def score(kind: str, name: str, at: int, atol: float) -> None:
        got, truth = of(kind)
        close(got[name], truth[at], f"the {name} score", 0, atol)

    exam.check(0.5, "the untrained LSTM with whole chrono, by seed", lambda: start("whole"))
    exam.check(0.5, "the untrained LSTM with half of it, by seed", lambda: start("half"))
    exam.check(0.25, "training with whole chrono", lambda: course("whole"))
    exam.check(0.25, "training with half of it", lambda: course("half"))
    exam.check(0.25, "the validation score", lambda: score("half", "validation", 1, 3e-3))
    exam.check(0.25, "the test score", lambda: score("half", "test", 2, 1.5 / 256))


def mean_and_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean and its 95 % interval by Student's t."""
    table = {2: 4.3027, 3: 3.1824, 4: 2.7764, 5: 2.5706, 6: 2.4469, 7: 2.3646, 8: 2.3060, 9: 2.2622}
    n = len(values)
    mean = sum(values) / n
    half = table[n - 1] * math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1) / n)
    return mean, mean - half, mean + half


def best_rate(validation: Any) -> int:
    """Return the rate of smallest mean loss, among those at which no seed diverged."""
    means = {r: sum(row) / len(row) for r, row in enumerate(np.asarray(validation, float).tolist())}
    whole = {r: m for r, m in means.items() if math.isfinite(m)}
    return min(whole, key=lambda r: whole[r])


def who_wins(first: dict, second: dict) -> str:
    """Compare two tables of scores."""
    one, other = (np.asarray(t["test"], float)[best_rate(t["validation"])] for t in (first, second))
    _, low, high = mean_and_interval(one - other)
    return "first" if low > 0 else "second" if high < 0 else "undecided"


def rates_chosen(exam: Exam, rng: np.random.Generator, *, diverged: bool) -> None:
    for _ in range(4):
        table = rng.uniform(0.5, 2, (4, 6))
        if diverged:  # the best rate but for one seed, and one that is bad anyway
            table[1] = 0.1
            table[1, rng.integers(6)] = [np.nan, np.inf][rng.integers(2)]
            table[2, rng.integers(6)] = np.nan
        else:  # the best on average is not the best in its best, nor in its middle seeds
            table[0] = [0.01, 0.4, 0.4, 0.4, 3.0, 3.0]
            table[3] = [0.6, 0.6, 0.6, 0.6, 0.6, 0.7]
        table = table[rng.permutation(4)]
        got = exam.ask("choose", table.tolist() if rng.integers(2) else table)
        if got != best_rate(table):
            raise Wrong("another rate has the smaller mean validation loss")


def intervals(exam: Exam, rng: np.random.Generator) -> None:
    for n in (3, 5, 8):
        values = rng.normal(0.2, 1, n)
        close(exam.ask("interval", values), mean_and_interval(values), "(mean, low, high)", 1e-2)


def tables(rng: np.random.Generator, case: str) -> tuple[dict, dict]:
    """Draw two tables of scores; each case is one in which a shortcut concludes something else."""
    hard = np.array([0.0, 0.25, 0.1, 0.3, 0.05, 0.2]) + rng.uniform(0, 0.02, 6)
    one, other = ({"validation": rng.uniform(0.8, 2, (3, 6)), "test": rng.uniform(0.2, 0.4, (3, 6))}
                  for _ in range(2))  # fmt: skip
    best, second = rng.permutation(3)[:2]
    one["validation"][best], other["validation"][second] = 0.2, 0.3
    wins = rng.uniform(0.03, 0.05, 6)
    if case == "paired":  # always a little better, and both vary much from seed to seed
        one["test"][best], other["test"][second] = 0.6 + hard + wins, 0.6 + hard
    elif case == "undecided":  # better on average, not by seed
        wide = 0.1 * rng.permutation([-3, -1, 0, 1, 2, 4]) + rng.uniform(0.01, 0.02, 6)
        one["test"][best], other["test"][second] = 0.5 + wide, np.full(6, 0.5)
    elif case == "chosen by validation":  # another rate has the higher test scores
        one["test"][best], other["test"][second] = 0.6 + wins, np.full(6, 0.6)
        other["test"][best] = 0.9 + wins
    elif case == "a rate for each":  # at the other's rate it would have lost
        one["test"][best], other["test"][second] = 0.6 + wins, 0.7 + 2 * wins
        one["validation"][second], other["validation"][best] = 0.5, 0.5
    return (one, other) if rng.integers(2) else (other, one)


def winners(exam: Exam, rng: np.random.Generator, *cases: str) -> None:
    for case in cases:
        for _ in range(3):
            first, second = tables(rng, case)
            plain = [{k: v.tolist() for k, v in table.items()} for table in (first, second)]
            got = exam.ask("winner", *plain)
            if got not in OUTCOMES:
                raise Wrong('winner should return "first", "second" or "undecided"')
            if got != who_wins(first, second):
                raise Wrong("it concludes something that the numbers do not say")


def own_results(exam: Exam) -> dict:
    """Return RESULTS, if they are whole and of this student's budget. Raises: Wrong."""
    got = exam.value("RESULTS")
    if not isinstance(got, dict) or not got:
        raise Wrong("RESULTS is empty, or no dictionary")
    missing = {"delay", "steps", "seeds", "rates", *KINDS} - got.keys()
    if missing:
        raise Wrong(f"RESULTS has no {', '.join(sorted(missing))}")
    delay = pick(exam.variant, "delay", DELAYS)
    if (got["delay"], got["steps"]) != (delay, STEPS):
        raise Wrong(f"of variant {exam.variant} a delay of {delay} and {STEPS} steps were asked")
    seeds, rates = list(got["seeds"]), list(got["rates"])
    if len(set(seeds)) < 5 or len(set(seeds)) < len(seeds):
        raise Wrong(f"at least five different seeds were asked for, got {len(set(seeds))}")
    if not set(seeds) <= {10 * exam.variant + k for k in range(6)}:
        raise Wrong(f"these are not the seeds of variant {exam.variant}")
    if len(set(rates)) < 3 or len(set(rates)) < len(rates):
        raise Wrong(f"at least three learning rates were asked for, got {len(set(rates))}")
    for kind, name in itertools.product(KINDS, ("first", "validation", "test")):
        if np.shape(got[kind][name]) != (len(rates), len(seeds)):
            raise Wrong(f"{name} of {kind} needs a number for each rate and seed")
    return got


def of_256(got: dict) -> None:
    """Check that shares right are counts out of 256."""
    for kind in KINDS:
        counts = 256 * np.asarray(got[kind]["test"], float)
        if not (np.abs(counts - counts.round()) < 0.05).all() or not (counts >= 0).all():
            raise Wrong(f"the test scores of {kind} are no shares of 256 answers")


def first_losses(got: dict) -> None:
    """Recompute each run's loss before training."""
    first = loss_at_first(got["delay"])
    for half, kind in enumerate(KINDS):
        of_kind = np.array([first(half, jax.random.key(seed)) for seed in got["seeds"]])
        for row in got[kind]["first"]:
            close(row, of_kind, f"the first losses of {kind}", 0, 5e-3)


def results(exam: Exam) -> None:
    """Check RESULTS and CONCLUSION."""

    def whole() -> None:
        of_256(own_results(exam))

    def concluded() -> None:
        got, said = own_results(exam), exam.value("CONCLUSION")
        first_losses(got)
        if said not in OUTCOMES.values():
            raise Wrong('CONCLUSION should be "whole", "half" or "undecided"')
        if said != OUTCOMES[who_wins(got["whole"], got["half"])]:
            raise Wrong("CONCLUSION is not what these RESULTS say")

    exam.check(0.25, "RESULTS: the budget that was asked for, for both kinds", whole)
    exam.check(
        0.5, "RESULTS: runs of this variant's seeds", lambda: first_losses(own_results(exam))
    )
    exam.check(0.5, "CONCLUSION follows from these RESULTS", concluded)


@question(
    4,
    "Which half of chrono does the work?",
    5,
    *("experiment", "choose", "interval", "winner", "RESULTS", "CONCLUSION"),
)
def chrono(exam: Exam) -> None:
    one_run(exam)
    rngs = iter(exam.rng.spawn(6))  # one for each check: no answer changes what others are asked

    def check(points: float, what: str, test, *args, **settings) -> None:
        exam.check(points, what, partial(test, exam, next(rngs), *args, **settings))

    check(0.25, "choosing a rate", rates_chosen, diverged=False)
    check(0.25, "choosing a rate where some diverge", rates_chosen, diverged=True)
    check(0.5, "the interval", intervals)
    check(0.25, "a winner that only pairs show", winners, "paired")
    check(0.25, "no winner", winners, "undecided")
    mine = ("chosen by validation", "a rate for each")
    check(0.25, "a rate for each, by its own validation", winners, *mine)
    results(exam)


@question(
    5,
    "Ten times the delay: predict, then explain",
    5,
    *("PREDICTION_5", "EXPLANATION_5"),
    by_hand=5,
)
def ten_times(exam: Exam) -> None:
    exam.text("PREDICTION_5")
    exam.text("EXPLANATION_5")
