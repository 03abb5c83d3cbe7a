"""The fast layers compute what the plain cells compute: values, and gradients of all they read."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from rnnlib.models import cells, fused

CELLS = [cells.LSTM, cells.GRU]
B, T, D, H = 3, 11, 5, 7


def plain(cell, xs):
    return jax.vmap(lambda xs: cells.unroll(cell, xs)[1])(xs)


def example(kind, dtype=jnp.float32, seed=0, steps=T):
    """A cell with biases, its inputs, and weights for its outputs."""
    keys = jax.random.split(jax.random.key(seed), 3)
    cell = kind(D, H, rngs=nnx.Rngs(keys[0]))
    cell.b[...] = cell.b[...] + jnp.linspace(-1, 1, cell.b.size)
    cell = jax.tree.map(lambda w: w.astype(dtype), cell)
    xs = 2 * jax.random.normal(keys[1], (B, steps, D)).astype(dtype)
    return cell, xs, jax.random.normal(keys[2], (B, steps, H))


def value_and_grads(unroll, cell, xs, weights):
    return jax.value_and_grad(lambda c, x: (weights * unroll(c, x)).sum(), (0, 1))(cell, xs)


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("steps", [1, T, fused.CHUNK, fused.CHUNK + 1, 2 * fused.CHUNK + 5])
def test_values_and_gradients_are_those_of_the_plain_cell(kind, steps):
    """Of sequences shorter than a chunk, as long as some, and a bit longer."""
    case = example(kind, steps=steps)
    np.testing.assert_allclose(fused.unroll_batch(*case[:2]), plain(*case[:2]), atol=2e-6)
    ours, theirs = value_and_grads(fused.unroll_batch, *case), value_and_grads(plain, *case)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), ours, theirs)


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("steps", [T, fused.CHUNK + T])
def test_in_bfloat16_the_result_is_near_that_of_float32(kind, steps):
    """The plain cell keeps narrower states, and its error grows with the steps; ours does not."""
    cell, xs, weights = example(kind, jnp.bfloat16, steps=steps)
    wide = jax.tree.map(lambda w: w.astype(jnp.float32), (cell, xs))
    exact = jax.tree.leaves(value_and_grads(plain, *wide, weights))
    for unroll, most in ((fused.unroll_batch, 0.006), (plain, 0.02)):
        found = jax.tree.leaves(value_and_grads(unroll, cell, xs, weights))
        for a, b in zip(found, exact, strict=True):
            error = np.linalg.norm(np.asarray(a, np.float32) - b) / np.linalg.norm(b)
            assert error < most  # bfloat16 keeps 8 bits: one rounding is off by 0.2 % at most
    assert fused.unroll_batch(cell, xs).dtype == jnp.float32


@pytest.mark.parametrize("kind", CELLS)
def test_gradients_reach_back_through_saturated_gates(kind):
    """Weights so large that sigmoids are 0 or 1: nothing overflows, and 0 times it is 0."""
    cell, xs, weights = example(kind)
    cell = jax.tree.map(lambda w: 100 * w, cell)
    ours, theirs = (value_and_grads(run, cell, xs, weights) for run in (fused.unroll_batch, plain))
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-4)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(ours))


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("shape", [(1, 1, D), (1, 4, D), (4, 1, D)])
def test_one_sequence_and_one_step_are_enough(kind, shape):
    cell, _, _ = example(kind)
    xs = jax.random.normal(jax.random.key(1), shape)
    np.testing.assert_allclose(fused.unroll_batch(cell, xs), plain(cell, xs), atol=2e-6)


@pytest.mark.parametrize("kind", CELLS)
def test_seeds_may_be_mapped_over(kind):
    """As train.fit_seeds does: on a GPU by vmap, on CPU by lax.map."""
    cases = [example(kind, seed=seed, steps=fused.CHUNK + T) for seed in range(2)]
    both = jax.tree.map(lambda *leaves: jnp.stack(leaves), *cases)
    expected = [value_and_grads(plain, *case) for case in cases]
    expected = jax.tree.map(lambda *leaves: jnp.stack(leaves), *expected)
    one = lambda case: value_and_grads(fused.unroll_batch, *case)  # noqa: E731
    for found in (jax.vmap(one)(both), jax.lax.map(one, both)):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=5e-5), found, expected)


@pytest.mark.parametrize("kind", CELLS)
def test_steps_of_training_may_be_one_scan(kind):
    cell, xs, weights = example(kind, steps=fused.CHUNK + T)

    def trained(unroll):
        def step(cell, _):
            loss, (grads, _) = value_and_grads(unroll, cell, xs, weights)
            return jax.tree.map(lambda w, d: w - 1e-3 * d, cell, grads), loss

        return jax.jit(lambda cell: jax.lax.scan(step, cell, length=3))(cell)

    ours, theirs = trained(fused.unroll_batch), trained(plain)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=5e-5), ours, theirs)


def test_rows_may_be_spread_over_the_devices():
    cell, xs, weights = example(cells.LSTM)
    rows = 2 * len(jax.devices())
    xs, weights = (jnp.resize(a, (rows, *a.shape[1:])) for a in (xs, weights))

    def loss(cell, xs, weights):
        grads = jax.grad(lambda c: (weights * fused.unroll_batch(c, xs)).sum())(cell)
        return jax.lax.psum(grads, "rows")

    mesh = Mesh(np.array(jax.devices()), ("rows",))
    specs = {"in_specs": (P(), P("rows"), P("rows")), "out_specs": P(), "check_vma": False}
    spread = jax.jit(jax.shard_map(loss, mesh=mesh, **specs))(cell, xs, weights)
    whole = value_and_grads(plain, cell, xs, weights)[1][0]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=5e-5), spread, whole)


@pytest.mark.parametrize("kind", CELLS)
def test_weight_gradients_are_added_up_chunk_by_chunk(kind):
    """Automatic differentiation carries them from step to step, and this file does not."""
    cell, xs, weights = example(kind, steps=2 * fused.CHUNK + 5)

    def lengths(unroll):
        jaxpr = jax.make_jaxpr(lambda: value_and_grads(unroll, cell, xs, weights))()
        return [length for length, shape in carries(jaxpr.jaxpr) if shape == cell.w_h.shape]

    assert lengths(plain) == [xs.shape[1]]
    assert lengths(fused.unroll_batch) == [2]


def carries(jaxpr):
    """Yield how often each loop of a program runs, and what it carries from step to step."""
    for eqn in jaxpr.eqns:
        inner = [p for p in eqn.params.values() if hasattr(p, "jaxpr") or hasattr(p, "eqns")]
        if eqn.primitive.name == "scan":
            for aval in eqn.params["jaxpr"].out_avals[: eqn.params["num_carry"]]:
                yield eqn.params["length"], aval.shape
        for program in inner:
            yield from carries(getattr(program, "jaxpr", program))


@pytest.mark.parametrize("kind", CELLS)
def test_there_is_no_forward_mode_derivative(kind):
    cell, xs, _ = example(kind)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(lambda xs: fused.unroll_batch(cell, xs), (xs,), (xs,))


@pytest.mark.parametrize(
    ("cell", "shape", "message"),
    [
        (cells.RNN(D, H, rngs=nnx.Rngs(0)), (B, T, D), "an LSTM or a GRU, got RNN"),
        (cells.LSTM(D, H, rngs=nnx.Rngs(0)), (T, D), r"xs must be \[B, T, 5\], got \[11, 5\]"),
        (cells.LSTM(D, H, rngs=nnx.Rngs(0)), (B, T, H), r"got \[3, 11, 7\]"),
    ],
)
def test_bad_input(cell, shape, message):
    with pytest.raises(ValueError, match=message):
        fused.unroll_batch(cell, jnp.zeros(shape))


@pytest.mark.parametrize("cell", [cells.LSTM, cells.GRU])
def test_a_bias_may_be_wider_than_the_weights(cell):
    made = cell(3, 4, rngs=nnx.Rngs(0))
    narrow = lambda w: w.astype(jnp.bfloat16) if w.ndim == 2 else w  # noqa: E731
    made = jax.tree.map(narrow, made)
    xs = jax.random.normal(jax.random.key(0), (2, 5, 3))
    grads = jax.grad(lambda cell: (fused.unroll_batch(cell, xs) ** 2).sum())(made)
    assert grads.b[...].dtype == jnp.float32 and grads.w_h[...].dtype == jnp.bfloat16
