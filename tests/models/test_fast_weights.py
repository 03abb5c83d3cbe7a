"""Fast weights: against a NumPy loop, in chunks as step by step, and with weights set by hand."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.models.cells import unroll
from rnnlib.models.fast_weights import FastWeights
from rnnlib.models.language_model import LanguageModel

D, T = 5, 50

WHOLE = {"delta": True, "gated": True}
each_kind = pytest.mark.parametrize(
    "kind", [{"delta": d, "gated": g} for d in (False, True) for g in (False, True)], ids=str
)

with_and_without_delta = pytest.mark.parametrize("kind", [{"gated": True}, WHOLE], ids=str)


def make(kind, hidden=D, size=D):
    """Make a cell whose gates are all used: some tokens write little, some forget much."""
    made = FastWeights(D, hidden, size=size, rngs=nnx.Rngs(0), **kind)
    made.b[...] = jnp.array([0.5, 1.5])[: len(made.b[...])]
    return made


def inputs(steps=T):
    return jax.random.normal(jax.random.key(1), (steps, D))


unrolled = jax.jit(unroll)


def in_sequence(cell, xs):
    return unrolled(cell, xs)[1]


@partial(jax.jit, static_argnames="chunk")
def in_parallel(cell, xs, chunk=7):
    return cell.parallel(xs, chunk)


def in_one_chunk(cell, xs):
    return in_parallel(cell, xs, chunk=200)


def unit(x):
    """Scale to length 1, but for what keeps it from dividing by 0."""
    return x / np.sqrt(x @ x + 1e-6)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def in_numpy(cell, xs, *, delta, gated):
    """Run a cell in double precision, as the delta rule is written: S <- a S (1 - β k k^T) + ..."""
    xs, w_x, b, w_o = (
        np.asarray(w, float) for w in (xs, cell.w_x[...], cell.b[...], cell.w_o[...])
    )
    size, ys = cell.size, []
    matrix, key = np.zeros((size, size)), np.zeros(size)
    for x in xs:
        q, k, v, gates = np.split(x @ w_x, [size, 2 * size, 3 * size])
        write, keep = sigmoid(gates[0] + b[0]), sigmoid(gates[1] + b[1]) if gated else 1.0
        forget = np.eye(size) - write * np.outer(key, key) * delta
        matrix = keep * matrix @ forget + write * np.outer(v, key)
        ys.append(np.concatenate([matrix @ unit(q), x]) @ w_o)
        key = unit(k)
    return np.array(ys), matrix, key


@each_kind
def test_in_parallel_and_in_sequence_as_in_numpy(kind):
    cell, xs = make(kind, hidden=7, size=4), inputs(4096)
    expected, matrix, key = in_numpy(cell, xs, **kind)
    (last_matrix, last_key), ys = unrolled(cell, xs)
    parallel = in_parallel(cell, xs, chunk=64)
    largest = max(1, np.abs(matrix).max() / 10)  # a sum of 4,096 pairs is large
    close = partial(np.testing.assert_allclose, rtol=0, atol=1e-4 * largest)
    for found, wanted in zip(
        (ys, parallel, last_matrix, last_key), (expected, expected, matrix, key), strict=True
    ):
        close(found, wanted)


@with_and_without_delta
@pytest.mark.parametrize("chunk", [1, 7, 200])
def test_any_chunk_will_do(kind, chunk):
    cell, xs = make(kind), inputs()
    np.testing.assert_allclose(in_parallel(cell, xs, chunk), in_sequence(cell, xs), atol=1e-4)


@partial(jax.jit, static_argnames="run")
def gradients(cell, xs, run):
    mix = jax.random.normal(jax.random.key(2), xs.shape)
    return jax.grad(lambda cell, xs: (mix * run(cell, xs)).sum(), (0, 1))(cell, xs)


@pytest.mark.slow
@pytest.mark.parametrize("keep", [1.5, -3.0])
def test_gradients_in_parallel_as_in_sequence(keep):
    """Also where a chunk forgets so much that 1 / A_t, which no step needs, would be infinite."""
    cell, xs = make(WHOLE), inputs()
    cell.b[...] = jnp.array([0.5, keep])
    parallel, sequential = gradients(cell, xs, in_one_chunk), gradients(cell, xs, in_sequence)
    for a, b in zip(*map(jax.tree.leaves, (parallel, sequential)), strict=True):
        assert np.abs(b).max() > 1e-2
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-4 * np.abs(b).max())


@with_and_without_delta
@pytest.mark.parametrize("run", [in_sequence, in_parallel])
def test_the_future_does_not_reach_the_past(kind, run):
    cell, xs = make(kind), inputs()
    before, after = run(cell, xs), run(cell, xs.at[11].add(1.0))
    np.testing.assert_allclose(before[:11], after[:11], rtol=0, atol=1e-6)
    assert np.abs(before - after)[11:16].max(axis=1).min() > 1e-3  # over a chunk's border, too


A, B, C, HALVE, WIPE = range(5)


def read_out(*tokens, **kind):
    """Ask for the last token: a cell whose keys, values and outputs are one-hot, run both ways.

    Each pair is written whole. A gated cell forgets all at WIPE, half at HALVE, else nothing.
    """
    cell, one = FastWeights(5, 5, size=5, rngs=nnx.Rngs(0), **kind), jnp.eye(5)
    gates = jnp.zeros((5, 2)).at[HALVE, 1].set(-20.0).at[WIPE, 1].set(-40.0)
    cell.w_x[...] = jnp.concatenate([one, one, one, gates], axis=1)[:, : cell.w_x[...].shape[1]]
    cell.b[...] = jnp.full(cell.b[...].shape, 20.0)
    cell.w_o[...] = jnp.concatenate([one, jnp.zeros((5, 5))])
    xs = one[jnp.array([*tokens, *[C] * (T - len(tokens))])]
    ys = in_sequence(cell, xs)
    np.testing.assert_allclose(in_parallel(cell, xs), ys, atol=1e-4)
    return np.round(np.asarray(ys[len(tokens) - 1]), 3).tolist()


@each_kind
def test_a_key_is_answered_by_the_token_that_came_behind_it(kind):
    assert read_out(A, B, C, A, **kind) == [0, 1, 0, 0, 0]
    assert read_out(C, A, B, B, C, **kind) == [1, 0, 0, 0, 0]
    assert read_out(A, B, C, **kind) == [0] * 5  # nothing has come behind C yet
    assert read_out(A, A, **kind) == [1, 0, 0, 0, 0]  # what is read is already written


@pytest.mark.parametrize("gated", [False, True])
def test_the_delta_rule_replaces_what_is_else_added_to(gated):
    assert read_out(A, B, A, C, A, delta=True, gated=gated) == [0, 0, 1, 0, 0]
    assert read_out(A, B, A, C, A, delta=False, gated=gated) == [0, 1, 1, 0, 0]
    assert read_out(A, B, A, B, A, delta=True, gated=gated) == [0, 1, 0, 0, 0]
    assert read_out(A, B, A, B, A, delta=False, gated=gated) == [0, 2, 0, 0, 0]


@pytest.mark.parametrize("delta", [False, True])
def test_only_a_gated_cell_forgets(delta):
    assert read_out(A, B, WIPE, A, delta=delta, gated=True) == [0] * 5
    assert read_out(A, B, HALVE, A, delta=delta, gated=True) == [0, 0.5, 0, 0, 0]
    assert read_out(A, B, HALVE, C, HALVE, A, delta=delta, gated=True) == [0, 0.25, 0, 0, 0]
    assert read_out(A, HALVE, A, delta=delta, gated=True) == [0, 0, 0, 1, 0]  # the new is whole
    assert read_out(A, B, WIPE, A, delta=delta, gated=False) == [0, 1, 0, 0, 0]


def test_what_is_forgotten_is_not_replaced():
    """The delta rule asks what is still there: of B a half is taken away, not the whole."""
    assert read_out(A, B, A, HALVE, A, delta=True, gated=True) == [0, 0, 0, 1, 0]


@pytest.mark.slow
def test_a_language_model_of_it_reads_in_one_piece_as_in_steps():
    cell, tokens = partial(FastWeights, size=3, **WHOLE), jnp.array([3, 1, 4, 1, 5, 2, 6, 5])
    model = LanguageModel(9, 8, cell=cell, layers=2, rngs=nnx.Rngs(0))

    def step(state, token):
        state, logits = model.step(state, token)
        return state, (logits, *state)

    def all_ways(tokens):
        steps = jax.lax.scan(step, model.init_state(), tokens)
        return model(tokens), model.states(tokens), model.prefill(tokens), steps

    whole, (matrices, keys), prefill, (last, (logits, *states)) = jax.jit(all_ways)(tokens)
    assert whole.shape == (8, 9)
    assert matrices.shape == (2, 8, 3, 3) and keys.shape == (2, 8, 3)
    np.testing.assert_allclose(logits, whole, atol=1e-5)
    for after_each, found in zip(states, (matrices, keys), strict=True):
        np.testing.assert_allclose(after_each, jnp.moveaxis(found, 1, 0), atol=1e-5)
    for a, b in zip(jax.tree.leaves(prefill), (*last, whole[-1]), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_cell_starts_with_an_empty_matrix_and_keeps_nearly_all():
    cell = FastWeights(D, 7, size=3, gated=True, rngs=nnx.Rngs(0))
    assert [leaf.tolist() for leaf in cell.init_state()] == [[[0] * 3] * 3, [0] * 3]
    np.testing.assert_array_equal(cell.b[...], [0, 4])
    pair = jax.jit(jax.vmap(cell.read))(inputs())
    np.testing.assert_allclose(np.linalg.norm(pair.key, axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(pair.query, axis=1), 1, atol=1e-3)
    assert 0.9 < np.exp(pair.log_keep).mean() < 1
    state, _ = cell(cell.init_state(), inputs(1)[0])
    assert not np.any(state[0])  # the first token has no key to be stored under


@pytest.mark.parametrize("kind", [{}, WHOLE], ids=str)
def test_weights_states_and_outputs_are_float32_whatever_the_default(kind, enable_x64):
    with enable_x64(True):
        cell, xs = FastWeights(D, 7, rngs=nnx.Rngs(0), **kind), jnp.ones((T, D), jnp.float32)
        outputs = jax.eval_shape(lambda cell, xs: (unroll(cell, xs), cell.parallel(xs)), cell, xs)
        leaves = jax.tree.leaves((cell, cell.init_state(), outputs))
        assert {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}


@pytest.mark.parametrize("sizes", [(0, 7, 4), (5, 0, 4), (5, 7, 0)])
def test_bad_sizes_are_refused(sizes):
    message = "inputs, hidden and size must be >= 1, got {}, {} and {}".format(*sizes)
    with pytest.raises(ValueError, match=message):
        FastWeights(*sizes[:2], size=sizes[2], rngs=nnx.Rngs(0))


@pytest.mark.parametrize("chunk", [0, -1, 2.5, None])
def test_bad_chunks_are_refused(chunk):
    with pytest.raises(
        ValueError, match=f"chunk must be a whole number of steps >= 1, got {chunk}"
    ):
        make({}).parallel(inputs(4), chunk)
