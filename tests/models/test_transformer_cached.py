"""A Transformer that reads one token after another, against the one that reads them all at once."""

import itertools
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.decoding.beam import beam_search
from rnnlib.decoding.generate import generate
from rnnlib.decoding.strategies import greedy, sample
from rnnlib.models.language_model import LanguageModel
from rnnlib.models.transformer import CachedTransformer, Transformer

V, W, LAYERS, HEADS = 9, 24, 2, 3
TOKENS = jnp.array([3, 1, 4, 1, 5, 2, 6, 5])


@cache
def model(seed=0):
    """A model in which no weight keeps its start value: gains are not 1, the bias is not 0."""

    def init(key):
        made = Transformer(V, W, layers=LAYERS, heads=HEADS, rngs=nnx.Rngs(key))
        return jax.tree.map(lambda w: w + 0.2 * jax.random.normal(key, w.shape, w.dtype), made)

    return jax.jit(init)(jax.random.key(seed))


@jax.jit
def whole(lm, tokens):
    return lm(tokens)


@jax.jit
def prefill(cached, tokens):
    return cached.prefill(tokens)


@jax.jit
def read(cached, state, tokens):
    """Read token after token: -> (state, logits[T, V])."""
    return jax.lax.scan(cached.step, state, tokens)


@pytest.mark.parametrize("capacity", [8, 13])
def test_token_after_token_gives_the_logits_of_the_whole(capacity):
    cached = CachedTransformer(model(), capacity)
    state, logits = read(cached, cached.init_state(), TOKENS)
    np.testing.assert_allclose(logits, whole(model(), TOKENS), atol=1e-4)
    assert state.position == 8


@pytest.mark.slow
@pytest.mark.parametrize("length", range(1, 9))
def test_a_prompt_may_be_read_at_once(length):
    cached, expected = CachedTransformer(model(), 8), whole(model(), TOKENS)
    state, last = prefill(cached, TOKENS[:length])
    np.testing.assert_allclose(last, expected[length - 1], atol=1e-4)
    by_steps, _ = read(cached, cached.init_state(), TOKENS[:length])
    for got, step_by_step in zip(state, by_steps, strict=True):
        np.testing.assert_allclose(got, step_by_step, atol=1e-4)
    _, logits = read(cached, state, TOKENS[length:])
    np.testing.assert_allclose(logits, expected[length:], atol=1e-4)


@pytest.mark.slow
def test_a_context_of_hundreds():
    tokens = jax.random.randint(jax.random.key(0), (300,), 0, V)
    cached = CachedTransformer(model(), 310)
    expected = whole(model(), tokens)
    _, logits = read(cached, cached.init_state(), tokens)
    np.testing.assert_allclose(logits, expected, atol=1e-3)
    state, last = prefill(cached, tokens[:200])
    np.testing.assert_allclose(last, expected[199], atol=1e-3)
    np.testing.assert_allclose(read(cached, state, tokens[200:])[1], expected[200:], atol=1e-3)


@pytest.mark.slow
def test_texts_and_models_may_stand_side_by_side():
    texts = jnp.stack([TOKENS, TOKENS[::-1]])
    cached = CachedTransformer(model(), 8)
    _, logits = jax.vmap(read, (None, None, 0))(cached, cached.init_state(), texts)
    np.testing.assert_allclose(logits, jax.vmap(whole, (None, 0))(model(), texts), atol=1e-4)

    both = jax.tree.map(lambda *w: jnp.stack(w), cached, CachedTransformer(model(1), 8))
    from_nothing = lambda cached: read(cached, cached.init_state(), TOKENS)[1]  # noqa: E731
    for one, logits in zip([model(), model(1)], jax.vmap(from_nothing)(both), strict=True):
        np.testing.assert_allclose(logits, whole(one, TOKENS), atol=1e-4)


@pytest.mark.slow
def test_it_has_the_interface_of_a_recurrent_language_model():
    recurrent = LanguageModel(V, W, rngs=nnx.Rngs(0))
    for lm in (recurrent, CachedTransformer(model(), 8)):
        start = jax.eval_shape(lm.init_state)
        after, logits = jax.eval_shape(lm.step, start, jnp.int32(0))
        opened = jax.eval_shape(lm.prefill, TOKENS)
        assert (after, logits) == opened
        assert start == after
        assert logits.shape == (V,)


