"""Answers to homework 3 that must lose points (WRONG), and others that must not (RIGHT)."""

# What comes before answers that leave the experiment alone: it is run once for all of them.
REMEMBERED = """
import rnnlib

run_it = experiment

def experiment(*args):
    known = vars(rnnlib).setdefault("remembered", {})
    if repr(args) not in known:
        known[repr(args)] = run_it(*args)
    return known[repr(args)]
"""

COUNTED = """
def counted(T):
    sizes = []
    def spy(first, then):
        sizes.append(len(first))
        return first + then
    jax.lax.associative_scan(spy, jnp.ones(T))
    return [size for size in sizes if size]
"""

TREE_NUMBERS = """
def joins(n):
    return n // 2 + joins(n // 2) + (n - 1) // 2 if n > 1 else 0
"""

JOIN_WRONG = {
    "factors in the wrong order": """
def join(first, then):
    a, b, c, d = *first, *then
    return c @ a, (b[:, None] @ c)[:, 0] + d
""",
    "lesson 06's, with the matrix on the left": """
def join(first, then):
    a, b, c, d = *first, *then
    return c @ a, jnp.einsum("nij,nj->ni", c, b) + d
""",
    "the second step taken for the first": """
def join(first, then):
    c, d, a, b = *first, *then
    return a @ c, (b[:, None] @ c)[:, 0] + d
""",
    "shifts added without the factor": """
def join(first, then):
    a, b, c, d = *first, *then
    return a @ c, b + d
""",
    "shift through the transposed factor": """
def join(first, then):
    a, b, c, d = *first, *then
    return a @ c, jnp.einsum("nij,nj->ni", c, b) + d
""",
    "shift through the first factor": """
def join(first, then):
    a, b, c, d = *first, *then
    return a @ c, jnp.einsum("ni,nij->nj", b, a) + d
""",
    "the second shift through the first factor": """
def join(first, then):
    a, b, c, d = *first, *then
    return a @ c, b + jnp.einsum("ni,nij->nj", d, a)
""",
    "multiplied number by number, as for the minGRU": """
def join(first, then):
    a, b, c, d = *first, *then
    return a * c, (b[:, None] @ c)[:, 0] + d
""",
    "one step only, not a batch of them": """
def join(first, then):
    a, b, c, d = *first, *then
    return a @ c, b @ c + d
""",
    "what the self-check wants, and nothing else": """
def join(first, then):
    return np.array([[[0.0, 1], [-2, 0]]]), np.array([[2.0, 5]])
""",
}

STATES_WRONG = {
    "start state forgotten": """
def states(A, b, h0):
    return jax.lax.associative_scan(join, (jnp.asarray(A), jnp.asarray(b)))[1]
""",
    "start state added without the factor": """
def states(A, b, h0):
    A, b = jnp.asarray(A), jnp.asarray(b)
    return jax.lax.associative_scan(join, (A, b.at[0].add(jnp.asarray(h0))))[1]
""",
    "the states before each step": """
def states(A, b, h0):
    A, b = jnp.asarray(A), jnp.asarray(b)
    h = jax.lax.associative_scan(join, (A, b.at[0].add(jnp.asarray(h0) @ A[0])))[1]
    return jnp.concatenate([jnp.asarray(h0)[None], h[:-1]])
""",
    "backwards": """
def states(A, b, h0):
    A, b = jnp.asarray(A), jnp.asarray(b)
    b = b.at[0].add(jnp.asarray(h0) @ A[0])
    return jax.lax.associative_scan(join, (A, b), reverse=True)[1]
""",
    "a loop in Python": """
def states(A, b, h0):
    h, found = jnp.asarray(h0), []
    for factor, shift in zip(A, b):
        h = h @ factor + shift
        found.append(h)
    return jnp.stack(found)
""",
    "lax.scan": """
def states(A, b, h0):
    def step(h, now):
        h = h @ now[0] + now[1]
        return h, h
    return jax.lax.scan(step, jnp.asarray(h0), (jnp.asarray(A), jnp.asarray(b)))[1]
""",
    "powers of two only": """
def states(A, b, h0):
    A, b = jnp.asarray(A), jnp.asarray(b)
    b = b.at[0].add(jnp.asarray(h0) @ A[0])
    def tree(a, b):
        if len(b) == 1:
            return b
        half = join((a[::2], b[::2]), (a[1::2], b[1::2]))
        odd = tree(*half)
        even = jnp.einsum("ni,nij->nj", odd[:-1], a[2::2]) + b[2::2]
        return jnp.stack([jnp.concatenate([b[:1], even]), odd], axis=1).reshape(len(b), -1)
    return tree(A, b)
""",
    "the start state added to every state": """
def states(A, b, h0):
    h = jax.lax.associative_scan(join, (jnp.asarray(A), jnp.asarray(b)))[1]
    return h + jnp.asarray(h0)
""",
}

