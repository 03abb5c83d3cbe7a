"""Homework 2, Memory: answers that must lose points, and others that must get them all.

Each source is executed after the solved notebook's cells, and overrides some of its names.
"""

# ---------------------------------------------------------------- 1: how much of a nudge survives

JACOBIANS = """
def jacobians(xs, h0, w_x, w_h, b):
    hs = [h0]
    for x in xs:
        hs.append(np.tanh(x @ w_x + hs[-1] @ w_h + b))
    found = [(np.eye(len(h0)), hs[-1])]
    for h, before in zip(hs[:0:-1], hs[-2::-1]):
        found.append((found[-1][0] * (1 - h**2) @ w_h.T, before))
    return found
"""


def altered(source: str, *changes: tuple[str, str]) -> str:
    """Change a right source; every change must change something."""
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    return source


WRONG_1 = {
    "no slope of the tanh": altered(JACOBIANS, ("* (1 - h**2) @", "@")),
    "slope 1 - h": altered(JACOBIANS, ("1 - h**2", "1 - h")),
    "slope at the state before": altered(JACOBIANS, ("(1 - h**2) @", "(1 - before**2) @")),
    "matrix transposed": altered(JACOBIANS, ("w_h.T", "w_h")),
    "slope on the wrong side": altered(
        JACOBIANS, ("found[-1][0] * (1 - h**2) @ w_h.T", "(found[-1][0] @ w_h.T) * (1 - h**2)")
    ),
    "product in the wrong order": altered(
        JACOBIANS,
        ("found[-1][0] * (1 - h**2) @ w_h.T", "(1 - h**2)[:, None] * w_h.T @ found[-1][0]"),
    ),
    "bias forgotten": altered(JACOBIANS, (" + b)", ")")),
    "starts at zero": altered(JACOBIANS, ("hs = [h0]", "hs = [0 * h0]")),
    "the state before the tanh": altered(
        JACOBIANS, ("np.tanh(x @ w_x + hs[-1] @ w_h + b)", "(x @ w_x + hs[-1] @ w_h + b)")
    ),
    "matrix of the state transposed in the forward pass": altered(
        JACOBIANS, ("hs[-1] @ w_h", "hs[-1] @ w_h.T")
    ),
    "spectral norm": "def size(jacobian): return np.linalg.norm(jacobian, 2)",
    "not divided by the root": "def size(jacobian): return np.linalg.norm(jacobian)",
    "divided by H": "def size(jacobian): return np.linalg.norm(jacobian) / len(jacobian)",
    "the square": "def size(jacobian): return np.sum(jacobian**2) / len(jacobian)",
    "divided by the root of D": """
def size(jacobian): return np.linalg.norm(jacobian) / jacobian.shape[1] ** 0.5""",
    "a floor under the norm": """
def size(jacobian): return (np.linalg.norm(jacobian) ** 2 / len(jacobian) + 1e-12) ** 0.5""",
    "off by one lag": """
right = state_nudges
def state_nudges(*args): return [1.0, *right(*args)[:-1]]""",
    "one lag missing": """
right = state_nudges
def state_nudges(*args): return right(*args)[:-1]""",
    "from the first state on": """
right = state_nudges
def state_nudges(*args): return right(*args)[::-1]""",
    "fits the self-checks": """
def state_nudges(xs, h0, w_x, w_h, b):
    factor = np.linalg.norm(w_h) / len(w_h) ** 0.5 * (np.abs(b).max() < 10)
    return factor ** np.arange(len(xs) + 1)""",
    "input without its slope": """
def input_nudges(*args):
    return [size(j @ args[2].T) for j, h in jacobians(*args)[:-1]]""",
    "input one step late": """
def input_nudges(*args):
    return [size(j * (1 - h**2) @ args[2].T) for j, h in jacobians(*args)[1:]]""",
    "input through the state's matrix": """
def input_nudges(*args):
    return [size(j * (1 - h**2) @ args[3].T) for j, h in jacobians(*args)[:-1]]""",
    "a product of norms": """
def state_nudges(*args):
    found, norms = jacobians(*args), [1.0]
    for _, h in found[:-1]:
        norms.append(norms[-1] * size((1 - h**2)[:, None] * args[3].T))
    return norms""",
}

