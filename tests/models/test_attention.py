"""Attention against the definition, written as loops, and against what each form promises."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from programs import array_sizes
from weighted_means import (
    HEADS,
    D,
    as_cache,
    causal_by_hand,
    drawn,
    gradients,
    rotated,
    summary,
)

from rnnlib.models.attention import attend, attend_blockwise, attend_cached, rotate

blockwise = partial(attend_blockwise, block=4)
FORMS = pytest.mark.parametrize("form", [attend, blockwise], ids=["attend", "blockwise"])


def test_rotated_products_depend_on_the_distance_only():
    q, k = jax.random.normal(jax.random.key(2), (2, 1, HEADS, D))

    def product(m, n):
        at = jnp.array([m]), jnp.array([n])
        return (rotate(q, at[0]) * rotate(k, at[1])).sum(axis=-1)

    np.testing.assert_allclose(product(3, 1), product(503, 501), atol=1e-4)
    np.testing.assert_allclose(product(0, 0), (q * k).sum(axis=-1), atol=1e-5)
    assert np.abs(product(3, 1) - product(1, 3)).max() > 0.1
    assert np.abs(product(3, 1) - product(3, 2)).max() > 0.1


@FORMS
@pytest.mark.parametrize("length", [1, 11])
def test_it_is_the_weighted_mean_of_the_past(form, length):
    inputs = drawn(length)
    np.testing.assert_allclose(jax.jit(form)(*rotated(*inputs)), causal_by_hand(*inputs), atol=1e-5)


@FORMS
def test_it_gives_the_numbers_on_which_the_records_rest(form):
    """From the first version of `attend`, which rotated by itself and knew no other mask."""
    q, k, v = (
        np.sin(a * np.arange(56, dtype=np.float32)).reshape(7, 2, 4) for a in (1.1, 1.7, 2.3)
    )
    ys = form(*rotated(q, k, v))
    before = [
        [-0.2887215, 0.8888467, -0.8957129, 0.3047370],
        [0.3810532, -0.9239240, 0.8501242, -0.2089110],
        [-0.6105029, 0.5220631, -0.0851726, -0.4085656],
        [0.5484993, -0.2707772, -0.1876743, 0.5208639],
    ]
    np.testing.assert_allclose(ys[jnp.array([1, 6])].reshape(-1, 4), before, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("length", "block"), [(1, 1), (6, 1), (7, 3), (8, 4), (9, 4), (5, 100)])
def test_blocks_change_neither_values_nor_gradients(length, block):
    inputs, form = drawn(length), partial(attend_blockwise, block=block)
    np.testing.assert_allclose(jax.jit(form)(*rotated(*inputs)), causal_by_hand(*inputs), atol=1e-5)
    for got, expected in zip(gradients(form, inputs), gradients(attend, inputs), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.slow
def test_scores_whose_exponential_overflows_are_no_trouble():
    inputs = drawn(11, scale=30.0)
    own = (inputs[0] * inputs[1]).sum(axis=-1) / np.sqrt(D)  # of each position with itself
    assert own.max() > np.log(np.finfo(np.float32).max)
    np.testing.assert_allclose(
        jax.jit(blockwise)(*rotated(*inputs)), causal_by_hand(*inputs), atol=1e-3
    )
    for got, expected in zip(gradients(blockwise, inputs), gradients(attend, inputs), strict=True):
        assert np.isfinite(got).all()
        np.testing.assert_allclose(got, expected, atol=1e-3)


@pytest.mark.slow
def test_rows_of_a_batch_do_not_meet():
    batch = jax.tree.map(lambda *rows: jnp.stack(rows), drawn(9), drawn(9, scale=2.0))
    rows = jax.jit(jax.vmap(blockwise))(*batch)
    for i, row in enumerate(rows):
        np.testing.assert_allclose(row, attend(*(x[i] for x in batch)), atol=1e-5)


def test_blocks_in_the_future_are_not_read():
    """One NaN among values would show in any sum that it enters, were its weight 0."""
    q, k, v = drawn(10)
    ys = jax.jit(blockwise)(q.at[8:].set(jnp.nan), k.at[8:].set(jnp.nan), v.at[8:].set(jnp.nan))
    np.testing.assert_allclose(ys[:8], attend(q, k, v)[:8], atol=1e-5)
    assert np.isnan(ys[8:]).all()


@FORMS
def test_changing_a_future_position_changes_no_past_one(form):
    before, later = drawn(11), tuple(x.at[6].add(1.0) for x in drawn(11))
    before, after = form(*before), form(*later)
    np.testing.assert_array_equal(before[:6], after[:6])
    assert np.abs(before[6:] - after[6:]).max(axis=(1, 2)).min() > 1e-3


@pytest.mark.parametrize("what", [summary, jax.grad(summary, argnums=(1, 2, 3))])
def test_memory_grows_with_the_length_and_not_with_its_square(what):
    def largest(form, length):
        inputs = drawn(length)
        return max(array_sizes(jax.make_jaxpr(partial(what, form))(*inputs).jaxpr))

    by_block = partial(attend_blockwise, block=16)
    assert largest(attend, 512) >= HEADS * 512**2  # so the measure sees what there is
    assert largest(by_block, 512) <= HEADS * 512 * 16
    assert largest(by_block, 1024) <= 2 * largest(by_block, 512)


def test_a_query_against_a_cache_is_a_row_of_attention():
    """In a cache of 11 entries, of which those after the position hold something else."""
    q, k, v = drawn(11)
    expected = causal_by_hand(q, k, v)
    q, k, v = (np.asarray(x) for x in rotated(q, k, v))
    cached = jax.jit(attend_cached)
    for t in range(11):
        stale = np.arange(11)[:, None, None] > t
        keys, values = (as_cache(np.where(stale, np.float32(9), x)) for x in (k, v))
        np.testing.assert_allclose(cached(q[t], keys, values, t), expected[t], atol=1e-5)


def test_queries_of_a_batch_may_stand_at_different_positions():
    q, k, v = drawn(11)
    k, v, positions = as_cache(k), as_cache(v), jnp.array([10, 0, 5])
    ys = jax.jit(jax.vmap(attend_cached, (0, None, None, 0)))(q[:3], k, v, positions)
    for i, position in enumerate(positions):
        np.testing.assert_allclose(ys[i], attend_cached(q[i], k, v, position), atol=1e-6)


@pytest.mark.slow
def test_everything_stays_float32_whatever_the_default(enable_x64):
    inputs = drawn(9)
    with enable_x64(True):
        ys = jax.jit(blockwise)(*inputs)
        y = jax.jit(attend_cached)(inputs[0][0], *map(as_cache, inputs[1:]), jnp.int32(8))
        leaves = jax.tree.leaves((ys, y, gradients(blockwise, inputs)))
        assert {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: attend_blockwise(*drawn(3), block=0), "block, T and S must be >= 1, got 0, 3"),
        (lambda: attend_blockwise(*jnp.zeros((3, 0, HEADS, D))), ">= 1, got 128, 0 and 0"),
        (
            lambda: attend_cached(jnp.zeros((HEADS, D)), *jnp.zeros((2, HEADS, D, 0)), 0),
            "capacity must be >= 1, got 0",
        ),
    ],
)
def test_blocks_and_lengths_of_nothing_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@FORMS
def test_queries_keys_and_values_that_do_not_fit_are_refused(form):
    (q, _, _), (_, k, v) = drawn(3), drawn(5)
    with pytest.raises(
        ValueError, match=r"needs q.*, k.* and v.*, got \(3, 2, 4\), \(5, 2, 4\) and"
    ):
        form(q, k, v[:4], mask=None)
    with pytest.raises(ValueError, match=r"got \(3, 2, 4\), \(5, 1, 4\) and \(5, 1, 4\)"):
        form(q, k[:, :1], v[:, :1], mask=None)
    with pytest.raises(ValueError, match=r"got \(1, 3, 2, 4\), "):
        form(q[None], q[None], q[None])
    with pytest.raises(ValueError, match=r"as many keys as queries, got 5 and 3: mask=None lets"):
        form(q, k, v)


def test_positions_and_widths_that_cannot_be_rotated_are_refused():
    q, _, _ = drawn(3)
    with pytest.raises(ValueError, match=r"d even, and positions\[T\], got \(3, 2, 4\) and \(1,\)"):
        rotate(q, jnp.arange(1))
    with pytest.raises(ValueError, match=r"d even, .* got \(3, 2, 3\) and \(3,\)"):
        rotate(q[:, :, :3], jnp.arange(3))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("form", ["attend", "blockwise", "cached"])
def test_sums_over_many_keys_have_32_bits(form, dtype):
    """A sum of thousands of weights below one stands still at 256 in bfloat16, at 2,048 in half."""
    size = 6000
    q, k = (jnp.sin(jnp.arange(n * 8.0).reshape(n, 1, 8)).astype(dtype) for n in (1, size))
    v = jnp.linspace(2, 3, size)[:, None, None].astype(dtype)
    wide = [x.astype(jnp.float32) for x in (q, k, v)]
    exact = float(attend(*wide, mask=None)[0, 0, 0])
    forms = {
        "attend": lambda: attend(q, k, v, mask=None)[0],
        "blockwise": lambda: attend_blockwise(q, k, v, 16, mask=None)[0],
        "cached": lambda: attend_cached(q[0], as_cache(k), as_cache(v), size - 1),
    }
    y = forms[form]()
    assert y.dtype == dtype  # as it came
    np.testing.assert_allclose(y.astype(float).squeeze(), exact, rtol=0.005)
