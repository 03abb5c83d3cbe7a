"""The Transformer against a plain NumPy one, and against what each of its parts promises."""

from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.models.attention import attend, attend_blockwise
from rnnlib.models.parameters import count_parameters, weights, with_weights
from rnnlib.models.transformer import Transformer, rms_norm
from rnnlib.training.fit import fit
from rnnlib.training.losses import evaluate, masked_accuracy, masked_loss, next_token_loss

V, W, HEADS = 9, 24, 3
TOKENS = jnp.array([3, 1, 4, 1, 5, 2, 6, 5])


class Examples(NamedTuple):
    inputs: jax.Array
    targets: jax.Array
    mask: jax.Array


@cache
def model(layers=2, attend=attend):
    """A model in which no weight keeps its start value: gains are not 1, the bias is not 0."""

    def init(key):
        made = Transformer(V, W, layers=layers, heads=HEADS, attend=attend, rngs=nnx.Rngs(key))
        return jax.tree.map(lambda w: w + 0.1 * jax.random.normal(key, w.shape, w.dtype), made)

    return jax.jit(init)(jax.random.key(0))


BLOCKWISE = partial(attend_blockwise, block=3)  # 8 tokens are two blocks and a rest


@jax.jit
def logits(lm, tokens):
    return lm(tokens)


def norm(x, gain):
    return gain * x / np.sqrt(np.mean(x**2) + 1e-6)


def turned(x, position):
    """Rotate pairs of coordinates as complex numbers."""
    half = len(x) // 2
    angles = position / 10000 ** (np.arange(half) / half)
    z = (x[:half] + 1j * x[half:]) * np.exp(1j * angles)
    return np.concatenate([z.real, z.imag])


def gelu(u):
    return u / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (u + 0.044715 * u**3)))


def looked_up(qkv, t, head):
    """What one head brings to position t: the mean of the values up to there, weighted."""
    d = W // HEADS
    q, k, v = (
        [row[start + head * d : start + (head + 1) * d] for row in qkv] for start in (0, W, 2 * W)
    )
    p = np.exp([turned(q[t], t) @ turned(k[s], s) / np.sqrt(d) for s in range(t + 1)])
    return sum(p[s] * v[s] for s in range(t + 1)) / p.sum()


def by_hand(w, tokens):
    """The logits in float64, one position and one head at a time."""
    w = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), w)
    xs = [np.sqrt(W) * w["embed"]["embedding"][token] for token in tokens]
    for layer in range(len(w["blocks"]["norm_1"])):
        b = {name: stacked[layer] for name, stacked in w["blocks"].items()}
        qkv = [norm(x, b["norm_1"]) @ b["w_qkv"] for x in xs]
        for t in range(len(xs)):
            read = np.concatenate([looked_up(qkv, t, head) for head in range(HEADS)])
            xs[t] = xs[t] + read @ b["w_o"]
            xs[t] = xs[t] + gelu(norm(xs[t], b["norm_2"]) @ b["w_up"]) @ b["w_down"]
    w_out, bias = w["readout"]["kernel"], w["readout"]["bias"]
    return np.array([norm(x, w["norm"]) @ w_out + bias for x in xs])


@pytest.mark.parametrize("layers", [1, 3])
def test_it_is_the_plain_numpy_transformer(layers):
    lm = model(layers)
    np.testing.assert_allclose(logits(lm, TOKENS), by_hand(weights(lm), TOKENS), atol=1e-4)


def test_it_is_the_same_block_by_block():
    np.testing.assert_allclose(
        logits(model(attend=BLOCKWISE), TOKENS), logits(model(), TOKENS), atol=1e-5
    )


@pytest.mark.parametrize("form", [attend, BLOCKWISE], ids=["attend", "blockwise"])
def test_changing_a_future_token_changes_no_past_logit(form):
    lm = model(attend=form)
    before, after = logits(lm, TOKENS), logits(lm, TOKENS.at[5].set(8))
    np.testing.assert_array_equal(before[:5], after[:5])
    assert np.abs(before[5:] - after[5:]).max(axis=1).min() > 1e-3  # each of the later ones


