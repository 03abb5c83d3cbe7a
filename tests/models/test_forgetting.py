"""Forgetting attention against products of gates in NumPy, and against attention without them."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.models.attention import attend, attend_blockwise
from rnnlib.models.forgetting import ForgettingBlock, ForgettingTransformer
from rnnlib.models.transformer import CachedTransformer, Transformer, rms_norm
from rnnlib.training.losses import next_token_loss

V, W, HEADS, T = 9, 12, 3, 10
D = W // HEADS
TOKENS = jnp.array([3, 1, 4, 1, 5, 2, 6, 5, 8, 0])
BLOCKWISE = partial(attend_blockwise, block=4)  # 10 positions are two blocks and a rest
each_form = pytest.mark.parametrize("form", [attend, BLOCKWISE], ids=["attend", "blockwise"])


def moved(made, key, by):
    """Add noise to every weight, so that none keeps its start value."""
    return jax.tree.map(lambda w: w + by * jax.random.normal(key, w.shape, w.dtype), made)


@cache
def block(b_f=0.0):
    """A block whose gates are neither open nor closed, or all `b_f`."""
    made = moved(ForgettingBlock(W, HEADS, rngs=nnx.Rngs(0)), jax.random.key(1), 0.3)
    made.w_f[...] *= 2.0
    made.b_f[...] = jnp.array([0.0, 1.0, -1.0]) + b_f
    return made


@cache
def model(layers=2, attend=attend):
    init = partial(ForgettingTransformer, V, W, layers=layers, heads=HEADS, attend=attend)
    return jax.jit(lambda key: moved(init(rngs=nnx.Rngs(key)), key, 0.1))(jax.random.key(0))


def inputs(steps=T):
    return jax.random.normal(jax.random.key(2), (steps, W))


run = jax.jit(lambda block, xs, form=attend: block(xs, form), static_argnames="form")


@jax.jit
def logits(lm, tokens):
    return lm(tokens)


def queries_keys_values(block, xs):
    """q, k and v [T, heads, d] as a Transformer's, but nothing is turned."""
    columns = rms_norm(xs, block.norm_1[...]) @ block.w_qkv[...]
    return [part.reshape(len(xs), HEADS, D) for part in jnp.split(columns, 3, axis=1)]


def read_in_numpy(block, xs):
    """What attention brings in float64: e^score, times each gate behind the key, normalised."""
    q, k, v = (np.asarray(part, float) for part in queries_keys_values(block, xs))
    w_f, b_f = np.asarray(block.w_f[...], float), np.asarray(block.b_f[...], float)
    f = 1 / (1 + np.exp(-np.asarray(rms_norm(xs, block.norm_1[...]), float) @ w_f - b_f))
    assert f.min() < 0.3 and f.max() > 0.7  # [T, heads]
    ys = np.zeros(q.shape)
    for head in range(HEADS):
        for t in range(len(xs)):
            weights = np.zeros(len(xs))
            for s in range(t + 1):
                gates = np.prod([f[r, head] for r in range(s + 1, t + 1)])
                weights[s] = np.exp(q[t, head] @ k[s, head] / np.sqrt(D)) * gates
            ys[t, head] = weights / weights.sum() @ v[:, head]
    return ys


@each_form
def test_a_weight_is_multiplied_by_every_gate_behind_its_key(form):
    xs = inputs()
    expected = block().write(xs, jnp.asarray(read_in_numpy(block(), xs), jnp.float32))
    np.testing.assert_allclose(run(block(), xs, form), expected, atol=1e-4)


def test_a_closed_gate_hides_what_came_before_it_and_not_itself():
    """The first coordinate, which is 0 but at position 4, closes all gates there."""
    made, xs = moved(block(), jax.random.key(3), 0.0), inputs().at[:, 0].set(0).at[4, 0].set(3)
    made.w_f[...] = jnp.zeros((W, HEADS)).at[0].set(-200.0)
    made.b_f[...] = jnp.full(HEADS, 30.0)
    ys = run(made, xs)
    for s, seen_from in ((3, [3]), (4, range(4, T)), (5, range(5, T))):
        changed = np.abs(run(made, xs.at[s, 1:].add(1.0)) - ys).max(axis=1)
        for t in range(T):
            assert changed[t] > 1e-4 if t in seen_from else changed[t] < 1e-6


@each_form
def test_with_open_gates_it_is_attention_without_positions(form):
    made, xs = block(b_f=50.0), inputs()
    plain = made.write(xs, attend(*queries_keys_values(made, xs)))
    np.testing.assert_allclose(run(made, xs, form), plain, atol=1e-5)
    assert np.abs(run(block(), xs, form) - plain).max() > 0.1


