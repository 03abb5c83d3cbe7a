"""One linear recurrence, h_t = a_t h_{t-1} + b_t, run in three orders.

They agree up to rounding, and differ in how much they compute and how much of it must wait. For
T steps of one number, in multiplications and additions, and in rounds that follow one another:

                 work        rounds
    sequential   2T          T
    chunked      about 5T    C + T / C, least at C = sqrt(T)
    associative  about 6T    about 2 log2 T
"""

import jax
import jax.numpy as jnp

Step = tuple[jax.Array, jax.Array]  # (a, b) is the step h -> a h + b


def chain(first: Step, second: Step) -> Step:
    """Make one step of two: (a_1, b_1), then (a_2, b_2), is (a_2 a_1, a_2 b_1 + b_2).

    Chaining is associative, so steps may be bracketed at will. It multiplies and never divides:
    h_t = A_t sum_s b_s / A_s, with A_t = a_1 ... a_t, is true as well, but A soon underflows.
    """
    (a_1, b_1), (a_2, b_2) = first, second
    return a_2 * a_1, a_2 * b_1 + b_2


def sequential(a: jax.Array, b: jax.Array, *, h_0: jax.Array | None = None) -> jax.Array:
    """Run h_t = a_t h_{t-1} + b_t one step after the other.

    Shapes: a, b[T, ...], h_0[...], which is 0 where none is given -> h[T, ...].
    Raises: ValueError (shapes that do not fit, or T = 0).
    """

    def step(h: jax.Array, now: Step) -> tuple[jax.Array, jax.Array]:
        a, b = now
        h = a * h + b
        return h, h

    return jax.lax.scan(step, _start(a, b, h_0), (a, b))[1]


def associative(a: jax.Array, b: jax.Array, *, h_0: jax.Array | None = None) -> jax.Array:
    """Run h_t = a_t h_{t-1} + b_t by chaining steps two by two, as a tree.

    Neighbours are chained, the T / 2 double steps are run in the same way, and the states in
    between follow from theirs. For T a power of 2 that is 2T - 2 - log2 T chainings, of two
    multiplications and an addition each, in 2 log2 T - 1 rounds.

    Shapes: a, b[T, ...], h_0[...], which is 0 where none is given -> h[T, ...].
    Raises: ValueError (shapes that do not fit, or T = 0).
    Reference: Blelloch (1990), "Prefix sums and their applications"; Martin & Cundy (2018),
    "Parallelizing linear recurrent neural nets over sequence length".
    """
    h_0 = _start(a, b, h_0)
    b = b.at[0].add(a[0] * h_0)
    return jax.lax.associative_scan(chain, (a, b))[1]


def chunked(a: jax.Array, b: jax.Array, chunk: int, *, h_0: jax.Array | None = None) -> jax.Array:
    """Run h_t = a_t h_{t-1} + b_t in all chunks of C steps side by side, then join the chunks.

    Each chunk starts from 0 and keeps the product A of its a. The chunks' last states are then
    chained, one after the other, and A times the state before the chunk is added to its states.

    Shapes: a, b[T, ...], h_0[...], which is 0 where none is given -> h[T, ...]; C = `chunk` need
    not divide T.
    Raises: ValueError (shapes that do not fit, T = 0, or a chunk under 1).
    Reference: Blelloch (1990), "Prefix sums and their applications", where a chunk is the share of
    one processor.
    """
    if not (isinstance(chunk, int) and chunk >= 1):
        raise ValueError(f"chunk must be a whole number of steps >= 1, got {chunk}")
    h_0 = _start(a, b, h_0)
    missing = jnp.zeros((-len(a) % chunk, *h_0.shape), h_0.dtype)

    def side_by_side(x: jax.Array) -> jax.Array:  # [T, ...] -> [C, T / C, ...]
        return jnp.concatenate([x, missing]).reshape(-1, chunk, *h_0.shape).swapaxes(0, 1)

    def step(before: Step, now: Step) -> tuple[Step, Step]:
        both = chain(before, now)
        return both, both

    steps = side_by_side(a), side_by_side(b)
    stay = jnp.ones_like(steps[0][0]), jnp.zeros_like(steps[1][0])  # h -> 1 h + 0
    _, (products, inside) = jax.lax.scan(step, stay, steps)
    ends = sequential(products[-1], inside[-1], h_0=h_0)  # [T / C, ...]
    before = jnp.concatenate([h_0[None], ends[:-1]])
    h = inside + products * before[None]
    return h.swapaxes(0, 1).reshape(-1, *h_0.shape)[: len(a)]


def _start(a: jax.Array, b: jax.Array, h_0: jax.Array | None) -> jax.Array:
    """Check the shapes, and return the state before the first step."""
    if a.shape != b.shape or a.ndim == 0 or len(a) == 0:
        raise ValueError(f"a and b must both be [T, ...] with T >= 1, got {a.shape} and {b.shape}")
    if h_0 is None:
        return jnp.zeros_like(b[0])
    if h_0.shape != b.shape[1:]:
        raise ValueError(f"h_0 must be {b.shape[1:]}, as a step of a and b is, got {h_0.shape}")
    return h_0