COUNTS_WRONG = {
    "rounds: only the way down": """
def rounds(T):
    return math.ceil(math.log2(T))
""",
    "rounds: for powers of two only": """
def rounds(T):
    return max(0, 2 * int(math.log2(T)) - 1)
""",
    "rounds: one too many": """
def rounds(T):
    return 0 if T == 1 else 2 + rounds(T // 2)
""",
    "work: without the start state": TREE_NUMBERS
    + """
def work(T, H):
    return joins(T) * (2 * H**3 + H**2), T * 2 * H**2
""",
    "work: a join of numbers": TREE_NUMBERS
    + """
def work(T, H):
    return joins(T) * 3 * H + 2 * H**2, T * 2 * H**2
""",
    "work: a product of H**3": TREE_NUMBERS
    + """
def work(T, H):
    return joins(T) * (H**3 + 2 * H**2) + 2 * H**2, T * 2 * H**2
""",
    "work: 2T joins": """
def work(T, H):
    return 2 * T * (2 * H**3 + H**2) + 2 * H**2, T * 2 * H**2
""",
    "work: one by one, as many joins as steps": """
def work(T, H):
    return (T - 1) * (2 * H**3 + H**2) + 2 * H**2, T * 2 * H**2
""",
    "work: the loop without its sum": TREE_NUMBERS
    + """
def work(T, H):
    return joins(T) * (2 * H**3 + H**2) + 2 * H**2, T * H * (2 * H - 1)
""",
    "work: the two swapped": TREE_NUMBERS
    + """
def work(T, H):
    return T * 2 * H**2, joins(T) * (2 * H**3 + H**2) + 2 * H**2
""",
}

TIMING_WRONG = {
    "ratio of medians": """
def ratio(ours, theirs):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    which = np.random.default_rng(0).integers(0, len(ours), (4000, len(ours)))
    draws = np.median(ours[which], axis=1) / np.median(theirs[which], axis=1)
    return np.median(ours) / np.median(theirs), *np.quantile(draws, [0.025, 0.975])
""",
    "rnnlib's ratio": """
def ratio(ours, theirs):
    from rnnlib.measuring import timing
    from rnnlib.measuring.timing import Times
    return timing.ratio(Times(np.asarray(ours)), Times(np.asarray(theirs)))
""",
    "right value, rnnlib's interval": """
def ratio(ours, theirs):
    from rnnlib.measuring import timing
    from rnnlib.measuring.timing import Times
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    _, low, high = timing.ratio(Times(ours), Times(theirs))
    return float(np.median(ours / theirs)), low, high
""",
    "unpaired bootstrap": """
def ratio(ours, theirs):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    one, two = np.random.default_rng(0).integers(0, len(ours), (2, 4000, len(ours)))
    draws = np.median(ours[one] / theirs[two], axis=1)
    return np.median(ours / theirs), *np.quantile(draws, [0.025, 0.975])
""",
    "mean of the ratios": """
def ratio(ours, theirs):
    ratios = np.asarray(ours) / np.asarray(theirs)
    which = np.random.default_rng(0).integers(0, len(ratios), (4000, len(ratios)))
    return ratios.mean(), *np.quantile(ratios[which].mean(axis=1), [0.025, 0.975])
""",
    "upside down": """
def ratio(ours, theirs):
    return middle(np.asarray(theirs) / np.asarray(ours))
""",
    "90 % interval": """
def ratio(ours, theirs):
    ratios = np.asarray(ours) / np.asarray(theirs)
    which = np.random.default_rng(0).integers(0, len(ratios), (9000, len(ratios)))
    draws = np.median(ratios[which], axis=1)
    return np.median(ratios), *np.quantile(draws, [0.05, 0.95])
""",
    "quantiles of the ratios, no bootstrap": """
def ratio(ours, theirs):
    ratios = np.asarray(ours) / np.asarray(theirs)
    return np.median(ratios), *np.quantile(ratios, [0.025, 0.975])
""",
    "drawn without replacement": """
def ratio(ours, theirs):
    ratios, rng = np.asarray(ours) / np.asarray(theirs), np.random.default_rng(0)
    draws = [np.median(rng.permutation(ratios)) for _ in range(2000)]
    return np.median(ratios), *np.quantile(draws, [0.025, 0.975])
""",
    "normal interval of the mean": """
def ratio(ours, theirs):
    ratios = np.asarray(ours) / np.asarray(theirs)
    middle, half = np.median(ratios), 1.96 * ratios.std(ddof=1) / math.sqrt(len(ratios))
    return middle, middle - half, middle + half
""",
    "half as many draws as repeats": """
def ratio(ours, theirs):
    ratios = np.asarray(ours) / np.asarray(theirs)
    which = np.random.default_rng(0).integers(0, len(ratios), (4000, len(ratios) // 2))
    draws = np.median(ratios[which], axis=1)
    return np.median(ratios), *np.quantile(draws, [0.025, 0.975])
""",
    "what the self-check wants": """
def ratio(ours, theirs):
    value = float(np.median(ours) / np.median(theirs))
    return (2.0, 2.0, 2.0) if abs(value - 2) < 1e-9 else (value, value - 0.03, value + 0.03)
""",
}