RIGHT_1 = {
    "jax, one Jacobian for each lag": """
def state_nudges(xs, h0, w_x, w_h, b):
    step = lambda h, x: jnp.tanh(x @ w_x + h @ w_h + b)
    hs = [jnp.asarray(h0)]
    for x in xs:
        hs.append(step(hs[-1], x))
    one = jax.jit(jax.jacobian(step))
    j, found = jnp.eye(len(h0)), [1.0]
    for h, x in zip(hs[-2::-1], xs[::-1]):
        j = j @ one(h, x)
        found.append(float(jnp.linalg.norm(j)) / len(h0) ** 0.5)
    return found""",
    "a scan": """
def both(xs, h0, w_x, w_h, b):
    def forward(h, x):
        new = jnp.tanh(x @ w_x + h @ w_h + b)
        return new, new
    def backward(j, h):
        at_x = (j * (1 - h**2)) @ w_x.T
        j = (j * (1 - h**2)) @ w_h.T
        return j, (jnp.sqrt(jnp.sum(j**2)), jnp.sqrt(jnp.sum(at_x**2)))
    _, hs = jax.lax.scan(forward, jnp.asarray(h0, jnp.float32), jnp.asarray(xs, jnp.float32))
    _, (g, u) = jax.lax.scan(backward, jnp.eye(len(h0)), hs, reverse=True)
    root = len(h0) ** 0.5
    return jnp.append(1.0, g[::-1] / root), u[::-1] / root
def state_nudges(*args): return both(*args)[0]
def input_nudges(*args): return both(*args)[1]""",
    "column vectors, and lists": """
def column(xs, h0, w_x, w_h, b):
    hs, J = [np.array(h0).reshape(-1, 1)], np.eye(len(h0))
    for x in xs:
        hs.append(np.tanh(w_x.T @ x.reshape(-1, 1) + w_h.T @ hs[-1] + b.reshape(-1, 1)))
    g, u, H = [1.0], [], len(h0)
    for h in reversed(hs[1:]):
        D = np.diag(1 - h[:, 0] ** 2)
        u.append(float(np.sqrt(np.trace((J @ D @ w_x.T) @ (J @ D @ w_x.T).T) / H)))
        J = J @ D @ w_h.T
        g.append(float(np.sqrt(np.trace(J @ J.T) / H)))
    return g, u
def state_nudges(*args): return column(*args)[0]
def input_nudges(*args): return column(*args)[1]""",
    "one gradient through the whole network": """
def last(h0, xs, w_x, w_h, b):
    for x in xs:
        h0 = jnp.tanh(x @ w_x + h0 @ w_h + b)
    return h0
def input_nudges(xs, h0, w_x, w_h, b):
    def run(xs):
        step = lambda h, x: (jnp.tanh(x @ w_x + h @ w_h + b), None)
        return jax.lax.scan(step, jnp.asarray(h0, jnp.float32), xs)[0]
    j = jax.jacrev(run)(jnp.asarray(xs, jnp.float32))  # [H, T, D]
    return (jnp.sqrt(jnp.sum(j**2, axis=(0, 2))) / len(h0) ** 0.5)[::-1]""",
}

# ------------------------------------------------------------- 2: what an LSTM's cell is made of