@pytest.mark.parametrize("layers", [1, 2])
def test_each_position_looks_back_at_every_token_before_it(layers):
    lm = model(layers)
    last = logits(lm, TOKENS)[-1]
    for t in range(len(TOKENS)):
        assert np.abs(logits(lm, TOKENS.at[t].set(8))[-1] - last).max() > 1e-3


def test_the_order_of_the_past_matters():
    """Without the rotations a single layer would see a bag of tokens."""
    swapped = TOKENS.at[jnp.array([0, 2])].set(TOKENS[jnp.array([2, 0])])
    lm = model(layers=1)
    assert np.abs(logits(lm, swapped)[-1] - logits(lm, TOKENS)[-1]).max() > 1e-3


def test_normalised_vectors_have_a_mean_square_of_one():
    xs = 50 * jax.random.normal(jax.random.key(2), (5, W))
    np.testing.assert_allclose(jnp.mean(rms_norm(xs, jnp.ones(W)) ** 2, axis=1), 1, rtol=1e-4)


@pytest.mark.slow
def test_the_scan_over_blocks_is_the_loop():
    lm = model(layers=3)
    xs = lm.embed(TOKENS)
    for layer in range(3):
        xs = jax.tree.map(lambda w, layer=layer: w[layer], lm.blocks)(xs)
    np.testing.assert_allclose(
        lm.readout(rms_norm(xs, lm.norm[...])), logits(lm, TOKENS), atol=1e-4
    )


def test_parameters_are_counted_as_by_hand():
    block = 2 * W + 3 * W * W + W * W + 2 * 4 * W * W
    assert count_parameters(model(layers=3)) == V * W + 3 * block + W + W * V + V


@pytest.mark.slow
def test_weights_are_drawn_in_the_order_on_which_the_records_rest():
    rngs = nnx.Rngs(jax.random.key(7))
    embed = nnx.Embed(V, W, rngs=rngs)
    blocks = [nnx.Rngs(key) for key in jax.random.split(rngs.params(), 2)]
    readout = nnx.Linear(W, V, rngs=rngs)
    got = weights(Transformer(V, W, heads=HEADS, rngs=nnx.Rngs(jax.random.key(7))))
    np.testing.assert_array_equal(got["embed"]["embedding"], embed.embedding[...])
    np.testing.assert_array_equal(got["readout"]["kernel"], readout.kernel[...])
    for layer, block in enumerate(blocks):
        for name, inputs, outputs, gain in [
            ("w_qkv", W, 3 * W, 1),
            ("w_o", W, W, 1 / 2),
            ("w_up", W, 4 * W, 1),
            ("w_down", 4 * W, W, 1 / 2),
        ]:
            drawn = gain / np.sqrt(inputs) * jax.random.normal(block.params(), (inputs, outputs))
            np.testing.assert_allclose(got["blocks"][name][layer], drawn, rtol=1e-6)
    assert set(got) == {"embed", "blocks", "norm", "readout"}
    assert set(got["blocks"]) == {"norm_1", "norm_2", "w_qkv", "w_o", "w_up", "w_down"}


@pytest.mark.slow
def test_weights_start_at_the_scale_of_their_inputs_and_differ_between_layers():
    layers, width = 8, 64
    blocks = Transformer(V, width, layers=layers, rngs=nnx.Rngs(0)).blocks
    into, back = width**-0.5, (2 * layers * width) ** -0.5  # GPT-2 scales what writes back
    expected = {"w_qkv": into, "w_up": into, "w_o": back, "w_down": back / 2}
    for name, scale in expected.items():
        w = getattr(blocks, name)[...]
        np.testing.assert_allclose(jnp.std(w), scale, rtol=0.03)  # 32,768 numbers or more: 0.4 %
        assert np.abs(w[0] - w[1]).max() > scale