@pytest.mark.slow
def test_the_greedy_text_is_that_of_reading_everything_anew():
    length = 6
    text = np.zeros(3 + length, int)
    text[:3] = TOKENS[:3]
    for t in range(3, 3 + length):  # what follows t changes nothing before it
        text[t] = whole(model(), jnp.asarray(text))[t - 1].argmax()
    keys = jax.random.split(jax.random.key(0), 2)
    for row in generate(CachedTransformer(model(), 3 + length), TOKENS[:3], length, keys, greedy()):
        np.testing.assert_array_equal(row, text[3:])
    assert len(set(text[3:].tolist())) > 1  # or it would be no test


@pytest.mark.slow
def test_a_batch_of_prompts_is_continued_at_once():
    """Each row by its own prompt and key, as if it were alone; the steps of all are one program."""
    cached, prompts = CachedTransformer(model(), 8), jnp.stack([TOKENS[:3], TOKENS[3:6]])
    keys = jax.random.split(jax.random.key(1), (2, 4))  # four texts behind each prompt
    write = lambda prompt, keys: generate(cached, prompt, 5, keys, sample())  # noqa: E731
    together = jax.jit(jax.vmap(write))(prompts, keys)
    assert together.shape == (2, 4, 5)
    for prompt, of_prompt, texts in zip(prompts, keys, together, strict=True):
        for key, text in zip(of_prompt, texts, strict=True):
            np.testing.assert_array_equal(write(prompt, key[None])[0], text)


@pytest.mark.slow
def test_beam_search_finds_the_likeliest_of_all_texts():
    texts = np.array(list(itertools.product(range(V), repeat=2)))
    prompts = np.tile(TOKENS[:3], (len(texts), 1))
    logits = jax.vmap(whole, (None, 0))(model(), np.concatenate([prompts, texts], axis=1))
    nats = jax.nn.log_softmax(logits[:, 2:4])
    scores = np.take_along_axis(np.asarray(nats), texts[:, :, None], axis=2).sum(axis=(1, 2))
    best = np.argsort(-scores)
    found, found_scores = beam_search(CachedTransformer(model(), 5), TOKENS[:3], 2, width=V**2)
    np.testing.assert_allclose(found_scores, scores[best], atol=1e-4)
    np.testing.assert_array_equal(found[:3], texts[best[:3]])


def test_beyond_the_capacity_nothing_is_overwritten_and_the_logits_are_nan():
    cached = CachedTransformer(model(), 5)
    full, _ = read(cached, cached.init_state(), TOKENS[:5])
    after, logits = read(cached, cached.init_state(), TOKENS)
    np.testing.assert_allclose(logits[:5], whole(model(), TOKENS)[:5], atol=1e-4)
    assert np.isnan(logits[5:]).all()
    np.testing.assert_array_equal(after.keys, full.keys)
    np.testing.assert_array_equal(after.values, full.values)


def bytes_of(arrays):
    return sum(leaf.nbytes for leaf in jax.tree.leaves(arrays))


def test_a_position_takes_a_key_and_a_value_in_every_layer():
    for capacity in (1, 7):
        state = CachedTransformer(model(), capacity).init_state()
        assert bytes_of((state.keys, state.values)) == capacity * 2 * LAYERS * W * 4


@pytest.mark.slow
def test_a_scan_of_steps_holds_no_second_cache():
    cached = CachedTransformer(model(), 10_000)
    state = cached.init_state()
    made: Any = read.lower(cached, state, TOKENS).compile().memory_analysis()
    assert made.output_size_in_bytes > bytes_of(state.keys)  # so the measure sees what there is
    assert made.temp_size_in_bytes < bytes_of(state.keys) / 4  # the scores of one position


@pytest.mark.slow
def test_everything_is_float32_whatever_the_default(enable_x64):
    with enable_x64(True):
        cached = CachedTransformer(model(), 8)
        read_at_once = cached.prefill(TOKENS[:3])
        state, logits = read(cached, cached.init_state(), TOKENS)
        types = {leaf.dtype.name for leaf in jax.tree.leaves((read_at_once, state, logits))}
        assert types == {"float32", "int32"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CachedTransformer(model(), 0), "capacity must be >= 1 token, got 0"),
        (lambda: CachedTransformer(model(), 7).prefill(TOKENS), "must have 1 to 7 tokens, got 8"),
        (
            lambda: CachedTransformer(model(), 7).prefill(TOKENS[:0]),
            "must have 1 to 7 tokens, got 0",
        ),
        (
            lambda: generate(
                CachedTransformer(model(), 7),
                TOKENS,
                1,
                jax.random.split(jax.random.key(0)),
                greedy(),
            ),
            "must have 1 to 7 tokens, got 8",
        ),
        (
            lambda: beam_search(CachedTransformer(model(), 7), TOKENS, 1, 2),
            "must have 1 to 7 tokens, got 8",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
