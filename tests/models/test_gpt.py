"""A GPT's blocks against loops in NumPy, one token at a time against all at once, bad input."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.decoding.generate import generate
from rnnlib.decoding.strategies import greedy
from rnnlib.models.cells import GRU, LSTM, RNN, MinGRU, unroll
from rnnlib.models.gpt import GPT, Attention, Recurrence
from rnnlib.models.parameters import count_parameters

MIXERS = {
    "attention": partial(Attention, heads=2),
    "no positions": partial(Attention, heads=2, rotary=False),
    **{cell.__name__: partial(Recurrence, cell=cell) for cell in (RNN, GRU, LSTM, MinGRU)},
}
TOKENS = jax.random.randint(jax.random.key(1), (3, 7), 0, 11)


read = jax.jit(lambda model, tokens: model(tokens))
read_by_steps = jax.jit(lambda model, toks: jax.lax.scan(model.step, model.init_state(), toks)[1])


@cache
def make(name="attention", layers=2, learned=False, shift=False):
    settings = {"mixer": MIXERS[name], "layers": layers, "learned": learned, "shift": shift}
    model = jax.jit(lambda key: GPT(11, 8, context=16, rngs=nnx.Rngs(key), **settings))(
        jax.random.key(0)
    )
    if shift:  # not its start, where nothing is shifted
        model.blocks.shift[...] = jax.random.uniform(jax.random.key(2), (layers, 8))
    return model


def norm(x, gain):
    return gain * x / np.sqrt(np.mean(x**2) + 1e-6)


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def attention_by_hand(mixer, us):
    width, d = us.shape[1], us.shape[1] // mixer.heads
    qkv = us @ np.asarray(mixer.qkv.kernel[...])
    ys = np.zeros_like(us)
    for h in range(mixer.heads):
        q, k, v = (qkv[:, n * width + h * d : n * width + (h + 1) * d] for n in range(3))
        if mixer.rotary:
            for x in (q, k):
                for t in range(len(us)):
                    for i in range(d // 2):
                        angle = t * 10000.0 ** (-2 * i / d)
                        a, b = x[t, i], x[t, i + d // 2]
                        x[t, i] = a * np.cos(angle) - b * np.sin(angle)
                        x[t, i + d // 2] = a * np.sin(angle) + b * np.cos(angle)
        for t in range(len(us)):
            p = np.exp(q[t] @ k[: t + 1].T / np.sqrt(d))
            ys[t, h * d : (h + 1) * d] = p / p.sum() @ v[: t + 1]
    return ys


def block_by_hand(block, xs):
    """One sequence xs[T, W] in float64, position by position."""
    g1, g2, w_o, up, down = (
        np.asarray(w[...], np.float64)
        for w in (block.norm_1, block.norm_2, block.out.kernel, block.up.kernel, block.down.kernel)
    )
    us = np.stack([norm(x, g1) for x in xs])
    if block.shift is not None:
        m = np.asarray(block.shift[...])
        us = np.stack([u + m * ((us[t - 1] if t else 0) - u) for t, u in enumerate(us)])
    if isinstance(block.mixer, Attention):
        ys = attention_by_hand(block.mixer, us)
    else:
        ys = np.asarray(unroll(block.mixer.cell, jnp.asarray(us, jnp.float32))[1])
    xs = xs + ys @ w_o
    return np.stack([x + gelu(norm(x, g2) @ up) @ down for x in xs])


@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("name", MIXERS)
def test_a_block_is_its_equations(name, shift):
    block = make(name, shift=shift).layers()[1]
    xs = np.random.default_rng(0).normal(size=(2, 6, 8))
    expected = np.stack([block_by_hand(block, x) for x in xs])
    ys = jax.jit(lambda block, xs: block(xs))(block, jnp.asarray(xs, jnp.float32))
    np.testing.assert_allclose(ys, expected, atol=1e-4)


@pytest.mark.parametrize("settings", [{}, {"learned": True}, {"shift": True}])
@pytest.mark.parametrize("name", MIXERS)
def test_token_by_token_is_all_at_once(name, settings):
    model = make(name, **settings)
    logits = read_by_steps(model, TOKENS[0])
    np.testing.assert_allclose(logits, read(model, TOKENS[0]), atol=1e-5)
    batch = jax.jit(lambda model: model.read_batch(TOKENS))(model)
    np.testing.assert_allclose(batch[0], logits, atol=1e-5)


@pytest.mark.parametrize("name", MIXERS)
def test_nothing_looks_ahead(name):
    model = make(name, learned=True, shift=True)
    other = TOKENS[0].at[4].set((TOKENS[0, 4] + 1) % 11)
    before, after = read(model, TOKENS[0]), read(model, other)
    np.testing.assert_array_equal(before[:4], after[:4])
    assert (before[4:] != after[4:]).any(axis=1).all()


@pytest.mark.parametrize(
    ("name", "layers", "learned", "tells"),
    [
        ("attention", 1, False, True),
        ("no positions", 1, True, True),
        ("no positions", 1, False, False),
        ("no positions", 2, False, True),  # in two layers the mask alone tells the order
    ],
)
def test_what_tells_the_order(name, layers, learned, tells):
    model = make(name, layers=layers, learned=learned)
    one, other = (read(model, jnp.array(tokens))[-1] for tokens in ([1, 2, 3], [2, 1, 3]))
    assert (jnp.abs(one - other).max() > 1e-4) == tells


@pytest.mark.parametrize("name", MIXERS)
def test_it_writes(name):
    model = make(name, shift=True)
    texts = generate(model, TOKENS[0], 4, jax.random.key(3)[None], greedy())
    whole = jnp.concatenate([TOKENS[0], texts[0]])
    np.testing.assert_array_equal(texts[0], read(model, whole)[6:-1].argmax(axis=1))


def test_beyond_the_context():
    long = jnp.zeros(17, int)
    with pytest.raises(ValueError, match="16 positions were learned, got 17"):
        make(learned=True)(long)
    assert read(make(), long).shape == (17, 11)  # rotations go on for ever
    for learned in (False, True):
        logits = read_by_steps(make(learned=learned), long)
        assert jnp.isfinite(logits[:16]).all()
        assert jnp.isnan(logits[16]).all()


def test_the_number_of_parameters():
    rest = 11 * 8 + 8 * 11 + 11 + 8 + 2 * (9 * 8 * 8 + 2 * 8)  # all but the mixers
    mixers = {"attention": 3 * 64, "no positions": 3 * 64, "RNN": 2 * 64 + 8, "MinGRU": 128 + 16}
    for name, each in (mixers | {"GRU": 3 * mixers["RNN"], "LSTM": 4 * mixers["RNN"]}).items():
        assert count_parameters(make(name)) == rest + 2 * each
    assert count_parameters(make(learned=True, shift=True)) == rest + 2 * 192 + 16 * 8 + 2 * 8


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"mixer": partial(Attention, heads=3)}, "heads must divide the width"),
        ({"mixer": partial(Attention, heads=0)}, "heads must divide the width"),
        ({"mixer": partial(Attention, heads=8)}, "even parts if rotary"),
        ({"layers": 0}, "must be >= 1"),
        ({"context": 0}, "must be >= 1"),
    ],
)
def test_bad_input(settings, wrong):
    with pytest.raises(ValueError, match=wrong):
        GPT(11, 8, rngs=nnx.Rngs(0), **settings)