def test_with_open_gates_the_order_of_the_past_does_not_matter_and_else_it_does():
    swapped = inputs()[jnp.array([5, 1, 2, 3, 4, 0, 6, 7, 8, 9])]
    for b_f, least, most in ((50.0, 0, 1e-5), (0.0, 1e-3, np.inf)):
        before, after = run(block(b_f), inputs()), run(block(b_f), swapped)
        assert least <= np.abs(before[-1] - after[-1]).max() <= most


def test_gates_start_nearly_open_and_every_head_has_its_own():
    made = ForgettingBlock(64, 4, rngs=nnx.Rngs(0))
    gates = np.exp(made.log_gates(jax.random.normal(jax.random.key(0), (200, 64))))
    assert gates.shape == (4, 200)
    assert 0.9 < gates.mean() < 0.96
    assert np.abs(np.corrcoef(gates) - np.eye(4)).max() < 0.5
    assert 0.8 < np.std(made.w_f[...]) * 64**0.5 < 1.2


@each_form
def test_changing_a_future_token_changes_no_past_logit(form):
    lm = model(attend=form)
    before, after = logits(lm, TOKENS), logits(lm, TOKENS.at[5].set(8))
    np.testing.assert_array_equal(before[:5], after[:5])
    assert np.abs(before[5:] - after[5:]).max(axis=1).min() > 1e-3  # each of the later ones


def test_it_is_the_same_block_by_block():
    np.testing.assert_allclose(
        logits(model(attend=BLOCKWISE), TOKENS), logits(model(), TOKENS), atol=1e-5
    )


def nothing(q, k, v, bias):
    """Bring nothing from any position: a form of attention that cannot be taken for another."""
    return jnp.zeros_like(v)


def test_the_form_of_attention_that_is_given_is_the_one_in_use():
    lm = model(attend=nothing)
    before, after = logits(lm, TOKENS), logits(lm, TOKENS.at[0].set(8))
    np.testing.assert_array_equal(before[1:], after[1:])


@pytest.mark.parametrize("length", [1, 5, 200])
def test_any_length_can_be_read(length):
    tokens = jnp.tile(TOKENS, 20)
    expected = logits(model(), tokens)[:length]
    assert expected.shape == (length, V) and np.isfinite(expected).all()
    np.testing.assert_allclose(logits(model(), tokens[:length]), expected, atol=1e-4)


@pytest.mark.slow
def test_the_layers_differ_and_what_they_write_starts_smaller():
    blocks = ForgettingTransformer(V, 64, layers=8, rngs=nnx.Rngs(0)).blocks
    assert blocks.w_f.shape == (8, 64, 4) and blocks.b_f.shape == (8, 4)
    for w in (blocks.w_f[...], blocks.w_qkv[...]):
        np.testing.assert_allclose(jnp.std(w), 1 / 8, rtol=0.05)
        assert np.abs(w[0] - w[1]).max() > 1 / 8
    np.testing.assert_allclose(jnp.std(blocks.w_o[...]), 1 / 8 / 4, rtol=0.05)


@pytest.mark.slow
def test_every_weight_has_a_finite_gradient_that_is_not_zero():
    for form in (attend, BLOCKWISE):
        grads = jax.jit(jax.grad(next_token_loss))(model(attend=form), TOKENS[None])
        for gates in (grads.blocks.w_f[...], grads.blocks.b_f[...]):
            assert np.abs(gates).max(axis=tuple(range(1, gates.ndim))).min() > 1e-4  # both layers
        for leaf in jax.tree.leaves(grads):
            assert np.isfinite(leaf).all() and np.abs(leaf).max() > 1e-4


def test_it_has_no_cache():
    cached = CachedTransformer(model(), 12)
    for read in (
        lambda: cached.prefill(TOKENS),
        lambda: cached.step(cached.init_state(), TOKENS[0]),
    ):
        with pytest.raises(NotImplementedError, match="call the model on all tokens"):
            read()


@pytest.mark.slow
def test_everything_is_float32_whatever_the_default(enable_x64):
    with enable_x64(True):
        made = ForgettingTransformer(V, W, heads=HEADS, rngs=nnx.Rngs(0))
        leaves = jax.tree.leaves((made, jax.eval_shape(made, TOKENS)))
        assert {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"layers": 0}, "must be >= 1, got 9, 12, 0 and 4"),
        ({"heads": 0}, "must be >= 1, got 9, 12, 2 and 0"),
        ({"heads": 4}, r"width must be a multiple of 2 \* heads, got 12 and 4 heads"),
    ],
)
def test_it_refuses_what_a_transformer_refuses(sizes, message):
    for kind in (Transformer, ForgettingTransformer):
        with pytest.raises(ValueError, match=message):
            kind(V, W, **sizes, rngs=nnx.Rngs(0))