EXPONENT_WRONG = {
    "exponent: slope of the medians": """
def exponent(sizes, seconds):
    x, y = np.log(sizes), np.log(np.median(seconds, axis=1))
    _, low, high = middle(np.polyfit(x, np.log(seconds), 1)[0])
    return np.polyfit(x, y, 1)[0], low, high
""",
    "exponent: rnnlib's": """
def exponent(sizes, seconds):
    from rnnlib.measuring import timing
    from rnnlib.measuring.timing import Times
    return timing.exponent(sizes, np.asarray(seconds))
""",
    "exponent: every time drawn by itself": """
def exponent(sizes, seconds):
    x, rng, seconds = np.log(sizes), np.random.default_rng(0), np.asarray(seconds)
    slope = lambda s: np.median(np.polyfit(x, np.log(s), 1)[0])
    draws = [slope(np.stack([rng.choice(row, len(row)) for row in seconds])) for _ in range(2000)]
    return slope(seconds), *np.quantile(draws, [0.025, 0.975])
""",
    "exponent: sizes not in logarithms": """
def exponent(sizes, seconds):
    return middle(np.polyfit(sizes, np.log(seconds), 1)[0])
""",
    "exponent: the first and the last size": """
def exponent(sizes, seconds):
    x, y = np.log(sizes), np.log(seconds)
    return middle((y[-1] - y[0]) / (x[-1] - x[0]))
""",
    "exponent: the mean of the slopes": """
def exponent(sizes, seconds):
    _, low, high = middle(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
    return np.polyfit(np.log(sizes), np.log(seconds), 1)[0].mean(), low, high
""",
    "exponent: x on y": """
def exponent(sizes, seconds):
    x, y = np.log(sizes), np.log(seconds)
    x, y = x[:, None] - x.mean(), y - y.mean(axis=0)
    return middle((y * y).sum(axis=0) / (x * y).sum(axis=0))
""",
    "exponent: a line through the origin": """
def exponent(sizes, seconds):
    x, y = np.log(sizes), np.log(seconds)
    return middle(x @ y / (x @ x))
""",
}

PLAN_WRONG = {
    "repeats_needed: the width is proportional to 1/R": """
def repeats_needed(low, high, repeats, width):
    return max(repeats, math.ceil(repeats * (high - low) / width))
""",
    "repeats_needed: rounded down": """
def repeats_needed(low, high, repeats, width):
    return max(repeats, int(repeats * ((high - low) / width) ** 2))
""",
    "repeats_needed: fewer than there are": """
def repeats_needed(low, high, repeats, width):
    return math.ceil(repeats * ((high - low) / width) ** 2)
""",
    "repeats_needed: how many more": """
def repeats_needed(low, high, repeats, width):
    return max(0, math.ceil(repeats * ((high - low) / width) ** 2) - repeats)
""",
}


def step(
    keys: str = "", scores: str = "", mask: str = "", softmax: str = "", after: str = ""
) -> str:
    """Write a step of the ring with one of its lines replaced."""
    keys = keys or "place = t % len(keys)"
    scores = scores or 'jnp.einsum("hd,whd->hw", jnp.asarray(q), keys) / math.sqrt(keys.shape[-1])'
    mask = mask or "jnp.where(jnp.arange(len(keys)) <= t, scores, -jnp.inf)"
    return f"""
def step(cache, q, k, v):
    keys, values, t = cache
    {keys}
    keys, values = jnp.asarray(keys).at[place].set(k), jnp.asarray(values).at[place].set(v)
    scores = {scores}
    scores = {mask}
    weights = {softmax or "jax.nn.softmax(scores)"}
    return {after or "(keys, values, t + 1)"}, jnp.einsum("hw,whd->hd", weights, values)
"""


