"""Answers to question 3, a cache that does not grow."""


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


WRONG = {
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


RIGHT = {
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
}
