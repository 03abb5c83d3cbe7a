"""Fast weights: a recurrent cell whose state is a matrix, to which every step adds a pair."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

Memory = tuple[jax.Array, jax.Array]  # S[d, d], and the key [d] of the token before


class Pair(NamedTuple):
    """What the cell makes of an input, or, with a leading axis, of many."""

    query: jax.Array  # [d], of length 1
    key: jax.Array  # [d], of length 1
    value: jax.Array  # [d]
    write: jax.Array  # [], 0 to 1
    log_keep: jax.Array  # [], 0 at the most


class FastWeights(nnx.Module):
    """A matrix that maps keys to values: each step writes one pair, and reads with one query.

    q_t, k_t = x_t W_q, x_{t-1} W_k, each scaled to length 1;  v_t = x_t W_v
    S_t      = a_t S_{t-1} + β_t (v_t - p_t) k_t^T
    y_t      = [S_t q_t, x_t] W_o

    with p_t = 0, or, with `delta`, p_t = a_t S_{t-1} k_t, which is what the matrix holds for that
    key so far: so it is replaced, where else the new value is added to it. How much is written is
    β_t = sigmoid(x_t w_β + b_β); how much is kept is a_t = sigmoid(x_t w_a + b_a), or 1 unless
    `gated`. The key is that of the token *before*: a token is stored as its predecessor's value.

    Shapes: x[D], state (S[d, d], k[d]) with d = `size`; W_x has the columns q, k, v, β and a.
    Raises: ValueError (a size under 1).
    Reference: Schmidhuber (1992), "Learning to control fast-weight memories"; Schlag, Irie &
    Schmidhuber (2021), "Linear Transformers are secretly fast weight programmers" (the delta rule);
    Yang, Kautz & Hatamizadeh (2025), "Gated delta networks". Derived in lesson 12.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        size: int = 8,
        delta: bool = False,
        gated: bool = False,
        rngs: nnx.Rngs,
    ):
        if min(inputs, hidden, size) < 1:
            raise ValueError(
                f"inputs, hidden and size must be >= 1, got {inputs}, {hidden} and {size}"
            )
        self.hidden, self.size, self.delta, self.gated = hidden, size, delta, gated
        columns = 3 * size + 1 + gated
        normal = jax.random.normal
        self.w_x = nnx.Param(inputs**-0.5 * normal(rngs.params(), (inputs, columns), jnp.float32))
        gates = jnp.array([0.0, 4.0][: 1 + gated], jnp.float32)  # a starts near 1: nothing is lost
        self.b = nnx.Param(gates)  # [1] or [2]
        rows = size + inputs
        self.w_o = nnx.Param(rows**-0.5 * normal(rngs.params(), (rows, hidden), jnp.float32))

    def init_state(self) -> Memory:
        """Return S_0 = 0, of shape [d, d], and the key of no token, 0[d]."""
        return jnp.zeros((self.size, self.size), jnp.float32), jnp.zeros(self.size, jnp.float32)

    def read(self, x: jax.Array) -> Pair:
        """Return what an input x[D] asks, names and says; its key is for the next one's value."""
        u, d = x @ self.w_x[...], self.size
        gates = u[3 * d :] + self.b[...]
        log_keep = jax.nn.log_sigmoid(gates[1]) if self.gated else jnp.zeros_like(gates[0])
        return Pair(
            _unit(u[:d]), _unit(u[d : 2 * d]), u[2 * d : 3 * d], jax.nn.sigmoid(gates[0]), log_keep
        )

    def __call__(self, state: Memory, x: jax.Array) -> tuple[Memory, jax.Array]:
        """Take one step: state (S[d, d], k[d]), input x[D] -> new state, output y[H]."""
        matrix, key = state
        now = self.read(x)
        matrix = jnp.exp(now.log_keep) * matrix
        before = matrix @ key if self.delta else 0.0
        matrix = matrix + now.write * jnp.outer(now.value - before, key)
        return (matrix, now.key), jnp.concatenate([matrix @ now.query, x]) @ self.w_o[...]

    def parallel(self, xs: jax.Array, chunk: int = 64) -> jax.Array:
        """Run the whole sequence in chunks of C steps: xs[T, D] -> ys[T, H], as `unroll` does.

        Within a chunk no matrix is made: with A_t = a_1 ... a_t,

        S_t = A_t S_0 + Σ_{s <= t} A_t / A_s u_s k_s^T,    u_t = β_t (v_t - p_t)

        and the u of the delta rule solve a triangular system, whose entries compare keys with keys.
        Where gates forget nearly all at each step, A_t / A_s loses digits in long chunks.

        Raises: ValueError (a chunk under 1).
        Reference: Yang et al. (2024), "Parallelizing linear Transformers with the delta rule over
        sequence length".
        """
        if not (isinstance(chunk, int) and chunk >= 1):
            raise ValueError(f"chunk must be a whole number of steps >= 1, got {chunk}")
        pairs = jax.vmap(self.read)(xs)
        pairs = pairs._replace(key=jnp.concatenate([jnp.zeros_like(pairs.key[:1]), pairs.key[:-1]]))
        missing = -len(xs) % chunk  # steps that write nothing and keep all

        def in_chunks(part: jax.Array) -> jax.Array:
            padded = jnp.pad(part, [(0, missing)] + [(0, 0)] * (part.ndim - 1))
            return padded.reshape(-1, chunk, *part.shape[1:])

        _, read = jax.lax.scan(self._chunk, self.init_state()[0], jax.tree.map(in_chunks, pairs))
        read = read.reshape(-1, self.size)[: len(xs)]
        return jnp.concatenate([read, xs], axis=1) @ self.w_o[...]

    def _chunk(self, matrix: jax.Array, pairs: Pair) -> tuple[jax.Array, jax.Array]:
        """Write a chunk of pairs, and read with each query: S[d, d], [C, ...] -> S, [C, d]."""
        q, k, v, write, log_keep = pairs
        log_a = jnp.cumsum(log_keep)  # ln A_t
        log_ratio = log_a[:, None] - log_a[None, :]  # ln(A_t / A_s): at most 0 where s <= t
        ratio = jnp.exp(jnp.where(jnp.tri(len(k), dtype=bool), log_ratio, -jnp.inf))
        a = jnp.exp(log_a)[:, None]
        u = write[:, None] * v
        if self.delta:
            u = u - write[:, None] * a * (k @ matrix.T)
            earlier = jnp.tril(write[:, None] * ratio * (k @ k.T), -1)  # and 1 on the diagonal
            u = jax.scipy.linalg.solve_triangular(earlier, u, lower=True, unit_diagonal=True)
        ys = a * (q @ matrix.T) + (ratio * (q @ k.T)) @ u
        return a[-1:] * matrix + (ratio[-1][:, None] * u).T @ k, ys


def _unit(x: jax.Array) -> jax.Array:
    """Scale to length 1; a vector of length 0 stays one."""
    return x * jax.lax.rsqrt(jnp.sum(x**2) + 1e-6)
