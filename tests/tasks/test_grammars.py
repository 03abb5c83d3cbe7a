"""Grammars: a reader in plain Python, with a stack, foretells every sentence word by word."""

import doctest
import math
from collections import Counter
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnlib.tasks import grammars
from rnnlib.tasks.grammars import NOUNS, VERBS, Agreement, Selectional

GRAMMARS = [
    *(Agreement(branching, 2) for branching in ("right", "centre")),
    *(Agreement(branching, (0, 3), opposite=True) for branching in ("right", "centre")),
    Agreement("centre", (1, 2)),
    Agreement("right", 0),
    Selectional((0, 3), nouns=3),
    Selectional((1, 3), nouns=5, branching="right"),
]


@cache
def draw(grammar, size=500):
    """Draw sentences as NumPy arrays."""
    keys = jax.random.split(jax.random.key(0), size)
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(grammar))(keys))


def texts(grammar, drawn):
    """Write out what counts of each sentence, as lists of words that begin with a full stop."""
    for inputs, targets, mask in zip(drawn.inputs, drawn.targets, drawn.mask, strict=True):
        yield grammar.text([inputs[0], *targets[mask]]).split()


def lexicon(grammar):
    """List (nouns, verbs) of each kind."""
    if isinstance(grammar, Selectional):
        return [([f"n{i}"], [f"v{i}"]) for i in range(grammar.nouns)]
    return [(NOUNS, [verb + "s" for verb in VERBS]), ([noun + "s" for noun in NOUNS], VERBS)]


def even(words, share=1.0):
    return {word: share / len(words) for word in words}


def foretell(grammar, words):
    """Give the probability of each word that may come next, from all the words so far."""
    low, high = grammar.depths if isinstance(grammar.depths, tuple) else (grammar.depths,) * 2
    kinds, right = lexicon(grammar), grammar.branching == "right"
    is_noun = {noun: i for i, (nouns, _) in enumerate(kinds) for noun in nouns}
    nouns, stack, clauses = [], [], 0
    for word in words[1:]:
        if word in is_noun:
            nouns.append(is_noun[word])
            stack.append(is_noun[word])
        elif word == "that":
            clauses += 1
        else:
            stack.pop()
    allowed = list(is_noun)
    if nouns and getattr(grammar, "opposite", False):
        allowed = kinds[1 - nouns[0]][0]
    before, last = ([".", *words])[-2:]
    if len(words) == 1 or (last == "that" and not right):
        return even(allowed)
    if last == "that":
        return even(kinds[nouns[-1]][1])
    if last in is_noun:
        more = 1.0 if clauses < low else (high - clauses) / (high - clauses + 1)
        return {"that": more} | even(kinds[nouns[0] if right else nouns[-1]][1], 1 - more)
    if right:
        return even(allowed) if before == "that" else {".": 1.0}
    return even(kinds[stack[-1]][1]) if stack else {".": 1.0}


@pytest.mark.slow
@pytest.mark.parametrize("grammar", GRAMMARS, ids=repr)
def test_a_reader_who_foretells_every_word_reaches_the_floor_and_no_less(grammar):
    drawn = draw(grammar)
    nats, counted = np.zeros(500), np.zeros(500)
    for i, words in enumerate(texts(grammar, drawn)):
        for end in range(1, len(words)):
            chances = foretell(grammar, words[:end])
            assert sum(chances.values()) == pytest.approx(1)
            nats[i] -= math.log(chances[words[end]])  # a KeyError: no such sentence
        counted[i] = len(words) - 1
    misses = nats - grammar.floor() * counted
    assert abs(misses.mean()) < 5 * misses.std() / math.sqrt(500) + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("grammar", GRAMMARS, ids=repr)
def test_a_sentence_is_shifted_masked_and_filled_up(grammar):
    drawn, high = draw(grammar), np.max(grammar.depths)
    assert drawn.inputs.shape == drawn.targets.shape == drawn.mask.shape == (500, 3 * high + 3)
    np.testing.assert_array_equal(drawn.inputs[:, 1:], drawn.targets[:, :-1])
    for words, sentence in zip(texts(grammar, drawn), zip(*drawn, strict=True), strict=True):
        inputs, targets, mask, main, depth = sentence
        assert words[0] == words[-1] == "." and "." not in words[1:-1]
        assert words.count("that") == depth and len(words) == 3 * depth + 4
        assert list(mask) == sorted(mask, reverse=True)
        assert set(grammar.text(targets[~mask]).split()) <= {"."}
        assert grammar.words[targets[main]] == words[-2]
        assert max(*inputs, *targets) < grammar.vocabulary_size == len(grammar.words)
    assert len(set(grammar.words)) == grammar.vocabulary_size


@pytest.mark.slow
@pytest.mark.parametrize(
    "grammar",
    [
        Agreement("right", 0),
        Selectional((0, 2), nouns=2),
        Selectional((1, 2), nouns=2, branching="right"),
    ],
    ids=repr,
)
def test_the_floor_is_the_entropy_of_the_sentences_that_come(grammar):
    """Count whole sentences, of which there are at most 128, without reading them."""
    drawn = draw(grammar, 40_000)
    counts = Counter(map(tuple, drawn.targets.tolist()))
    shares = np.array(list(counts.values())) / 40_000
    entropy = -(shares * np.log(shares)).sum() + (len(counts) - 1) / 80_000  # Miller and Madow
    counted = drawn.mask.sum() / 40_000
    assert entropy / counted == pytest.approx(grammar.floor(), abs=0.005)