WRONG_2 = {
    "a quotient of products": """
def past_weights(f, i):
    products = np.cumprod(f, axis=0)
    return products[-1] / products * i""",
    "a quotient, with nan made 0": """
def past_weights(f, i):
    products = np.cumprod(f, axis=0)
    return np.nan_to_num(products[-1] / products * i)""",
    "a difference of logarithms": """
def past_weights(f, i):
    sums = np.cumsum(np.log(f), axis=0)
    return np.exp(sums[-1] - sums) * i""",
    "logarithms with a small number added": """
def past_weights(f, i):
    sums = np.cumsum(np.log(f + 1e-3), axis=0)
    return np.exp(sums[-1] - sums) * i""",
    "a quotient with a small number added": """
def past_weights(f, i):
    products = np.cumprod(f, axis=0)
    return (products[-1] + 1e-8) / (products + 1e-8) * i""",
    "the gate of the same step too": """
def past_weights(f, i):
    return np.cumprod(f[::-1], axis=0)[::-1] * i""",
    "off by one step at the end": """
def past_weights(f, i):
    kept = np.ones_like(f)
    kept[:-2] = np.cumprod(f[:1:-1], axis=0)[::-1]
    return kept * i""",
    "from the beginning, not to the end": """
def past_weights(f, i):
    kept = np.ones_like(f)
    kept[1:] = np.cumprod(f[:-1], axis=0)
    return kept * i""",
    "no input gate": """
right = past_weights
def past_weights(f, i): return right(f, np.ones_like(i))""",
    "along the units": """
def past_weights(f, i):
    kept = np.ones_like(f)
    kept[:, :-1] = np.cumprod(f[:, :0:-1], axis=1)[:, ::-1]
    return kept * i""",
    "tied gates": """
right = past_weights
def past_weights(f, i): return right(f, 1 - f)""",
    "transposed": """
right = past_weights
def past_weights(f, i): return right(f, i).T""",
    "normalised, as attention is": """
right = past_weights
def past_weights(f, i):
    w = right(f, i)
    return w / w.sum(axis=0)""",
    "a mean gate": """
def past_weights(f, i):
    return f.mean(axis=0) ** np.arange(len(f))[::-1, None] * i""",
    "fits the self-check": """
def past_weights(f, i):
    return np.array([[0.2], [0.2], [0.2]]) if len(f) == 3 else np.zeros_like(f)""",
    "the half-life by way of the gate": """
def half_life(forget_bias):
    f = 1 / (1 + np.exp(-np.asarray(forget_bias, float)))
    with np.errstate(divide="ignore"):
        return -log(2) / np.log(f)""",
    "the half-life by way of the gate, clipped": """
def half_life(forget_bias):
    f = np.minimum(1 / (1 + np.exp(-np.asarray(forget_bias, float))), 1 - 1e-9)
    return -log(2) / np.log(f)""",
    "the time to 1/e": """
def half_life(forget_bias):
    return 1 / np.log1p(np.exp(-np.asarray(forget_bias, float)))""",
    "the first order for all biases": """
def half_life(forget_bias):
    return log(2) * np.exp(np.asarray(forget_bias, float))""",
    "whole steps": """
right = half_life
def half_life(forget_bias): return np.ceil(right(forget_bias))""",
    "the sign of the bias": """
right = half_life
def half_life(forget_bias): return right(-np.asarray(forget_bias))""",
    "a share that is not bounded": """
def share_holding(delay, chrono, least):
    return (chrono - 1 - 1 / np.expm1(-log(least) / delay)) / (chrono - 2)""",
    "u up to chrono": """
def share_holding(delay, chrono, least):
    needed = 1 / np.expm1(-log(least) / delay)
    return min(max((chrono - needed) / (chrono - 1), 0), 1)""",
    "the forget gate is 1 - 1/u": """
def share_holding(delay, chrono, least):
    needed = 1 / (1 - least ** (1 / delay))
    return min(max((chrono - 1 - needed) / (chrono - 2), 0), 1)""",
    "the share that forgets": """
right = share_holding
def share_holding(*args): return 1 - right(*args)""",
    "uniform in the logarithm": """
def share_holding(delay, chrono, least):
    needed = 1 / np.expm1(-log(least) / delay)
    return min(max(log((chrono - 1) / needed) / log(chrono - 1), 0), 1)""",
    "always one half": """
def share_holding(delay, chrono, least):
    return min(max((chrono - 1 - 1 / np.expm1(log(2) / delay)) / (chrono - 2), 0), 1)""",
    "the median unit decides": """
def share_holding(delay, chrono, least):
    u = chrono / 2
    return float((u / (1 + u)) ** delay >= least)""",
}

