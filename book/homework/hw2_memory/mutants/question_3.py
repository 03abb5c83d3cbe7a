"""Answers to question 3, what a partial memory scores."""

WRONG = {
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

RIGHT = {
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
