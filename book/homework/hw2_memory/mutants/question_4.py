"""Answers to question 4, which half of chrono does the work."""

from .altered import altered

TRAIN = """
def train(kind, delay, seeds, rate, steps):
    task = Recall(delay)
    cell = partial({"whole": cells.LSTM, "half": half_chrono}[kind], chrono=delay)
    validation, test = (batches(task, 256)(jax.random.key(k)) for k in (98, 99))
    init = lambda key: LanguageModel(task.vocabulary_size, 32, cell=cell, rngs=nnx.Rngs(key))
    return fit_seeds(
        init, masked_loss, batches(task, 32),
        jnp.stack([jax.random.key(seed) for seed in seeds]),
        steps=steps, learning_rate=rate, warmup=steps // 20, checks=1, stop=False, progress=False,
        validate=lambda m: (masked_loss(m, validation), masked_accuracy(m, test)))
"""
HALF = """
def half_chrono(inputs, hidden, *, chrono, rngs):
    cell = cells.LSTM(inputs, hidden, chrono=chrono, rngs=rngs)
    cell.b[...] = cell.b[...].at[:hidden].set(0.0)
    return cell
"""
SEEDS = "jnp.stack([jax.random.key(seed) for seed in seeds])"
LAST = "RESULTS['seeds'][-1]"

