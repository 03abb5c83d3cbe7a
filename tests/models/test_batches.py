"""A batch at once against `jax.vmap` of the form that the lessons read."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from programs import array_sizes

from rnnlib.models import batches
from rnnlib.models.attention import attend, attend_blockwise
from rnnlib.models.batches import read_batch, read_block
from rnnlib.models.forgetting import ForgettingTransformer
from rnnlib.models.language_model import LanguageModel
from rnnlib.models.transformer import Block, Transformer
from rnnlib.training.fit import fit_seeds
from rnnlib.training.losses import next_token_loss

V, W, HEADS = 9, 24, 3
BOTH_WAYS = partial(attend, mask=None)


@cache
def model(kind=Transformer, layers=1, attend=attend, dtype=jnp.float32):
    """A model in which no weight keeps its start value: gains are not 1, the bias is not 0."""

    def init(key):
        made = kind(V, W, layers=layers, heads=HEADS, attend=attend, rngs=nnx.Rngs(key))
        noisy = lambda w: w + 0.1 * jax.random.normal(key, w.shape, w.dtype)  # noqa: E731
        return jax.tree.map(lambda w: noisy(w).astype(dtype), made)

    return jax.jit(init)(jax.random.key(0))


def tokens(batch, time):
    return jax.random.randint(jax.random.key(batch + time), (batch, time), 0, V)


@partial(jax.jit, static_argnums=0)
def value_and_grads(read, lm, tokens):
    """A loss that weighs every logit otherwise, and its gradient with respect to the weights."""
    weights = jnp.cos(jnp.arange(tokens.size * V)).reshape(*tokens.shape, V)
    loss = lambda lm: (weights * read(lm, tokens)).astype(jnp.float32).mean()  # noqa: E731
    return jax.value_and_grad(loss)(lm)


def one_by_one(lm, tokens):
    return jax.vmap(lm)(tokens)


def agree(ours, theirs, atol):
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(np.float32(a), np.float32(b), atol=atol * np.abs(b).max())


# One position; up to a block; a rest of one; a rest; blocks that are larger, since there are 8.
@pytest.mark.parametrize(
    ("batch", "time"), [(1, 1), (3, 7), (3, 128), (1, 129), (3, 200), (2, 1030)]
)
def test_it_is_the_form_of_one_sequence(batch, time):
    args = model(), tokens(batch, time)
    ours, theirs = (jax.jit(read)(*args) for read in (read_batch, one_by_one))
    assert ours.dtype == jnp.float32
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    agree(*(value_and_grads(read, *args) for read in (read_batch, one_by_one)), 1e-4)


@pytest.mark.parametrize("form", [BOTH_WAYS, partial(attend_blockwise, block=32)])
def test_another_form_of_attention_is_taken_as_it_is(form):
    args = model(attend=form), tokens(2, 140)
    agree(*(value_and_grads(read, *args) for read in (read_batch, one_by_one)), 1e-4)


@pytest.mark.parametrize("layers", [2, 9])
def test_any_number_of_layers(layers):
    args = model(layers=layers), tokens(2, 9)
    agree(*(value_and_grads(read, *args) for read in (read_batch, one_by_one)), 1e-4)


def loops(layers):
    lowered = jax.jit(read_batch).lower(model(layers=layers), tokens(2, 8))
    return lowered.as_text().count("stablehlo.while")


def test_many_layers_are_compiled_as_one():
    assert (loops(8), loops(9)) == (0, 1)


def test_a_gpu_gets_all_heads_at_once(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    args = model(), tokens(2, 150)
    assert "while" not in jax.jit(read_batch).lower(*args).as_text()
    np.testing.assert_allclose(jax.jit(read_batch)(*args), jax.jit(one_by_one)(*args), atol=1e-5)


def test_the_weights_of_all_pairs_never_stand_in_memory():
    """Nor does the way back find them stored, of one head or of all."""
    batch, time, block = 2, 1024, 128
    grads = jax.grad(lambda lm, tokens: read_batch(lm, tokens).sum())
    largest = max(array_sizes(jax.make_jaxpr(grads)(model(), tokens(batch, time)).jaxpr))
    assert largest == max(block * time, batch * time * 4 * W)
    plain = jax.grad(lambda lm, tokens: one_by_one(lm, tokens).sum())
    plainly = max(array_sizes(jax.make_jaxpr(plain)(model(), tokens(batch, time)).jaxpr))
    assert plainly >= batch * HEADS * time**2


def test_what_is_barred_is_not_multiplied():
    """Of 8 blocks of queries, the first meets an eighth of the keys, the last all: 36 / 64."""
    q = jnp.zeros((1024, 8))
    operations = jax.jit(batches._attend_head).lower(q, q, q).compile().cost_analysis()["flops"]
    products = 2 * 2 * 1024 * 1024 * 8
    assert 36 / 64 * products < operations < 0.75 * products


def test_a_later_token_changes_no_earlier_logit():
    before = tokens(2, 300)
    after = before.at[1, 150].set((before[1, 150] + 1) % V)
    read = jax.jit(read_batch)
    change = np.abs(read(model(), before) - read(model(), after)).max(axis=-1)
    np.testing.assert_array_equal(change[0], 0)
    np.testing.assert_array_equal(change[1, :150], 0)
    assert change[1, 150:].min() > 0


@pytest.mark.parametrize("time", [64, 600])
def test_bfloat16_weights_are_summed_in_32_bits(time):
    """As near to the weights' own model in 32 bits as the form of one sequence is."""
    lm, text = model(dtype=jnp.bfloat16), tokens(2, time)
    exact = jax.jit(one_by_one)(jax.tree.map(lambda w: w.astype(jnp.float32), lm), text)
    ours, theirs = (jax.jit(read)(lm, text) for read in (read_batch, one_by_one))
    assert ours.dtype == theirs.dtype
    error = lambda logits: np.abs(np.float32(logits) - exact).mean()  # noqa: E731
    assert error(ours) < 1.2 * error(theirs)