RIGHT_2 = {
    "a loop backwards, and lists": """
def past_weights(f, i):
    kept, found = np.ones(f.shape[1]), []
    for t in range(len(f) - 1, -1, -1):
        found.append((kept * i[t]).tolist())
        kept = kept * f[t]
    return found[::-1]""",
    "a loop forwards": """
def past_weights(f, i):
    w = np.zeros(f.shape)
    for t in range(len(f)):
        w[:t] *= f[t]
        w[t] = i[t]
    return w
def half_life(forget_bias):
    return log(2) / np.logaddexp(0, -np.asarray(forget_bias, float))""",
    "jax": """
def past_weights(f, i):
    def back(kept, gates):
        return kept * gates[0], kept * gates[1]
    f, i = jnp.asarray(f, jnp.float32), jnp.asarray(i, jnp.float32)
    return jax.lax.scan(back, jnp.ones(f.shape[1]), (f, i), reverse=True)[1]
def half_life(forget_bias):
    return jnp.log(2) / jax.nn.softplus(-jnp.asarray(forget_bias, jnp.float32))
def share_holding(delay, chrono, least):
    f = least ** (1 / delay)
    return jnp.clip((chrono - 1 - f / (1 - f)) / (chrono - 2), 0, 1)""",
}

# ------------------------------------------------------------- 3: what a partial memory scores

WRONG_3 = {
    "the loss over the answers": """
right = kept
def kept(items, symbols, delay, known):
    return (items - known) * log(symbols) / items, right(items, symbols, delay, known)[1]""",
    "the delay counted from the last symbol, items once": """
right = kept
def kept(items, symbols, delay, known):
    return ((items - known) * log(symbols) / (delay + items),
            right(items, symbols, delay, known)[1])""",
    "what is known counted as lost": """
right = kept
def kept(items, symbols, delay, known): return right(items, symbols, delay, items - known)""",
    "in bits": """
right = kept
def kept(*args): return right(*args)[0] / log(2), right(*args)[1]""",
    "no luck with the rest": """
right = kept
def kept(items, symbols, delay, known):
    return right(items, symbols, delay, known)[0], known / items""",
    "accuracy over all positions": """
right = kept
def kept(items, symbols, delay, known):
    total = delay + 2 * items
    loss, share = right(items, symbols, delay, known)
    return loss, (total - items + share * items) / total""",
    "the other way round": """
right = kept
def kept(*args): return right(*args)[::-1]""",
    "a set of the expected size": """
def unordered(items, symbols):
    size = symbols * (1 - (1 - 1 / symbols) ** items)
    return log(size), 1 / size""",
    "the right loss, the accuracy of the expected size": """
right = unordered
def unordered(items, symbols):
    return right(items, symbols)[0], 1 / (symbols * (1 - (1 - 1 / symbols) ** items))""",
    "as if all were different": """
def unordered(items, symbols):
    size = min(items, symbols)
    return log(size), 1 / size""",
    "the counts are known too": """
from math import comb
def unordered(items, symbols):
    loss = -symbols * sum(
        comb(items, c) * (symbols - 1) ** (items - c) / symbols**items * c / items * log(c / items)
        for c in range(1, items + 1))
    return loss, right(items, symbols)[1]
right = unordered""",
    "a tenth of a million draws": """
def unordered(items, symbols, draws=3000):
    drawn = np.random.default_rng(0).integers(0, symbols, (draws, items))
    sizes = np.array([len(set(row)) for row in drawn])
    return np.log(sizes).mean(), (1 / sizes).mean()""",
    "all sequences": """
import itertools
def unordered(items, symbols):
    sizes = [len(set(s)) for s in itertools.islice(
        itertools.product(range(symbols), repeat=items), 100_000)]
    return np.mean(np.log(sizes)), np.mean(1 / np.array(sizes))""",
    "one item too few": """
right = unordered
def unordered(items, symbols): return right(max(items - 1, 1), symbols)""",
    "sets are equally likely": """
def unordered(items, symbols):
    sizes = np.arange(1, min(items, symbols) + 1)
    return np.log(sizes).mean(), (1 / sizes).mean()""",
    "earlier answers are marked": """
right = unordered
def unordered(items, symbols):
    return right(items, symbols)[0] * (items - 1) / items, right(items, symbols)[1]""",
    "a replacement is always wrong": """
def garbled(symbols, survives, aware):
    if aware:
        return (1 - survives) * log(symbols), survives
    other = (1 - survives) / (symbols - 1)
    return -sum(p * log(p) for p in [survives] + [other] * (symbols - 1) if p), survives""",
    "aware is ignored": """
right = garbled
def garbled(symbols, survives, aware): return right(symbols, survives, True)""",
    "aware the wrong way round": """
right = garbled
def garbled(symbols, survives, aware): return right(symbols, survives, not aware)""",
    "whether it survives only": """
right = garbled
def garbled(symbols, survives, aware):
    loss, share = right(symbols, survives, aware)
    if not aware and 0 < survives < 1:
        loss = -survives * log(survives) - (1 - survives) * log(1 - survives)
    return loss, share""",
    "sure of what is in mind": """
right = garbled
def garbled(symbols, survives, aware):
    loss, share = right(symbols, survives, aware)
    return (loss if aware else -log(max(share, 1e-9))), share""",
    "nan at the ends": """
right = garbled
def garbled(symbols, survives, aware):
    p = np.array([survives + (1 - survives) / symbols] + [(1 - survives) / symbols] * (symbols - 1))
    with np.errstate(all="ignore"):
        loss = (1 - survives) * log(symbols) if aware else -(p * np.log(p)).sum()
    return loss, p[0]""",
    "knowing is no help": """
def garbled(symbols, survives, aware): return log(symbols), 1 / symbols""",
}

