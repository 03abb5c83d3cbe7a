"""Answers to question 1, how much of a nudge survives."""

from .altered import altered

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


WRONG = {
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

RIGHT = {
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