def test_every_weight_has_a_finite_gradient_that_is_not_zero():
    grads = jax.jit(jax.grad(next_token_loss))(model(), jnp.tile(TOKENS, (2, 1)))
    for leaf in jax.tree.leaves(grads):
        assert np.isfinite(leaf).all() and np.abs(leaf).max() > 1e-4


@pytest.mark.slow
def test_it_is_evaluated_like_any_language_model():
    lm = model()
    tokens = np.asarray(jax.random.randint(jax.random.key(0), (31,), 0, V))
    rows = jnp.stack([tokens[0:11], tokens[10:21], tokens[20:31]])
    np.testing.assert_allclose(evaluate(lm, tokens, rows=3), next_token_loss(lm, rows), rtol=1e-5)
    with pytest.raises(ValueError, match=rf"tokens must be in \[0, {V}\), got 0 to {V}"):
        evaluate(lm, np.array([0, 1, V, 2]), rows=1)


def test_weights_survive_a_round_trip():
    other = with_weights(Transformer(V, W, heads=HEADS, rngs=nnx.Rngs(5)), weights(model()))
    np.testing.assert_array_equal(logits(other, TOKENS), logits(model(), TOKENS))


@pytest.mark.slow
def test_everything_is_float32_whatever_the_default(enable_x64):
    expected, key = logits(model(), TOKENS), jax.random.key(0)
    with enable_x64(True):
        # Compiled as wholes: each operation by itself would take longer.
        lm = jax.jit(lambda key: Transformer(V, W, heads=HEADS, rngs=nnx.Rngs(key)))(key)
        loss, grads = jax.jit(jax.value_and_grad(next_token_loss))(lm, TOKENS[None])
        leaves = jax.tree.leaves((lm, logits(lm, TOKENS), loss, grads))
        assert {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}
        same = with_weights(lm, weights(model()))
        np.testing.assert_allclose(logits(same, TOKENS), expected, atol=1e-5)


@pytest.mark.slow
def test_it_learns_to_copy_what_it_has_seen():
    """Random words of 8 letters, each said twice: the second time nothing is left to guess."""
    second = jnp.arange(15) >= 7

    def said_twice(key):
        tokens = jnp.tile(jax.random.randint(key, (32, 8), 0, V), (1, 2))
        return Examples(tokens[:, :-1], tokens[:, 1:], jnp.tile(second, (32, 1)))

    init = lambda key: Transformer(V, 32, rngs=nnx.Rngs(key))  # noqa: E731
    run = fit(init, masked_loss, said_twice, jax.random.key(0), steps=300, progress=False)
    unseen = said_twice(jax.random.key(99))
    assert abs(run.losses[0] - np.log(V)) < 0.7  # it starts from ignorance
    assert masked_loss(run.model, unseen) < 0.1
    assert masked_accuracy(run.model, unseen) > 0.98


@pytest.mark.parametrize("bad", [(0, 8, 1, 1), (9, 0, 1, 1), (9, 8, 0, 1), (9, 8, 1, 0)])
def test_bad_sizes_are_refused(bad):
    vocabulary, width, layers, heads = bad
    got = f"must be >= 1, got {vocabulary}, {width}, {layers} and {heads}"
    with pytest.raises(ValueError, match=got):
        Transformer(vocabulary, width, layers=layers, heads=heads, rngs=nnx.Rngs(0))


@pytest.mark.parametrize(("width", "heads"), [(12, 4), (10, 3)])
def test_a_width_that_the_heads_cannot_share_in_pairs_is_refused(width, heads):
    with pytest.raises(ValueError, match=rf"multiple of 2 \* heads, got {width} and {heads} heads"):
        Transformer(V, width, heads=heads, rngs=nnx.Rngs(0))
