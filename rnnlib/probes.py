"""Probes: what reaches a network's output, the surface that it learns on, how far back it looks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from numpy.typing import ArrayLike

_ROWS = 16  # read side by side: the logits of 16 texts of 500 words out of 5,000 take 160 MB


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
    Raises: ValueError for an empty sequence, or fewer than two probes.
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
    Raises: TypeError for a cell whose state is not such a pair.
    Reference: Hochreiter & Schmidhuber (1997), "Long short-term memory". Derived in lesson 03.
    """
    return _OnePath(_with_pair(lstm), "c")


def gate_path(lstm: Any) -> Any:
    """Return an LSTM whose gradient runs from h through the gates only; its values are the same.

    d c_t / d c_{t-1} = d h_t / d c_{t-1} = 0

    Shapes: a cell with state (h[H], c[H]) -> the same.
    Raises: TypeError for a cell whose state is not such a pair.
    Reference: Hochreiter & Schmidhuber (1997), "Long short-term memory". Derived in lesson 03.
    """
    return _OnePath(_with_pair(lstm), "h")


def _with_pair(cell: Any) -> Any:
    state = cell.init_state()
    if not (isinstance(state, tuple) and len(state) == 2):
        raise TypeError(f"the state must be a pair (h, c), {type(cell).__name__} has {state}")
    return cell


def loss_along(
    loss: Callable[[Any], jax.Array], model: Any, direction: Any, distances: ArrayLike
) -> tuple[jax.Array, jax.Array]:
    """Walk through weight space along a line: the loss, and the length of its gradient.

    L(w + s u) and |grad L(w + s u)|,  u = direction / |direction|

    Shapes: loss: model -> scalar; direction, a tree like the model (a gradient, say);
    distances[N], lengths in weight space -> losses[N], gradient norms[N].
    Raises: ValueError for a direction of other shapes than the model's, or of length zero.
    Reference: Pascanu, Mikolov & Bengio (2013), "On the difficulty of training recurrent neural
    networks", whose cliff this shows. Derived in lesson 03.
    """
    trees = [jax.tree.structure(tree) for tree in (model, direction)]
    shapes = [[jnp.shape(w) for w in jax.tree.leaves(tree)] for tree in (model, direction)]
    if trees[0] != trees[1] or shapes[0] != shapes[1]:
        raise ValueError(f"direction must be like the model {shapes[0]}, got {shapes[1]}")
    length = _length(direction)
    if not isinstance(length, Tracer) and not 0 < length < np.inf:
        raise ValueError(f"direction must have a positive, finite length, got {length}")

    def at(distance: jax.Array) -> tuple[jax.Array, jax.Array]:
        moved = jax.tree.map(lambda w, d: w + distance * (d / length), model, direction)
        value, gradient = jax.value_and_grad(loss)(moved)
        return value, _length(gradient)

    return jax.lax.map(at, jnp.asarray(distances, jnp.float32))


def _length(tree: Any) -> jax.Array:
    """Return the root of the sum of all squares."""
    return jnp.linalg.norm(jnp.stack([jnp.linalg.norm(w) for w in jax.tree.leaves(tree)]))


def cut_context(
    model: Callable[[jax.Array], jax.Array],
    tokens: ArrayLike,
    ends: ArrayLike,
    contexts: Sequence[int],
) -> jax.Array:
    """Measure what a language model loses if it sees only the last c tokens, for each c.

    -log p(tokens[e] | tokens[e - c .. e - 1])

    Shapes and units: model: tokens[T] -> logits[T, V]; tokens[L], ends[N], C contexts
    -> losses[C, N], in nats. Each context is compiled once and read from the zero state.
    Raises: ValueError for a context under 1, or an end that lacks it or lies outside the text.
    Reference: Khandelwal, He, Qi & Jurafsky (2018), "Sharp nearby, fuzzy far away". Derived in
    lesson 05.
    """
    tokens, ends = _checked(tokens, ends, contexts)
    windows = (_last(tokens, ends, context) for context in contexts)
    return jnp.stack([_losses(model, window, tokens[ends]) for window in windows])


def shuffle_context(
    model: Callable[[jax.Array], jax.Array],
    tokens: ArrayLike,
    ends: ArrayLike,
    nears: Sequence[int],
    *,
    length: int,
    key: jax.Array,
) -> jax.Array:
    """Measure what a language model loses if the order of all but the nearest tokens is lost.

    -log p(tokens[e] | permuted tokens[e - length .. e - near - 1], tokens[e - near .. e - 1])

    Every target and every `near` has its own permutation; near = length permutes nothing.

    Shapes and units: as in `cut_context`, with M nears -> losses[M, N], in nats.
    Raises: ValueError for a near outside 0 .. length, and as `cut_context`.
    Reference: Khandelwal, He, Qi & Jurafsky (2018), "Sharp nearby, fuzzy far away". Derived in
    lesson 05.
    """
    tokens, ends = _checked(tokens, ends, [length])
    if not len(nears) or not 0 <= min(nears) <= max(nears) <= length:
        raise ValueError(f"nears must be in 0 .. length = {length}, got {list(nears)}")
    places, shape = np.arange(length), (len(nears), len(ends), length)
    far = places < length - np.asarray(nears)[:, None]  # [M, length]
    ranks = jnp.where(far[:, None], jax.random.uniform(key, shape), places[None, None])
    order = np.argsort(ranks, axis=-1)  # far ones first, at random; then the near ones as they are
    windows = np.take_along_axis(_last(tokens, ends, length)[None], order, axis=-1)
    targets = np.tile(tokens[ends], len(nears))
    return _losses(model, windows.reshape(-1, length), targets).reshape(shape[:2])


def _checked(
    tokens: ArrayLike, ends: ArrayLike, contexts: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    found = np.asarray(ends)
    if found.ndim != 1 or not found.size or not 0 <= found.min() <= found.max() < np.size(tokens):
        raise ValueError(f"ends must be places in a text of {np.size(tokens)} tokens, got {ends}")
    if not len(contexts) or min(contexts) < 1:
        raise ValueError(f"contexts must be one or more numbers >= 1, got {list(contexts)}")
    if max(contexts) > found.min():
        raise ValueError(f"a context of {max(contexts)} does not fit before end {found.min()}")
    return np.asarray(tokens), found


def _last(tokens: np.ndarray, ends: np.ndarray, context: int) -> np.ndarray:
    """Cut out the tokens before each end: [N, context]."""
    return tokens[ends[:, None] - context + np.arange(context)]


def _losses(model: Any, windows: np.ndarray, targets: np.ndarray) -> jax.Array:
    """Return -log p(target | window) for windows[N, c] and targets[N].

    `prefill`, where a model has it, scores the last token only: over 5,000 words that is three
    times as fast as scoring them all.
    """

    def loss(pair: tuple[jax.Array, jax.Array]) -> jax.Array:
        window, target = pair
        logits = model.prefill(window)[1] if hasattr(model, "prefill") else model(window)[-1]
        return -jax.nn.log_softmax(logits)[target]

    count = len(targets)
    rows = np.arange(-(-count // _ROWS) * _ROWS) % count  # whole batches: one program for all
    return jax.lax.map(loss, (windows[rows], targets[rows]), batch_size=_ROWS)[:count]