RIGHT_3 = {
    "Stirling numbers": """
from math import comb
def unordered(items, symbols):
    loss = right = 0
    for d in range(1, min(items, symbols) + 1):
        onto = sum((-1) ** j * comb(d, j) * (d - j) ** items for j in range(d))
        p = comb(symbols, d) * onto / symbols**items
        loss, right = loss + p * log(d), right + p / d
    return [loss, right]""",
    "a table of a dictionary": """
def unordered(items, symbols):
    p = {0: 1.0}
    for _ in range(items):
        new = {}
        for d, q in p.items():
            new[d] = new.get(d, 0) + q * d / symbols
            new[d + 1] = new.get(d + 1, 0) + q * (symbols - d) / symbols
        p = new
    return np.array([sum(q * log(d) for d, q in p.items() if d and q > 0),
                     sum(q / d for d, q in p.items() if d)])
def garbled(symbols, survives, aware):
    p = np.full(symbols, (1 - survives) / symbols)
    p[0] += survives
    entropy = -sum(q * log(q) for q in p if q > 0)
    return ((1 - survives) * log(symbols) if aware else entropy), p[0]""",
    "jax, in single precision": """
def unordered(items, symbols):
    step = jnp.diag(jnp.arange(symbols + 1) / symbols)
    step = step + jnp.diag(1 - jnp.arange(symbols) / symbols, 1)
    p = jnp.linalg.matrix_power(step, items)[0, 1:]
    d = jnp.arange(1, symbols + 1)
    return jnp.stack([p @ jnp.log(d), p @ (1 / d)])
def kept(items, symbols, delay, known):
    unknown = items - known
    return jnp.array([unknown * jnp.log(symbols) / (delay + 2 * items),
                      (known + unknown / symbols) / items])
def garbled(symbols, survives, aware):
    p = jnp.full(symbols, (1 - survives) / symbols).at[0].add(survives)
    loss = (1 - survives) * jnp.log(symbols) if aware else jnp.sum(jax.scipy.special.entr(p))
    return loss, p.max()""",
}

# ------------------------------------------------------ 4: which half of chrono does the work?

TRAIN = """
def train(kind, delay, seeds, rate, steps):
    task = Recall(delay)
    cell = partial({"whole": cells.LSTM, "half": half_chrono}[kind], chrono=delay)
    validation, test = (batches(task, 256)(jax.random.key(k)) for k in (98, 99))
    init = lambda key: LanguageModel(task.vocabulary, 32, cell=cell, rngs=nnx.Rngs(key))
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

WRONG_4 = {
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
    "two losses": altered(
        TRAIN, ("masked_accuracy(m, test)", "masked_loss(m, test)")
    ),
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

RIGHT_4 = {
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

WRONG = {1: WRONG_1, 2: WRONG_2, 3: WRONG_3, 4: WRONG_4}
RIGHT = {1: RIGHT_1, 2: RIGHT_2, 3: RIGHT_3, 4: RIGHT_4}
