"""Answers to question 2, what an LSTM's cell is made of."""

WRONG = {
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

RIGHT = {
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