WRONG = {
    "half is no chrono at all": altered(HALF, ("chrono=chrono, ", "")),
    "half is the other half": altered(
        HALF, ("at[:hidden].set(0.0)", "at[hidden:2 * hidden].set(1.0)")
    ),
    "half has no forget bias either": altered(HALF, ("at[:hidden]", "at[:2 * hidden]")),
    "half has other forget biases": """
def half_chrono(inputs, hidden, *, chrono, rngs):
    cell = cells.LSTM(inputs, hidden, rngs=rngs)
    u = jax.random.uniform(jax.random.key(0), (hidden,), minval=1, maxval=chrono - 1)
    cell.b[...] = cell.b[...].at[hidden : 2 * hidden].set(jnp.log(u))
    cell.b[...] = cell.b[...].at[:hidden].set(0.0)
    return cell""",
    "half is whole": altered(TRAIN, ('"half": half_chrono', '"half": cells.LSTM')),
    "the kinds are exchanged": altered(
        TRAIN,
        ('"whole": cells.LSTM, "half": half_chrono', '"half": cells.LSTM, "whole": half_chrono'),
    ),
    "chrono is told ten times the delay": altered(TRAIN, ("chrono=delay)", "chrono=10 * delay)")),
    "keys split from one": altered(
        TRAIN, (SEEDS, "jax.random.split(jax.random.key(0), len(seeds))")
    ),
    "one seed many times": altered(
        TRAIN, ("jax.random.key(seed) for", "jax.random.key(seeds[0]) for")
    ),
    "seeds that are not paired": altered(
        TRAIN, ("jax.random.key(seed)", 'jax.random.key(seed + 1000 * (kind == "half"))')
    ),
    "half the steps for one kind": altered(
        TRAIN, ("steps=steps,", 'steps=steps // 2 if kind == "whole" else steps,')
    ),
    "the usual rate": altered(TRAIN, ("learning_rate=rate", "learning_rate=3e-3")),
    "a tuned rate for one kind": altered(
        TRAIN, ("learning_rate=rate", 'learning_rate=rate if kind == "whole" else 1e-2')
    ),
    "no warmup": altered(TRAIN, ("warmup=steps // 20", "warmup=0")),
    "larger batches": altered(TRAIN, ("batches(task, 32)", "batches(task, 64)")),
    "another delay": altered(TRAIN, ("Recall(delay)", "Recall(delay + 1)")),
    "validated on the test": altered(TRAIN, ("(98, 99)", "(99, 99)")),
    "validation and test exchanged": altered(TRAIN, ("validation, test =", "test, validation =")),
    "two accuracies": altered(
        TRAIN, ("masked_loss(m, validation)", "masked_accuracy(m, validation)")
    ),
    "two losses": altered(TRAIN, ("masked_accuracy(m, test)", "masked_loss(m, test)")),
    "scores made up": """
def experiment(kind, delay, seeds, rate, steps):
    fall = np.linspace(2.83, 0.1, steps)
    return {"losses": np.tile(fall, (len(seeds), 1)), "validation": np.full(len(seeds), 0.1),
            "test": np.full(len(seeds), 1.0)}""",
    "the rate of the best seed": """
def choose(validation):
    return int(np.unravel_index(np.nanargmin(validation), np.shape(validation))[0])
""",
    "the rate of the median": """
def choose(validation):
    at = np.median(validation, axis=1)
    return int(np.argmin(np.where(np.isfinite(at), at, inf)))""",
    "the largest is best": """
def choose(validation): return int(np.nanargmax(np.mean(validation, axis=1)))""",
    "diverged seeds are left out": """
def choose(validation):
    v = np.asarray(validation, float)
    return int(np.argmin(np.nanmean(np.where(np.isfinite(v), v, np.nan), axis=1)))""",
    "nan is smallest": "def choose(validation): return int(np.argmin(np.mean(validation, axis=1)))",
    "1.96": """
def interval(differences):
    m, h = np.mean(differences), 1.96 * np.std(differences, ddof=1) / len(differences) ** 0.5
    return m, m - h, m + h""",
    "divides by n": """
def interval(differences):
    n = len(differences)
    m, h = np.mean(differences), t_quantile(n - 1) * np.std(differences) / n**0.5
    return m, m - h, m + h""",
    "the spread of one seed": """
def interval(differences):
    m, h = np.mean(differences), t_quantile(len(differences) - 1) * np.std(differences, ddof=1)
    return m, m - h, m + h""",
    "n degrees of freedom": """
def interval(differences):
    n = len(differences)
    m, h = np.mean(differences), t_quantile(n) * np.std(differences, ddof=1) / n**0.5
    return m, m - h, m + h""",
    "the greater mean wins": '''
def winner(first, second):
    a, b = (np.mean(np.asarray(t["test"])[choose(t["validation"])]) for t in (first, second))
    return "first" if a > b else "second"''',
    "not paired": '''
def winner(first, second):
    a, b = (interval(np.asarray(t["test"])[choose(t["validation"])]) for t in (first, second))
    return "first" if a[1] > b[2] else "second" if b[1] > a[2] else "undecided"''',
    "the rate that tests best": '''
def winner(first, second):
    a, b = (max(np.asarray(t["test"]), key=np.mean) for t in (first, second))
    _, low, high = interval(a - b)
    return "first" if low > 0 else "second" if high < 0 else "undecided"''',
    "one rate for both": '''
def winner(first, second):
    at = choose(first["validation"])
    _, low, high = interval(np.asarray(first["test"])[at] - np.asarray(second["test"])[at])
    return "first" if low > 0 else "second" if high < 0 else "undecided"''',
    "all rates together": '''
def winner(first, second):
    _, low, high = interval((np.asarray(first["test"]) - np.asarray(second["test"])).mean(axis=0))
    return "first" if low > 0 else "second" if high < 0 else "undecided"''',
    "the smaller share wins": """
right = winner
def winner(first, second): return right(second, first)""",
    "never decided": 'def winner(first, second): return "undecided"',
    "the first always wins": 'def winner(first, second): return "first"',
    "numbers of another variant, renamed": """
RESULTS = {**RESULTS, "seeds": [10 * (VARIANT + 1) + k for k in range(6)]}""",
    "another variant's runs under these seeds": """
RESULTS = {**RESULTS, **{kind: {**RESULTS[kind], "first": (
    np.asarray(RESULTS[kind]["first"]) + 0.05).tolist()} for kind in KINDS}}""",
    "seeds in another order for one kind": """
RESULTS = {**RESULTS, "half": {name: np.asarray(rows)[:, ::-1].tolist()
                               for name, rows in RESULTS["half"].items()}}""",
    "three seeds": """
RESULTS = {**RESULTS, "seeds": RESULTS["seeds"][:3], **{kind: {
    name: np.asarray(rows)[:, :3].tolist() for name, rows in RESULTS[kind].items()}
    for kind in KINDS}}""",
    "the best seeds of one kind": """
RESULTS = {**RESULTS, "whole": {name: np.asarray(rows)[:, [0, 0, 2, 2, 4, 4]].tolist()
                                for name, rows in RESULTS["whole"].items()}}""",
    "one rate": """
RESULTS = {**RESULTS, "rates": RESULTS["rates"][:1], **{kind: {
    name: rows[:1] for name, rows in RESULTS[kind].items()} for kind in KINDS}}""",
    "the rate swept for one kind only": """
RESULTS = {**RESULTS, "half": {name: rows[:1] for name, rows in RESULTS["half"].items()}}""",
    "rounder shares": """
RESULTS = {**RESULTS, **{kind: {**RESULTS[kind], "test": [[0.97] * 6] * 3} for kind in KINDS}}""",
    "a conclusion that was expected": '''
CONCLUSION = "half" if CONCLUSION != "half" else "whole"''',
    "no results": "RESULTS = {}",
}