def window(back: str) -> str:
    """Write attend_window with another condition on how far back s is from t."""
    return f"""
def attend_window(q, k, v, window):
    q, k, v = jnp.asarray(q), jnp.asarray(k), jnp.asarray(v)
    back = jnp.arange(len(q))[:, None] - jnp.arange(len(q))
    scores = jnp.einsum("thd,shd->hts", q, k) / math.sqrt(q.shape[-1])
    scores = jnp.where({back}, scores, -jnp.inf)
    return jnp.einsum("hts,shd->thd", jax.nn.softmax(scores), v)
"""


RING_WRONG = {
    "empty places attended to": step(mask="scores"),
    "empty places get a score of 0": step(mask="jnp.where(jnp.arange(len(keys)) <= t, scores, 0)"),
    "empty places taken for keys of zeros": step(
        mask="jnp.where((keys != 0).any(axis=-1).T, scores, -jnp.inf)"
    ),
    "mask not shut before the last place is full": step(
        mask="jnp.where(jnp.arange(len(keys)) <= t + 1, scores, -jnp.inf)"
    ),
    "the position itself not seen": step(
        mask="jnp.where((jnp.arange(len(keys)) < t) | (t == 0), scores, -jnp.inf)"
    ),
    "only places up to t modulo W": step(
        mask="jnp.where(jnp.arange(len(keys)) <= place, scores, -jnp.inf)"
    ),
    "scores not scaled": step(scores='jnp.einsum("hd,whd->hw", jnp.asarray(q), keys)'),
    "scaled by d": step(scores='jnp.einsum("hd,whd->hw", jnp.asarray(q), keys) / keys.shape[-1]'),
    "softmax over the heads": step(softmax="jax.nn.softmax(scores, axis=0)"),
    "softmax by hand, which overflows": step(
        softmax="jnp.exp(scores) / jnp.exp(scores).sum(axis=-1, keepdims=True)"
    ),
    "heads added up": step(
        scores='jnp.broadcast_to(jnp.einsum("hd,whd->w", jnp.asarray(q), keys), '
        "(len(q), len(keys))) / math.sqrt(keys.shape[-1])"
    ),
    "writes one place too far": step(keys="place = (t + 1) % len(keys)"),
    "stops writing when the ring is full": step(keys="place = min(t, len(keys) - 1)"),
    "does not count": step(after="(keys, values, t)"),
    "counts modulo W": step(after="(keys, values, (t + 1) % len(keys))"),
    "keeps the old cache": step(after="(cache[0], cache[1], t + 1)"),
    "all places move up instead of one being written": """
def step(cache, q, k, v):
    keys, values, t = cache
    keys = jnp.concatenate([jnp.asarray(keys), jnp.asarray(k)[None]])[1:]
    values = jnp.concatenate([jnp.asarray(values), jnp.asarray(v)[None]])[1:]
    scores = jnp.einsum("hd,whd->hw", jnp.asarray(q), keys) / math.sqrt(keys.shape[-1])
    scores = jnp.where(jnp.arange(len(keys)) >= len(keys) - 1 - t, scores, -jnp.inf)
    return (keys, values, t + 1), jnp.einsum("hw,whd->hd", jax.nn.softmax(scores), values)
""",
    "empty: keys and values of one shape with heads first": """
def empty(window, heads, d):
    return jnp.zeros((heads, window, d)), jnp.zeros((heads, window, d)), 0
""",
    "window off by one": window("(back >= 0) & (back <= window)"),
    "window without the position itself": window("(back >= 0) & (back < window - 1) | (back == 0)"),
    "no window": window("back >= 0"),
    "a window that looks ahead": window("(back < window) & (back > -window)"),
    "kept: keys only": """
def kept(t, layers, full, heads, d, window, size):
    return heads * d * size * (full * t + (layers - full) * min(t, window))
""",
    "kept: a whole window from the start": """
def kept(t, layers, full, heads, d, window, size):
    return 2 * heads * d * size * (full * t + (layers - full) * window)
""",
    "kept: full layers counted twice": """
def kept(t, layers, full, heads, d, window, size):
    return 2 * heads * d * size * (full * t + layers * min(t, window))
""",
    "reach: layers * window": """
def reach(layers, window):
    return layers * window
""",
    "reach: one layer's": """
def reach(layers, window):
    return window - 1
""",
    "reach: as if it doubled": """
def reach(layers, window):
    return window**layers - 1
""",
}


