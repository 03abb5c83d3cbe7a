"""Attention with other masks than the causal one and with a bias, against the definition."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from weighted_means import HEADS, as_cache, by_hand, drawn, gradients, past, summary

from rnnlib.models.attention import attend, attend_blockwise, attend_cached, causal

blockwise = partial(attend_blockwise, block=4)
FORMS = pytest.mark.parametrize("form", [attend, blockwise], ids=["attend", "blockwise"])

KNOWN = np.arange(9) % 3 != 1  # as of a text, some of whose symbols are only padding
SLOPES = jnp.array([0.5, 2.0])
MASKS = {
    "everything": None,
    "a window": lambda t, s: (s <= t) & (t - s < 3),
    "known symbols": lambda t, s: jnp.asarray(KNOWN)[s],
    "each head its own": lambda t, s: jnp.array([1, 4])[:, None, None] > jnp.abs(t - s)[None],
    "nothing for some": lambda t, s: s < t - 5,
}


@FORMS
@pytest.mark.parametrize("name", MASKS)
def test_masks_and_biases_are_functions_of_positions(form, name):
    inputs, pairs, mask = drawn(9), np.indices((9, 9)), MASKS[name]
    bias = None if name == "a window" else lambda t, s: SLOPES[:, None, None] * (s - t)[None]
    allowed = np.broadcast_to(mask(*pairs) if mask else True, (HEADS, 9, 9))
    added = np.broadcast_to(bias(*pairs) if bias else 0, (HEADS, 9, 9))
    expected = by_hand(*inputs, allowed, added)
    got = jax.jit(partial(form, mask=mask, bias=bias))(*inputs)
    np.testing.assert_allclose(got, expected, atol=1e-5)


@FORMS
def test_queries_may_look_at_another_sequence(form):
    (q, _, _), (_, k, v) = drawn(5), drawn(10)
    v = jnp.concatenate([v, v], axis=-1)  # values may be wider than keys
    expected = by_hand(q, k, v, np.ones((HEADS, 5, 10)))
    np.testing.assert_allclose(form(q, k, v, mask=None), expected, atol=1e-5)
    expected = by_hand(k, q, q, np.ones((HEADS, 10, 5)))
    np.testing.assert_allclose(form(k, q, q, mask=None), expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("block", [1, 4, 100])
def test_a_bias_may_be_learned(block):
    """Forget gates: what lies between the positions is added up, and has a gradient."""
    inputs, logs = drawn(10), -jax.random.uniform(jax.random.key(3), (HEADS, 10))

    def forgetting(form, logs, *inputs):
        kept = jnp.cumsum(logs, axis=1)
        return summary(partial(form, bias=lambda t, s: kept[:, t] - kept[:, s]), *inputs)

    got, expected = (
        jax.jit(jax.value_and_grad(partial(forgetting, form), argnums=(0, 1, 2, 3)))(logs, *inputs)
        for form in (partial(attend_blockwise, block=block), attend)
    )
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-5), got, expected)
    assert np.abs(got[1][0]).max() > 1e-2
    bias = np.cumsum(np.asarray(logs), axis=1)
    ys = by_hand(*inputs, past(10), bias[:, :, None] - bias[:, None, :])
    np.testing.assert_allclose(got[0], summary(lambda *_: jnp.asarray(ys), *inputs), rtol=1e-4)


@FORMS
@pytest.mark.parametrize("how", ["mask", "bias"])
def test_who_sees_nothing_gets_zeros_and_no_gradient_is_nan(form, how):
    blind = (lambda t, s: (t != 4) & (s <= t)) if how == "mask" else causal
    bias = lambda t, s: jnp.where(t == 4, -jnp.inf, 0.0)[None] if how == "bias" else None  # noqa: E731
    form = partial(form, mask=blind, bias=bias if how == "bias" else None)
    inputs = drawn(9)
    ys = form(*inputs)
    np.testing.assert_array_equal(ys[4], 0)
    np.testing.assert_allclose(np.delete(ys, 4, 0), np.delete(attend(*inputs), 4, 0), atol=1e-5)
    q, k, v = gradients(form, inputs)
    assert all(np.isfinite(gradient).all() for gradient in (q, k, v))
    np.testing.assert_array_equal(q[4], 0)


def test_blocks_that_a_mask_bars_are_not_read():
    q, k, v = (x.at[:4].set(jnp.nan) for x in drawn(12))
    near = jax.jit(partial(blockwise, mask=lambda t, s: (s <= t) & (t - s <= t % 4)))
    ys = near(q, k, v)  # nobody looks into another block than its own
    assert np.isnan(ys[:4]).all()
    assert np.isfinite(ys[4:]).all()


def test_a_cache_may_be_masked_and_biased():
    q, k, v = drawn(9)
    window, bias = MASKS["a window"], lambda t, s: SLOPES[:, None, None] * (s - t)[None]
    expected = attend(q, k, v, mask=window, bias=bias)
    cached = jax.jit(partial(attend_cached, mask=window, bias=bias))
    for t in range(9):
        y = cached(q[t], as_cache(k), as_cache(v), t)
        np.testing.assert_allclose(y, expected[t], atol=1e-5)
    nothing = attend_cached(q[0], as_cache(k), as_cache(v), 3, mask=lambda t, s: s > t)
    np.testing.assert_array_equal(nothing, 0)  # also behind the last there is nothing to see
