"""The encoder-decoder against a NumPy loop of its equations, and against what it must not see."""

from functools import cache
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.models.encoder_decoder import Attention, EncoderDecoder
from rnnlib.models.parameters import weights
from rnnlib.tasks.task import Example
from rnnlib.training.losses import masked_loss

V, H = 7, 6
KINDS = get_args(Attention)
LOOKING = ["before", "after"]
each_kind = pytest.mark.parametrize("kind", KINDS)

SOURCE, LENGTH = jnp.array([3, 1, 4, 1, 5, 2, 6]), 5
BEFORE = jnp.array([6, 2, 0, 5, 3, 3])
T = len(BEFORE)


@cache
def make(kind, size=V):
    """A model in which no weight keeps its start value, and which looks at some tokens most."""

    def init(key):
        made = EncoderDecoder(size, H, attention=kind, rngs=nnx.Rngs(key))
        return jax.tree.map(lambda w: 2 * w + 0.5 * jax.random.normal(key, w.shape, w.dtype), made)

    return jax.jit(init)(jax.random.key(1))


@jax.jit
def run(model, source, length, before):
    """Return all that there is: memory, logits and alignments."""
    memory = model.encode(source, length)
    return memory, *model.decode(memory, before)


@jax.jit
def decode(model, memory, before):
    return model.decode(memory, before)


@jax.jit
def logits_of_batch(model, inputs):
    return jax.vmap(model)(inputs)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(w, h, x):
    x_r, x_z, x_n = np.split(x @ w["w_x"] + w["b"], 3)
    h_r, h_z, h_n = np.split(h @ w["w_h"], 3)
    z = sigmoid(x_z + h_z)
    return (1 - z) * np.tanh(x_n + sigmoid(x_r + h_r) * h_n) + z * h


def in_numpy(model, source, before, keys=None):
    """Run a model as its docstring says, in float64, on a source that is not filled up."""
    w, kind = jax.tree.map(lambda leaf: np.asarray(leaf, float), weights(model)), model.attention
    e, read = np.sqrt(H) * w["embed"]["embedding"], w["readout"]
    h, states = np.zeros(H), []
    for token in source:
        states.append(h := gru(w["encoder"], h, e[token]))
    if keys is None:
        keys = [h_j @ w["w_k"] for h_j in states] if kind in LOOKING else states

    def look(s):
        scores = np.zeros(len(states))
        if kind in LOOKING:
            scores = np.array([w["v"] @ np.tanh(s @ w["w_q"] + key) for key in keys])
        alpha = np.exp(scores) / np.exp(scores).sum()
        return alpha, sum(a * h_j for a, h_j in zip(alpha, states, strict=True))

    s, logits, alphas = states[-1], [], []
    for token in before:
        alpha, c = look(s) if kind in ("before", "uniform") else (np.zeros(len(states)), [])
        s = gru(w["decoder"], s, np.concatenate([e[token], c]))
        alpha, c = look(s) if kind == "after" else (alpha, c)
        logits.append(np.concatenate([s, c]) @ read["kernel"] + read["bias"])
        alphas.append(alpha)
    return np.array(states), np.array(logits), np.array(alphas)


@each_kind
def test_it_is_its_equations_in_numpy(kind):
    memory, logits, alphas = run(make(kind), SOURCE, LENGTH, BEFORE)
    states, expected, looked = in_numpy(make(kind), SOURCE[:LENGTH], BEFORE)
    np.testing.assert_allclose(memory.states[:LENGTH], states, atol=1e-5)
    np.testing.assert_allclose(memory.last, states[-1], atol=1e-5)
    assert memory.known.tolist() == [True] * LENGTH + [False] * 2
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    np.testing.assert_allclose(alphas[:, :LENGTH], looked, atol=1e-5)