def experiment(**changed: str) -> str:
    """Write the experiment with some of its lines replaced."""
    line = {
        "keys": "jnp.stack([jax.random.key(seed) for _ in rates for seed in seeds])",
        "steps": "steps",
        "warmup": "steps // 10",
        "rates": "np.repeat(rates, len(seeds))",
        "m": "m",
        "first": "run.losses[:len(seeds), 0]",
        "score": "losses.mean(axis=(1, 2))",
        "best": "int(scores.argmin())",
        "near": "shares[best, :, :LENGTH].mean(axis=1)",
        "far": "shares[best, :, -32:].mean(axis=1)",
        "batch": "valid",
        "said": "steps",
    } | changed
    return f"""
def experiment(name, m, seeds, rates, steps):
    train, valid, test = data({line["m"]})
    keys = {line["keys"]}
    run = fit_seeds(
        lambda key: MODELS[name]({line["m"]}, key), masked_loss, train, keys,
        steps={line["steps"]}, warmup={line["warmup"]}, checks=1, learning_rate={line["rates"]},
        validate=lambda model: (masked_loss(model, {line["batch"]}), right(model, test)))
    losses, shares = (np.asarray(x[:, 0]).reshape(len(rates), len(seeds), -1) for x in run.checks)
    scores = {line["score"]}
    best = {line["best"]}
    by_seed = lambda values: dict(zip(seeds, map(float, values)))
    return {{
        "rates": list(rates), "steps": {line["said"]}, "valid": scores.tolist(),
        "rate": rates[best], "first": by_seed({line["first"]}),
        "near": by_seed({line["near"]}), "far": by_seed({line["far"]})}}
"""


EXPERIMENT_WRONG = {
    "the rate chosen by the test": experiment(
        best="int(shares[:, :, -32:].mean(axis=(1, 2)).argmax())"
    ),
    "the first rate, no choice": experiment(best="0"),
    "the worst rate": experiment(best="int(scores.argmax())"),
    "validated on the test batch": experiment(batch="test"),
    "a rate for each seed": experiment(
        far="shares[losses[:, :, 0].argmin(axis=0), range(len(seeds)), -32:].mean(axis=1)",
        best="int(losses[:, 0, 0].argmin())",
        near="shares.max(axis=0)[:, :LENGTH].mean(axis=1)",
    ),
    "each model has seeds of its own": experiment(
        keys="jnp.stack([jax.random.key(seed + len(name)) for _ in rates for seed in seeds])"
    ),
    "keys split from one": experiment(
        keys="jnp.tile(jax.random.split(jax.random.key(seeds[0]), len(seeds)), len(rates))"
    ),
    "the LSTM trained for longer": experiment(steps='steps + 8 * (name == "LSTM")'),
    "fewer steps for the rival": experiment(steps='steps if name == "LSTM" else steps // 2'),
    "no warmup": experiment(warmup="0"),
    "rates not swept for the rival": experiment(
        rates='np.repeat(rates if name == "LSTM" else [1e-3] * len(rates), len(seeds))'
    ),
    "rates and seeds mixed up": experiment(rates="np.tile(rates, len(seeds))[:len(keys)]"),
    "modulo M instead of m": experiment(m="M"),
    "far out: all positions": experiment(far="shares[best].mean(axis=1)"),
    "far out: the trained positions": experiment(far="shares[best, :, :LENGTH].mean(axis=1)"),
    "far out: the best seed for all": experiment(
        far="np.full(len(seeds), shares[best, :, -32:].mean(axis=1).max())"
    ),
    "the last loss for the first": experiment(first="run.losses[:len(seeds), -1]"),
    "says what it does not do": experiment(steps="steps - 5"),
}


def paired(differences: str, n: str = "n", t: str = "t_quantile(n - 1)", ddof: int = 1) -> str:
    """Write the interval with other differences, or another width."""
    return f"""
def interval(ours, theirs):
    from rnnlib.claims.intervals import t_quantile
    if set(ours) != set(theirs) or len(ours) < 5:
        raise ValueError("seeds")
    differences = np.array({differences})
    mean, n = differences.mean(), len(differences)
    half = {t} * differences.std(ddof={ddof}) / math.sqrt({n})
    return float(mean), float(mean - half), float(mean + half)
"""