@pytest.mark.slow
@pytest.mark.parametrize("branching", ["right", "centre"])
@pytest.mark.parametrize("opposite", [False, True])
def test_numbers_and_depths_are_drawn_evenly(branching, opposite):
    grammar, plural = Agreement(branching, (2, 3), opposite=opposite), {n + "s" for n in NOUNS}
    drawn = draw(grammar, 4000)
    numbers, depths = Counter(), Counter()
    for words in texts(grammar, drawn):
        nouns = [word in plural for word in words if word in plural or word in NOUNS]
        depths[len(nouns) - 1] += 1
        numbers[tuple(nouns[:3])] += 1
        assert not opposite or nouns[1:] == [not nouns[0]] * (len(nouns) - 1)
    for counts, cells in (depths, 2), (numbers, 2 if opposite else 8):
        assert len(counts) == cells
        spread = math.sqrt(4000 * (1 - 1 / cells) / cells)
        assert max(abs(n - 4000 / cells) for n in counts.values()) < 5 * spread


@pytest.mark.slow
@pytest.mark.parametrize("grammar", GRAMMARS, ids=repr)
def test_agreement_is_the_share_of_the_right_verbs(grammar):
    drawn, kinds = jax.tree.map(lambda part: part[:20], draw(grammar)), lexicon(grammar)
    logits = jax.random.normal(jax.random.key(1), (*drawn.inputs.shape, grammar.vocabulary_size))
    score = jax.jit(jax.vmap(grammar.agreement))
    shares = score(logits, drawn)
    everything = [verb for _, verbs in kinds for verb in verbs]
    for i, words in enumerate(texts(grammar, drawn)):
        row = np.exp(np.asarray(logits, float)[i, len(words) - 3])  # foretells the last but one
        chances = dict(zip(grammar.words, row, strict=True))
        right = next(verbs for nouns, verbs in kinds if words[1] in nouns)
        expected = sum(chances[v] for v in right) / sum(chances[v] for v in everything)
        assert shares[i] == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(score(jnp.zeros_like(logits), drawn), 1 / len(kinds), rtol=1e-6)


def owners(words, right):
    """Pair the place of each verb with that of its noun."""
    pairs, stack, nouns = [], [], []
    for place, word in enumerate(words):
        if word.startswith("n"):
            nouns.append(place)
            stack.append(place)
        elif word.startswith("v"):
            in_clause = words[place - 1] == "that"
            pairs.append((place, nouns[-1 if in_clause else 0] if right else stack.pop()))
    return pairs


@pytest.mark.slow
@pytest.mark.parametrize("branching", ["right", "centre"])
@pytest.mark.parametrize("depth", [0, 1, 2, 4])
def test_the_bits_are_those_of_the_nouns_whose_verbs_are_to_come(branching, depth):
    grammar = Selectional(depth, nouns=8, branching=branching)
    words = next(texts(grammar, draw(grammar)))
    pairs = owners(words, branching == "right")
    assert all(words[verb][1:] == words[noun][1:] for verb, noun in pairs)
    open_nouns = [
        {noun for verb, noun in pairs if noun <= now < verb} for now, _ in enumerate(words)
    ]
    assert grammar.bits(depth) == 3 * max(map(len, open_nouns))


def test_the_examples_in_the_docstrings():
    found = doctest.testmod(grammars)
    assert found.attempted >= 3
    assert found.failed == 0


@pytest.mark.slow
def test_a_sentence_is_a_function_of_its_key():
    grammar = GRAMMARS[2]
    keys, rows = jax.random.split(jax.random.key(0), 500), zip(*draw(grammar), strict=True)
    for key, row in zip(keys[:4], rows, strict=False):
        for one, other in zip(grammar(key), row, strict=True):
            np.testing.assert_array_equal(one, other)
            assert not one.weak_type  # or a scan would refuse it
    assert len({tuple(tokens) for tokens in draw(grammar).inputs[:4].tolist()}) == 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Agreement("left", 1), r"branching must be one of .*, got 'left'"),
        (lambda: Agreement("right", -1), "0 <= low <= high, got -1"),
        (lambda: Agreement("right", [0, 2]), r"0 <= low <= high, got \[0, 2\]"),
        (lambda: Agreement("right", 1.5), "0 <= low <= high, got 1.5"),
        (lambda: Agreement("centre", (2, 1)), r"0 <= low <= high, got \(2, 1\)"),
        (lambda: Agreement("centre", (0, 1, 2)), r"d or a tuple \(low, high\) .* got \(0, 1, 2\)"),
        (lambda: Selectional((-1, 1)), r"got \(-1, 1\)"),
        (lambda: Selectional(1, nouns=1), "nouns must be >= 2, got 1"),
        (lambda: Selectional(1, branching="both"), "branching must be one of"),
        (
            lambda: Agreement("right", 1).agreement(jnp.zeros((6, 33)), None),
            r"logits must be \[L, 34\], got \(6, 33\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