def test_attention_in_bfloat16_gives_a_mean_of_many_equal_values():
    """A sum of 512 ones in bfloat16 would stop at 256."""
    ones = jnp.ones((1, 600, 1, 2), jnp.bfloat16)
    y = batches._attend(attend, 0 * ones, 0 * ones, ones)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_array_equal(np.float32(y), 1)


def test_large_scores_give_no_nan():
    q, k = (100 * jax.random.normal(jax.random.key(n), (1, 200, 1, 4)) for n in (0, 1))
    ys = [read(q, k, q) for read in (partial(batches._attend, attend), jax.vmap(attend))]
    np.testing.assert_allclose(*ys, rtol=1e-4, atol=1e-4)


def test_seeds_side_by_side_are_each_its_own():
    lms = [model(), jax.tree.map(lambda w: 2 * w, model())]
    both = jax.tree.map(lambda *w: jnp.stack(w), *lms)
    text = tokens(2, 140)
    together = jax.vmap(lambda lm: value_and_grads(read_batch, lm, text))(both)
    alone = [value_and_grads(read_batch, lm, text) for lm in lms]
    agree(together, jax.tree.map(lambda *parts: jnp.stack(parts), *alone), 1e-4)


def test_a_derivative_forwards():
    text = tokens(1, 140)
    args = (model(),), (jax.tree.map(jnp.ones_like, model()),)
    ours, theirs = (
        jax.jvp(lambda lm, read=read: read(lm, text), *args)[1] for read in (read_batch, one_by_one)
    )
    agree(ours, theirs, 1e-4)


class Deaf(Transformer):
    """A subclass that reads otherwise."""

    def __call__(self, tokens):
        return super().__call__(0 * tokens)


def test_a_subclass_reads_in_its_own_way():
    for lm in (model(Deaf), model(ForgettingTransformer)):
        ours, theirs = (jax.jit(read)(lm, tokens(2, 9)) for read in (read_batch, one_by_one))
        np.testing.assert_array_equal(ours, theirs)


def test_inputs_may_be_more_than_one_token_a_position():
    """Of a model whose embedding was replaced by one that adds up a key's and a value's vector."""
    lm, table = model(), model().embed
    lm = nnx.merge(*nnx.split(lm))
    lm.embed = lambda pairs: table(pairs[:, 0]) + table(pairs[:, 1])
    pairs = tokens(3, 14).reshape(3, 7, 2)
    np.testing.assert_allclose(read_batch(lm, pairs), jax.vmap(lm)(pairs), atol=1e-5)


def test_any_other_model_is_read_one_by_one():
    lm, text = LanguageModel(V, 8, rngs=nnx.Rngs(0)), tokens(2, 9)
    np.testing.assert_array_equal(read_batch(lm, text), one_by_one(lm, text))
    np.testing.assert_array_equal(read_batch(jnp.cumsum, text), jnp.cumsum(text, axis=1))


def test_training_takes_it():
    """The gradient of the loss that `fit` is given holds no loop over layers."""
    text = tokens(2, 9)
    lowered = jax.jit(jax.grad(next_token_loss)).lower(model(), text)
    assert "while" not in lowered.as_text()
    init = lambda key: Transformer(V, W, heads=HEADS, rngs=nnx.Rngs(key))  # noqa: E731
    keys = jax.random.split(jax.random.key(0), 2)
    run = fit_seeds(init, next_token_loss, lambda key: text, keys, steps=30, checks=1)
    assert (run.losses[:, -1] < run.losses[:, 0] / 2).all()


def test_a_block_by_itself():
    block = Block(W, HEADS, rngs=nnx.Rngs(0))
    xs = jax.random.normal(jax.random.key(1), (3, 150, W))
    for form in (attend, BOTH_WAYS):
        expected = jax.jit(jax.vmap(lambda xs, form=form: block(xs, form)))(xs)
        np.testing.assert_allclose(read_block(block, xs, form), expected, atol=1e-5)


def test_it_refuses_another_layer():
    block = jax.tree.map(lambda w: w[0], model(ForgettingTransformer).blocks)
    with pytest.raises(ValueError, match="must be a Block, got ForgettingBlock"):
        read_block(block, jnp.zeros((1, 2, W)))