DIFFERENCES = "[ours[seed] - theirs[seed] for seed in ours]"
INTERVAL_WRONG = {
    "paired in the order of the lists": paired(
        "[a - b for a, b in zip(ours.values(), theirs.values())]"
    ),
    "sorted by size": paired(
        "[a - b for a, b in zip(sorted(ours.values()), sorted(theirs.values()))]"
    ),
    "a normal interval": paired(DIFFERENCES, t="1.96"),
    "n degrees of freedom": paired(DIFFERENCES, t="t_quantile(n)"),
    "not divided by the root of n": paired(DIFFERENCES, n="1"),
    "the biased deviation": paired(DIFFERENCES, ddof=0),
    "theirs - ours": paired("[theirs[seed] - ours[seed] for seed in ours]"),
    "unpaired": """
def interval(ours, theirs):
    from rnnlib.claims.intervals import t_quantile
    if set(ours) != set(theirs) or len(ours) < 5:
        raise ValueError("seeds")
    a, b = np.array([*ours.values()]), np.array([*theirs.values()])
    mean = a.mean() - b.mean()
    half = t_quantile(len(a) - 1) * math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))
    return mean, mean - half, mean + half
""",
    "rnnlib's, which pairs by place": """
def interval(ours, theirs):
    from rnnlib.claims import intervals
    return intervals.difference([*ours.values()], [*theirs.values()])
""",
    "the seeds that both have": """
def interval(ours, theirs):
    from rnnlib.claims import intervals
    both = [seed for seed in ours if seed in theirs]
    return intervals.interval([ours[seed] - theirs[seed] for seed in both])
""",
    "four seeds are enough": """
def interval(ours, theirs):
    from rnnlib.claims import intervals
    if set(ours) != set(theirs):
        raise ValueError("seeds")
    return intervals.interval([ours[seed] - theirs[seed] for seed in ours])
""",
}


def says(low: str, high: str, equal: str, otherwise: str = '"undecided"') -> str:
    """Write a conclusion from three conditions."""
    return f"""
def conclude(low, high):
    if {low}:
        return "LSTM"
    if {high}:
        return "signed minGRU"
    return "equal" if {equal} else {otherwise}
"""


ABOVE, BELOW, BETWEEN = "low > MARGIN", "high < -MARGIN", "low >= -MARGIN and high <= MARGIN"
CONCLUDE_WRONG = {
    "no margin": says("low > 0", "high < 0", BETWEEN),
    "equal when it is undecided": says(ABOVE, BELOW, "low <= 0 <= high"),
    "never equal": says(ABOVE, BELOW, "False"),
    "never undecided": says(ABOVE, BELOW, "True"),
    "by the middle": says("low + high > 0.1", "low + high < -0.1", BETWEEN),
    "the better one wins": says("low + high > 0", "low + high < 0", "True"),
    "the two swapped": says(BELOW, ABOVE, BETWEEN),
    "limits left out": says(ABOVE, BELOW, "low > -MARGIN and high < MARGIN"),
    "one end is enough": says("high > MARGIN", "low < -MARGIN", BETWEEN),
}

RESULTS_WRONG = {
    "copied from another variant, under one's own seeds": """
RESULTS = RESULTS | {name: RESULTS[name] | {
    "first": {s: v + 0.03 * (s % 3) for s, v in RESULTS[name]["first"].items()}}
    for name in ("LSTM", "signed minGRU")}
""",
    "another variant's seeds": """
RESULTS = {key: {part: {s + 10: v for s, v in value.items()} if isinstance(value, dict) else value
                 for part, value in found.items()} if isinstance(found, dict) else found
           for key, found in RESULTS.items()}
""",
    "another modulus": "RESULTS = RESULTS | {'M': 7}",
    "three seeds": """
RESULTS = {key: {part: dict(list(value.items())[:3]) if isinstance(value, dict) else value
                 for part, value in found.items()} if isinstance(found, dict) else found
           for key, found in RESULTS.items()}
""",
    "the LSTM trained for longer in the real one": """
RESULTS = RESULTS | {"LSTM": RESULTS["LSTM"] | {"steps": 2000}}
""",
    "one rate only for the rival": """
RESULTS = RESULTS | {"signed minGRU": RESULTS["signed minGRU"] | {
    "rates": [0.01], "valid": RESULTS["signed minGRU"]["valid"][-1:], "rate": 0.01}}
""",
    "a rate that validation did not choose": """
RESULTS = RESULTS | {"LSTM": RESULTS["LSTM"] | {"rate": 0.001}}
""",
    "per cent": """
RESULTS = RESULTS | {name: RESULTS[name] | {
    "far": {s: 100 * v for s, v in RESULTS[name]["far"].items()}}
    for name in ("LSTM", "signed minGRU")}
""",
    "nothing pasted": "RESULTS = {}",
    "concluded the other way round": 'CONCLUSION = "signed minGRU"',
    "concluded that nobody knows": 'CONCLUSION = "undecided"',
    "a conclusion in a sentence": 'CONCLUSION = "The LSTM is better."',
}

