"""How strongly a network's last output depends on its earlier states."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class GradientNorms(NamedTuple):
    """How strongly the last output depends on the state k steps before: leaves [T], index k."""

    norm: Any  # g(k) for each leaf of the state
    error: Any  # its standard error, from the spread of the probes


def gradient_norms(cell: Any, xs: jax.Array, key: jax.Array, *, probes: int = 8) -> GradientNorms:
    """Measure how strongly a cell's last output depends on its state k steps before.

    g(k) = ||J_k||_F / sqrt(H),  J_k = d h_T / d s_{T-k},  ||J||_F^2 = E |v J|^2 for v_i = ±1

    A perturbation of size 0 is added to the state after every step; one backward pass per probe v
    gives v J_k for all k at once. The output is h, the first leaf of the state: at lag 0, J is the
    identity for h, where g = 1, and zero for the LSTM's c.

    The mean of |v J|^2 is unbiased; one probe's relative variance is at most
    2 ||J J^T||_F^2 / ||J||_F^4 <= 2, so that g's relative standard error is at most 1 / sqrt(2 P)
    and its bias, from the root, between about -1 / (4 P) and 0: 25 % and 3 % for 8 probes.

    Shapes: xs[T, D] -> norm and error, trees like the state with leaves [T], index k = 0 .. T - 1.
    Norms under about 1e-36 fade to 0: float32 ends there.
    Raises: ValueError (an empty sequence, or fewer than two probes).
    Reference: Pascanu, Mikolov & Bengio (2013), "On the difficulty of training recurrent neural
    networks"; Hutchinson (1990), "A stochastic estimator of the trace of the influence matrix for
    Laplacian smoothing splines". Derived in lesson 03.
    """
    if len(xs) < 1:
        raise ValueError("xs must hold at least one step, got none")
    if probes < 2:
        raise ValueError(f"probes must be >= 2, or they have no spread, got {probes}")

    def last_output(deltas: Any) -> jax.Array:
        def step(state: Any, x_and_delta: tuple[jax.Array, Any]) -> tuple[Any, None]:
            x, delta = x_and_delta
            state, _ = cell(state, x)
            return jax.tree.map(jnp.add, state, delta), None

        state, _ = jax.lax.scan(step, cell.init_state(), (xs, deltas))
        return jax.tree.leaves(state)[0]

    deltas = jax.tree.map(lambda s: jnp.zeros((len(xs), *s.shape), s.dtype), cell.init_state())
    h, pull_back = jax.vjp(last_output, deltas)
    vs = jax.random.rademacher(key, (probes, *h.shape), h.dtype)
    (products,) = jax.vmap(pull_back)(vs)  # leaves [P, T, H]: the step after which, not the lag
    leaves, structure = jax.tree.flatten(products)
    norms, errors = zip(*(_norm_and_error(leaf[:, ::-1]) for leaf in leaves), strict=True)
    return GradientNorms(structure.unflatten(norms), structure.unflatten(errors))


def _norm_and_error(products: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the root mean square of v J, and its standard error: [P, T, H] -> [T], [T].

    Each lag is scaled by its largest entry first: the square of 1e-30 is 0 in float32.
    """
    probes, _, hidden = products.shape
    largest = jnp.abs(products).max(axis=(0, 2))  # [T]
    scale = jnp.where(largest > jnp.finfo(products.dtype).tiny, largest, 1)
    squares = jnp.sum((products / scale[None, :, None]) ** 2, axis=2)  # [P, T]
    mean = squares.mean(axis=0)
    norm = scale * jnp.sqrt(mean / hidden)
    error_of_mean = squares.std(axis=0, ddof=1) / probes**0.5
    return norm, norm * error_of_mean / (2 * jnp.where(mean > 0, mean, 1))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _OnePath:
    """An LSTM of the same values whose gradient ends where h, or c, enters a step."""

    lstm: Any
    open_to: str = field(metadata={"static": True})  # "h" or "c"

    def init_state(self) -> tuple[jax.Array, jax.Array]:
        return self.lstm.init_state()

    def __call__(self, state: tuple[jax.Array, jax.Array], x: jax.Array) -> tuple[Any, jax.Array]:
        h, c = state
        if self.open_to == "c":
            return self.lstm((jax.lax.stop_gradient(h), c), x)
        return self.lstm((h, jax.lax.stop_gradient(c)), x)


def cell_path(lstm: Any) -> Any:
    """Return an LSTM whose gradient runs along the cell state only; its values are the same.

    d c_t / d c_{t-1} = f_t,  d c_t / d h_{t-1} = d h_t / d h_{t-1} = 0

    Shapes: a cell with state (h[H], c[H]) -> the same.
    Raises: TypeError (a cell whose state is not such a pair).
    Reference: Hochreiter & Schmidhuber (1997), "Long short-term memory". Derived in lesson 03.
    """
    return _OnePath(_with_pair(lstm), "c")


def gate_path(lstm: Any) -> Any:
    """Return an LSTM whose gradient runs from h through the gates only; its values are the same.

    d c_t / d c_{t-1} = d h_t / d c_{t-1} = 0

    Shapes: a cell with state (h[H], c[H]) -> the same.
    Raises: TypeError (a cell whose state is not such a pair).
    Reference: Hochreiter & Schmidhuber (1997), "Long short-term memory". Derived in lesson 03.
    """
    return _OnePath(_with_pair(lstm), "h")


def _with_pair(cell: Any) -> Any:
    state = cell.init_state()
    if not (isinstance(state, tuple) and len(state) == 2):
        raise TypeError(f"the state must be a pair (h, c), {type(cell).__name__} has {state}")
    return cell
