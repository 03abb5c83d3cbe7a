"""Answers to question 1, matrices in a tree."""

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


WRONG = JOIN_WRONG | STATES_WRONG | COUNTS_WRONG

RIGHT = {
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
    "doubling: each joins the one 1, 2, 4, ... before it": COUNTED
    + """
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
    "sums of products, without a matrix product": COUNTED
    + """
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
}