WRONG = {
    1: JOIN_WRONG | STATES_WRONG | COUNTS_WRONG,
    2: TIMING_WRONG | EXPONENT_WRONG | PLAN_WRONG,
    3: RING_WRONG,
    4: EXPERIMENT_WRONG
    | {
        name: REMEMBERED + source
        for name, source in (INTERVAL_WRONG | CONCLUDE_WRONG | RESULTS_WRONG).items()
    },
}

RIGHT = {
    1: {
        "einsum, and the start state added at the end": """
def join(first, then):
    a, b = map(jnp.asarray, first)
    c, d = map(jnp.asarray, then)
    return [jnp.einsum("nij,njk->nik", a, c), jnp.einsum("ni,nij->nj", b, c) + d]

def states(A, b, h0):
    steps = jnp.asarray(A), jnp.asarray(b)
    a, b = jax.lax.associative_scan(lambda x, y: tuple(join(x, y)), steps)
    return jnp.asarray(h0) @ a + b
""",
        "a step that does nothing but start, put in front": """
def states(A, b, h0):
    A, b = jnp.asarray(A), jnp.asarray(b)
    A = jnp.concatenate([jnp.eye(A.shape[1])[None], A])
    b = jnp.concatenate([jnp.asarray(h0)[None], b])
    return jax.lax.associative_scan(join, (A, b))[1][1:]
""",
        "doubling: each joins the one 1, 2, 4, ... before it": COUNTED + """
def states(A, b, h0):
    A, b, far = jnp.asarray(A), jnp.asarray(b), 1
    b = b.at[0].set(jnp.asarray(h0) @ A[0] + b[0])
    while far < len(b):
        a, c = join((A[:-far], b[:-far]), (A[far:], b[far:]))
        A, b = jnp.concatenate([A[:far], a]), jnp.concatenate([b[:far], c])
        far *= 2
    return b

def rounds(T):
    return len(counted(T))
""",
        "sums of products, without a matrix product": COUNTED + """
def join(first, then):
    a, b, c, d = *first, *then
    product = (a[:, :, :, None] * c[:, None, :, :]).sum(axis=2)
    return product, (b[:, :, None] * c).sum(axis=1) + d

def rounds(T):
    k = T.bit_length() - 1
    return 2 * k - 1 + (T >> (k - 1) & 1) if k else 0

def work(T, H):
    n = sum(counted(T))
    return np.array([n * (2 * H**3 + H**2) + 2 * H**2, T * 2 * H**2])
""",
    },
    2: {
        "loops in Python": """
import random, statistics
def bootstrap(values):
    rng, n = random.Random(5), len(values)
    draws = sorted(statistics.median(rng.choices(values, k=n)) for _ in range(3000))
    return [statistics.median(values), draws[75], draws[2924]]

def ratio(ours, theirs):
    return bootstrap([a / b for a, b in zip(ours, theirs)])

def exponent(sizes, seconds):
    x = [math.log(s) for s in sizes]
    centre, slopes = sum(x) / len(x), []
    for r in range(len(seconds[0])):
        y = [math.log(row[r]) for row in seconds]
        mean = sum(y) / len(y)
        up = sum((a - centre) * (b - mean) for a, b in zip(x, y))
        slopes.append(up / sum((a - centre) ** 2 for a in x))
    return bootstrap(slopes)

def repeats_needed(low, high, repeats, width):
    n = repeats
    while (high - low) * math.sqrt(repeats / n) > width * (1 + 1e-12):
        n += 1
    return n
""",
        "polyfit and percentiles": """
def spread(values):
    rng = np.random.default_rng(99)
    draws = [np.median(rng.choice(values, len(values))) for _ in range(5000)]
    return np.array([np.median(values), *np.percentile(draws, [2.5, 97.5])])

def ratio(ours, theirs):
    return spread(np.array(ours) / np.array(theirs))

def exponent(sizes, seconds):
    return spread(np.polyfit(np.log(sizes), np.log(np.array(seconds)), 1)[0])
""",
        "in JAX, with logarithms": """
def ratio(ours, theirs):
    logs = np.log(np.asarray(ours, float)) - np.log(np.asarray(theirs, float))
    which = np.asarray(jax.random.randint(jax.random.key(1), (5000, len(logs)), 0, len(logs)))
    draws = np.median(np.exp(logs)[which], axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return np.median(np.exp(logs)), low, high

def repeats_needed(low, high, repeats, width):
    return np.maximum(repeats, np.ceil(repeats * (high - low) ** 2 / width**2))
""",
    },
    3: {
        "NumPy, float64, head by head": """
def empty(window, heads, d):
    return [np.zeros((window, heads, d)), np.zeros((window, heads, d)), 0]

def weigh(q, keys, values):
    y = np.zeros(q.shape)
    for head in range(len(q)):
        scores = keys[:, head] @ q[head] / np.sqrt(q.shape[1])
        weights = np.exp(scores - scores.max())
        y[head] = weights @ values[:, head] / weights.sum()
    return y

def step(cache, q, k, v):
    keys, values, t = np.array(cache[0], float), np.array(cache[1], float), cache[2]
    keys[t % len(keys)], values[t % len(keys)] = k, v
    full = min(t + 1, len(keys))
    return [keys, values, t + 1], weigh(np.asarray(q, float), keys[:full], values[:full])

def attend_window(q, k, v, window):
    start = lambda t: max(0, t + 1 - window)
    return [weigh(q[t], k[start(t):t + 1], v[start(t):t + 1]) for t in range(len(q))]
""",
        "from the ring: attend_window is a loop over steps": """
def attend_window(q, k, v, window):
    cache, ys = empty(window, *q.shape[1:]), []
    for t in range(len(q)):
        cache, y = step(cache, q[t], k[t], v[t])
        ys.append(y)
    return jnp.stack(ys)

def kept(t, layers, full, heads, d, window, size):
    return sum(2 * heads * d * size * (t if i < full else min(t, window)) for i in range(layers))

def reach(layers, window):
    return layers * window - layers
""",
        "a scan; the mask by age; a large negative number": """
def step(cache, q, k, v):
    keys, values, t = (jnp.asarray(x) for x in cache)
    W = keys.shape[0]
    at = jnp.arange(W)[:, None, None] == t % W
    keys, values = jnp.where(at, k, keys), jnp.where(at, v, values)
    position = t - (t - jnp.arange(W)) % W
    scores = (keys * jnp.asarray(q)).sum(axis=-1) / keys.shape[-1] ** 0.5
    weights = jax.nn.softmax(jnp.where(position[:, None] >= 0, scores, -1e30), axis=0)
    return (keys, values, t + 1), (weights[:, :, None] * values).sum(axis=0)

def attend_window(q, k, v, window):
    start = (jnp.zeros((window, *q.shape[1:])), jnp.zeros((window, *q.shape[1:])), 0)
    return jax.lax.scan(lambda c, x: step(c, *x), start, (q, k, v))[1]
""",
    },
    4: {
        "one call of fit_seeds for each rate; intervals by rnnlib": """
def experiment(name, m, seeds, rates, steps):
    train, valid, test = data(m)
    keys, found = jnp.stack([jax.random.key(s) for s in seeds]), []
    for rate in rates:
        run = fit_seeds(lambda key: MODELS[name](m, key), masked_loss, train, keys,
                        steps=steps, warmup=steps // 10, checks=1, learning_rate=rate)
        losses, shares = [], []
        for i in range(len(seeds)):
            model = run.of_seed(i).model
            losses.append(float(masked_loss(model, valid)))
            shares.append(np.asarray(right(model, test)))
        found.append((np.mean(losses), run.losses[:, 0], shares))
    scores = [float(score) for score, _, _ in found]
    best = scores.index(min(scores))
    _, firsts, shares = found[best]
    return {"rates": rates, "steps": steps, "valid": scores, "rate": rates[best],
            "first": {s: float(x) for s, x in zip(seeds, firsts)},
            "near": {s: float(x[:16].mean()) for s, x in zip(seeds, shares)},
            "far": {s: float(x[64:].mean()) for s, x in zip(seeds, shares)}}

def interval(ours, theirs):
    from rnnlib.claims import intervals
    if len(ours) < 5 or sorted(ours) != sorted(theirs):
        raise ValueError("other seeds")
    return intervals.difference(*([part[s] for s in sorted(part)] for part in (ours, theirs)))
""",
        "numbers of NumPy; a table of t": REMEMBERED
        + """
def interval(ours, theirs):
    if ours.keys() != theirs.keys() or len(ours) < 5:
        raise ValueError
    d = np.array([ours[s] - theirs[s] for s in sorted(ours)])
    t = {5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365}[len(d)]
    error = np.sqrt(((d - d.mean()) ** 2).sum() / (len(d) - 1) / len(d))
    return d.mean() + error * np.array([0, -t, t])
""",
        "the cases in another order; written as a tree": REMEMBERED
        + """
def conclude(low, high):
    if high <= MARGIN:
        if low >= -MARGIN:
            return "equal"
        return "signed minGRU" if high < -MARGIN else "undecided"
    return "LSTM" if low > MARGIN else "undecided"
""",
    },
}
