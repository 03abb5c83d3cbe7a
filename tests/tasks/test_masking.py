"""Masked tokens: what is asked for, what becomes of it, and that nothing else is touched."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.tasks.masking import masked

MASK = 50
TOKENS = jax.random.randint(jax.random.key(0), (400, 60), 0, MASK)


def mask(**settings):
    drawn = masked(jax.random.key(1), TOKENS, mask_token=MASK, **settings)
    return [np.asarray(part) for part in drawn]


def test_eighty_ten_ten():
    inputs, targets, asked = mask()
    tokens = np.asarray(TOKENS)
    np.testing.assert_array_equal(inputs[~asked], tokens[~asked])
    np.testing.assert_array_equal(targets, np.where(asked, tokens, 0))
    assert asked.mean() == pytest.approx(0.15, abs=0.01)
    hidden, same = inputs[asked] == MASK, inputs[asked] == tokens[asked]
    assert hidden.mean() == pytest.approx(0.8, abs=0.02)
    assert same.mean() == pytest.approx(0.1 + 0.1 / MASK, abs=0.02)
    others = inputs[asked][~hidden & ~same]
    assert set(others) == set(range(MASK))  # any token, and never the mask


def test_other_shares():
    inputs, _, asked = mask(share=0.5, hidden=1.0, swapped=0.0)
    assert asked.mean() == pytest.approx(0.5, abs=0.02)
    assert (inputs[asked] == MASK).all()
    inputs, targets, asked = mask(hidden=0.0, swapped=0.0)
    np.testing.assert_array_equal(inputs, np.asarray(TOKENS))
    assert (targets[asked] == inputs[asked]).all()


def test_one_sentence_or_a_batch_under_jit():
    drawn = jax.jit(lambda key: masked(key, TOKENS[0], mask_token=MASK))(jax.random.key(2))
    assert drawn.inputs.shape == drawn.targets.shape == drawn.mask.shape == (60,)
    assert drawn.inputs.dtype == TOKENS.dtype
    assert drawn.mask.dtype == jnp.bool_


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"share": 0.0}, "share must be above 0 and below 1"),
        ({"share": 1.0}, "share must be above 0 and below 1"),
        ({"share": float("nan")}, "share must be"),
        ({"hidden": 0.9, "swapped": 0.2}, "together at most 1"),
        ({"hidden": -0.1}, "hidden and swapped must be shares"),
    ],
)
def test_bad_shares(settings, said):
    with pytest.raises(ValueError, match=said):
        mask(**settings)