RIGHT = {
    "written out, cell by cell": altered(TRAIN, ("half_chrono}", "lambda *a, **k: cut(*a, **k)}"))
    + """
def cut(inputs, hidden, *, chrono, rngs):
    lstm = cells.LSTM(inputs, hidden, rngs=rngs, chrono=chrono)
    i, f, g, o = jnp.split(lstm.b[...], 4)
    lstm.b[...] = jnp.concatenate([jnp.zeros_like(i), f, g, o])
    return lstm
def choose(validation):
    best, at = None, None
    for r, row in enumerate(validation):
        mean = sum(row) / len(row)
        if mean - mean == 0 and (best is None or mean < best):
            best, at = mean, r
    return at""",
    "a class of its own": """
class Half(cells.LSTM):
    def __init__(self, inputs, hidden, *, chrono, rngs):
        super().__init__(inputs, hidden, chrono=chrono, rngs=rngs)
        self.b[...] = jnp.where(jnp.arange(4 * hidden) < hidden, 0, self.b[...])
half_chrono = Half""",
    "the biases drawn anew, from the same key": """
def half_chrono(inputs, hidden, *, chrono, rngs):
    cell = cells.LSTM(inputs, hidden, rngs=rngs)
    u = jax.random.uniform(rngs.params(), (hidden,), minval=1, maxval=chrono - 1)
    cell.b[...] = cell.b[...].at[hidden : 2 * hidden].set(jnp.log(u))
    cell.b[...] = cell.b[...].at[:hidden].set(0.0)
    return cell""",
    "one seed after another": TRAIN.replace("def train", "def train_all")
    + """
def experiment(kind, delay, seeds, rate, steps):
    runs = [train_all(kind, delay, [seed], rate, steps) for seed in seeds]
    return {"losses": [run.losses[0].tolist() for run in runs],
            "validation": [float(run.checks[0][0, -1]) for run in runs],
            "test": jnp.stack([run.checks[1][0, -1] for run in runs])}""",
    "in jax, with the library's interval": '''
from rnnlib.claims import intervals
def choose(validation):
    means = jnp.mean(jnp.asarray(validation), axis=1)
    return jnp.argmin(jnp.where(jnp.isfinite(means), means, jnp.inf))
def interval(differences): return jnp.array(intervals.interval(np.asarray(differences)))
def winner(first, second):
    a, b = (jnp.array(t["test"])[choose(t["validation"])] for t in (first, second))
    _, low, high = interval(a - b)
    if low <= 0 <= high:
        return "undecided"
    return "first" if low > 0 else "second"''',
    "five of the six seeds": """
RESULTS = {**RESULTS, "seeds": RESULTS["seeds"][:5], **{kind: {
    name: np.asarray(rows)[:, :5].tolist() for name, rows in RESULTS[kind].items()}
    for kind in KINDS}}
CONCLUSION = {"first": "whole", "second": "half", "undecided": "undecided"}[
    winner(RESULTS["whole"], RESULTS["half"])]""",
}