@each_kind
def test_alignments_are_shares_of_the_tokens_that_count(kind):
    """Without attention there are none."""
    _, _, alphas = run(make(kind), SOURCE, LENGTH, BEFORE)
    assert alphas.shape == (T, len(SOURCE))
    assert not np.any(alphas[:, LENGTH:])
    np.testing.assert_allclose(alphas.sum(axis=1), kind != "none", atol=1e-6)
    if kind == "uniform":
        np.testing.assert_allclose(alphas[:, :LENGTH], 1 / LENGTH, atol=1e-6)
    if kind in LOOKING:
        assert alphas.max() > 0.25 and alphas.std(axis=0).max() > 0.02  # so the tests see something


@each_kind
@pytest.mark.parametrize("length", [1, 3])
def test_what_fills_a_source_up_changes_nothing(kind, length):
    memory, logits, alphas = run(make(kind), SOURCE[:length], length, BEFORE)
    for filling in ([0, 0, 0, 0, 0, 0], [6, 1, 2, 5, 6, 1]):
        source = jnp.array([*SOURCE[:length], *filling][: len(SOURCE)])
        filled, its_logits, its_alphas = run(make(kind), source, length, BEFORE)
        np.testing.assert_allclose(its_logits, logits, atol=1e-6)
        np.testing.assert_allclose(its_alphas[:, :length], alphas, atol=1e-6)
        np.testing.assert_allclose(filled.last, memory.last, atol=1e-6)


@each_kind
def test_what_is_written_later_changes_nothing_before_it(kind):
    logits = run(make(kind), SOURCE, LENGTH, BEFORE)[1]
    changed = run(make(kind), SOURCE, LENGTH, BEFORE.at[3].set(1))[1]
    np.testing.assert_array_equal(changed[:3], logits[:3])
    assert np.abs(changed[3:] - logits[3:]).max(axis=1).min() > 1e-3


@each_kind
def test_the_encoder_reads_in_one_direction_and_to_the_end(kind):
    memory = run(make(kind), SOURCE, LENGTH, BEFORE)[0]
    changed = run(make(kind), SOURCE.at[3].set(0), LENGTH, BEFORE)[0]
    np.testing.assert_array_equal(changed.states[:3], memory.states[:3])
    assert np.abs(changed.states - memory.states)[3:LENGTH].max(axis=1).min() > 1e-3
    assert np.abs(changed.last - memory.last).max() > 1e-3


@each_kind
def test_only_attention_sees_more_than_the_last_state(kind):
    memory, logits, _ = run(make(kind), SOURCE, LENGTH, BEFORE)
    states = memory.states.at[1].add(1.0)
    moved = np.abs(decode(make(kind), memory._replace(states=states), BEFORE)[0] - logits)
    assert moved.max() == 0 if kind == "none" else moved.max(axis=1).min() > 1e-3


@pytest.mark.parametrize("kind", LOOKING)
def test_other_keys_turn_the_look_and_nothing_else(kind):
    memory = run(make(kind), SOURCE, LENGTH, BEFORE)[0]
    keys = 3 * jax.random.normal(jax.random.key(4), memory.keys.shape)
    found = decode(make(kind), memory._replace(keys=keys), BEFORE)
    _, *expected = in_numpy(make(kind), SOURCE[:LENGTH], BEFORE, np.asarray(keys[:LENGTH], float))
    np.testing.assert_allclose(found[0], expected[0], atol=1e-4)
    np.testing.assert_allclose(found[1][:, :LENGTH], expected[1], atol=1e-5)
    alike = memory._replace(keys=jnp.ones_like(keys))
    np.testing.assert_allclose(
        decode(make(kind), alike, BEFORE)[1],
        memory.known[None] / jnp.full((T, 1), LENGTH),
        atol=1e-6,
    )


@pytest.mark.parametrize("kind", ["none", "uniform"])
def test_without_a_look_the_keys_are_not_read(kind):
    memory, *found = run(make(kind), SOURCE, LENGTH, BEFORE)
    other = decode(make(kind), memory._replace(keys=memory.keys + 1), BEFORE)
    for a, b in zip(found, other, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not {"w_q", "w_k", "v"} & set(weights(make(kind)))


def test_weights_start_at_the_scale_of_their_inputs():
    made = EncoderDecoder(V, 64, rngs=nnx.Rngs(0))
    for name, atol in (("w_q", 0.01), ("w_k", 0.01), ("v", 0.05)):  # 1/8 within 4,096 or 64 draws
        np.testing.assert_allclose(jnp.std(getattr(made, name)[...]), 1 / 8, atol=atol)
    assert np.abs(made.w_q[...] - made.w_k[...]).max() > 0.1


@each_kind
def test_a_batch_is_a_vmap(kind):
    sources, lengths = jnp.stack([SOURCE, SOURCE[::-1]]), jnp.array([5, 2])
    befores = jnp.stack([BEFORE, BEFORE[::-1]])
    batch = logits_of_batch(make(kind), (sources, lengths, befores))
    for row, *inputs in zip(batch, sources, lengths, befores, strict=True):
        np.testing.assert_allclose(row, run(make(kind), *inputs)[1], atol=1e-5)


@pytest.mark.slow
@each_kind
def test_every_weight_has_a_finite_gradient_that_is_not_zero(kind):
    inputs = jnp.stack([SOURCE, SOURCE[::-1]]), jnp.array([5, 1]), jnp.stack([BEFORE, BEFORE])
    batch = Example(inputs, jnp.ones((2, T), int), jnp.ones((2, T), bool))
    for leaf in jax.tree.leaves(jax.jit(jax.grad(masked_loss))(make(kind), batch)):
        assert np.isfinite(leaf).all() and np.abs(leaf).max() > 1e-4


@each_kind
def test_a_length_that_cannot_be_gives_nan_where_nothing_can_be_raised(kind):
    lengths = jnp.array([0, 1, 7, 8, -1])
    batch = jax.vmap(run, (None, None, 0, None))(make(kind), SOURCE, lengths, BEFORE)[1]
    for logits, length in zip(batch, lengths, strict=True):
        one = run(make(kind), SOURCE, length, BEFORE)[1]
        for found in (logits, one):
            bad = np.isnan(found)
            assert not bad.any() if length in (1, 7) else bad.all()


@each_kind
@pytest.mark.parametrize("length", [0, -1, 8])
def test_a_length_that_cannot_be_is_refused(kind, length):
    for given in (length, np.int32(length), jnp.array(length)):
        with pytest.raises(ValueError, match=f"length must be 1 to 7, the source's, got {length}"):
            make(kind)((SOURCE, given, BEFORE))


def test_a_source_of_nothing_is_refused():
    message = "a source must have at least one token, got none"
    with pytest.raises(ValueError, match=message):
        make("before").encode(SOURCE[:0], 0)
    with pytest.raises(ValueError, match=message):
        run(make("before"), SOURCE[:0], 0, BEFORE)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocabulary_size": 0}, "vocabulary_size and hidden must be >= 1, got 0 and 6"),
        ({"hidden": 0}, "vocabulary_size and hidden must be >= 1, got 7 and 0"),
        ({"attention": "beside"}, "attention must be one of .*'before'.*, got 'beside'"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        EncoderDecoder(**{"vocabulary_size": V, "hidden": H} | settings, rngs=nnx.Rngs(0))


@each_kind
def test_everything_is_float32_whatever_the_default(kind, enable_x64):
    with enable_x64(True):
        made = EncoderDecoder(V, H, attention=kind, rngs=nnx.Rngs(0))
        inputs = SOURCE, jnp.int32(LENGTH), BEFORE
        leaves = jax.tree.leaves((made, jax.eval_shape(run, made, *inputs)))
        assert {leaf.dtype.name for leaf in leaves} == {"float32", "bool"}
