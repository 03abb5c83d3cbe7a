"""N-gram models against fractions worked out by hand and against a dictionary of counts."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from rnnlib.texts import corpora
from rnnlib.texts.ngrams import SMOOTHINGS, NGram, _discounts
from rnnlib.texts.vocabularies import CharVocabulary
from rnnlib.texts.windows import split

TINY = [0, 1, 0, 1, 1]  # a b a b b


def random_text(length, vocabulary_size, seed=0):
    """A text with structure: most tokens are decided by the two before them."""
    rng = np.random.default_rng(seed)
    tokens = list(rng.integers(vocabulary_size, size=2))
    for _ in range(length - 2):
        likely = (3 * tokens[-1] + tokens[-2]) % vocabulary_size
        tokens.append(likely if rng.random() < 0.6 else rng.integers(vocabulary_size))
    return np.array(tokens)


class DictionaryNGram:
    """The textbook's recursion, written with dictionaries of tuples and nothing else."""

    def __init__(self, tokens, order, vocabulary_size, smoothing):
        self.size, self.smoothing, self.counts, self.discounts = vocabulary_size, smoothing, {}, {}
        text = tuple(int(token) for token in tokens)
        for k in range(1, order + 1):
            counts = Counter(text[i : i + k] for i in range(len(text) - k + 1))
            if smoothing == "kneser-ney" and k < order:
                longer = {text[i : i + k + 1] for i in range(len(text) - k)}
                continuations = Counter(gram[1:] for gram in longer)
                counts = Counter({gram: continuations[gram] for gram in counts})
            self.counts[k] = defaultdict(dict)
            for gram, count in counts.items():
                self.counts[k][gram[:-1]][gram[-1]] = count
            self.discounts[k] = _discounts(np.array(list(counts.values())))

    def p(self, token, context):
        backed = self.p(token, context[1:]) if context else 1 / self.size
        followers = self.counts[len(context) + 1][context]
        total = sum(followers.values())
        if total == 0:
            return backed
        count = followers.get(token, 0)
        if self.smoothing == "witten-bell":
            return (count + len(followers) * backed) / (total + len(followers))
        discount = self.discounts[len(context) + 1]
        freed = sum(discount[min(c, 3)] for c in followers.values())
        return (count - discount[min(count, 3)] + freed * backed) / total


def test_witten_bell_by_hand():
    model = NGram(TINY, 2, 2, "witten-bell")
    # Unigrams: a twice, b three times, two kinds: p(a) = (2 + 2/2) / (5 + 2).
    np.testing.assert_allclose(model.distribution([]), [3 / 7, 4 / 7])
    # After a: b twice, one kind: p(b | a) = (2 + 4/7) / 3.
    np.testing.assert_allclose(model.distribution([0]), [1 / 7, 6 / 7])
    # After b: a once, b once, two kinds: p(a | b) = (1 + 2 * 3/7) / 4.
    np.testing.assert_allclose(model.distribution([1]), [13 / 28, 15 / 28])
    by_hand = np.log([4 / 7, 13 / 28, 1 / 7])
    np.testing.assert_allclose(model.log_probs([1, 0, 0]), by_hand)
    assert model.loss([1, 0, 0]) == pytest.approx(-by_hand.mean())


def test_kneser_ney_by_hand():
    model = NGram(TINY, 2, 2)
    # So small a text discounts a half of each count. In front of a stands only b, in front of b
    # both: counts 1 and 2, of which 0.5 + 1 are handed on. p(a) = 0.5/3 + 1.5/3 * 1/2.
    np.testing.assert_allclose(model.distribution([]), [5 / 12, 7 / 12])
    # After a: b twice. p(b | a) = (2 - 1)/2 + 1/2 * 7/12.
    np.testing.assert_allclose(model.distribution([0]), [5 / 24, 19 / 24])
    # After b: a once, b once. p(a | b) = (1 - 0.5)/2 + 1/2 * 5/12.
    np.testing.assert_allclose(model.distribution([1]), [11 / 24, 13 / 24])
    np.testing.assert_allclose(model.log_probs([1, 0, 0]), np.log([7 / 12, 11 / 24, 5 / 24]))


def test_discounts_by_hand():
    counts = np.array([1, 1, 1, 1, 2, 2, 3, 4, 9])  # n = 4, 2, 1, 1: Y = 4 / (4 + 4)
    np.testing.assert_allclose(_discounts(counts), [0, 0.5, 1.25, 1.0])


@pytest.mark.parametrize("counts", [[7], [1, 1, 2, 3], [1, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4]])
def test_discounts_fall_back_where_the_estimate_has_no_ground(counts):
    np.testing.assert_array_equal(_discounts(np.array(counts)), [0, 0.5, 1, 1.5])


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("order", [1, 2, 4])
def test_equals_a_dictionary_of_counts(order, smoothing):
    text, other = random_text(600, 5), random_text(80, 6, seed=1)
    model, oracle = NGram(text, order, 6, smoothing), DictionaryNGram(text, order, 6, smoothing)
    contexts = [tuple(other[max(0, i - order + 1) : i].tolist()) for i in range(len(other))]
    expected = [np.log(oracle.p(int(w), h)) for w, h in zip(other, contexts, strict=True)]
    np.testing.assert_allclose(model.log_probs(other), expected)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_distribution_sums_to_one_and_gives_everything_a_chance(order, smoothing):
    text = random_text(2_000, 7)
    model = NGram(text, order, 8, smoothing)  # token 7 never occurs
    rng = np.random.default_rng(1)
    seen = [text[i : i + 5] for i in rng.integers(len(text) - 5, size=20)]
    unseen = [rng.integers(8, size=length) for length in range(6)] + [[7], [7, 7, 7, 7], [0, 7, 1]]
    ends = [text[-length:] for length in range(1, 6)]  # contexts that nothing ever followed
    for context in [*seen, *unseen, *ends]:
        p = model.distribution(context)
        assert p.shape == (8,)
        assert p.sum() == pytest.approx(1)
        assert (p > 0).all()


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_log_probs_are_those_of_the_distribution(smoothing):
    model, other = NGram(random_text(500, 4), 4, 4, smoothing), random_text(40, 4, seed=2)
    one_by_one = [np.log(model.distribution(other[:i])[w]) for i, w in enumerate(other)]
    np.testing.assert_allclose(model.log_probs(other), one_by_one)


def test_only_the_last_tokens_of_a_context_matter():
    model = NGram(random_text(500, 4), 3, 4)
    np.testing.assert_array_equal(model.distribution([0, 1, 2]), model.distribution([3, 3, 1, 2]))


def test_a_text_shorter_than_the_order():
    short, long = NGram(TINY, 5, 2), NGram(TINY, 9, 2)
    assert long.distribution([0, 1, 0, 1]).sum() == pytest.approx(1)
    assert short.distribution([0, 1, 0, 1]).sum() == pytest.approx(1)
    np.testing.assert_allclose(NGram([1], 3, 2).distribution([1]), [0.25, 0.75])


def test_vocabulary_to_the_power_of_the_order_may_exceed_64_bits():
    text = random_text(300, 5_000)
    model = NGram(text, 8, 5_000)  # 5000 ** 8 is about 2 ** 98
    assert model.distribution(text[:7])[text[7]] > 0.01
    assert model.distribution(text[:7]).sum() == pytest.approx(1)


def test_longer_contexts_help_where_the_text_has_them():
    train, test = random_text(20_000, 10), random_text(2_000, 10, seed=3)
    losses = [NGram(train, order, 10).loss(test) for order in (1, 2, 3)]
    assert losses[2] < losses[0] - 0.5
    truth = -0.64 * np.log(0.64) - 9 * 0.04 * np.log(0.04)  # 0.6 + 0.4/10 for the likely token
    assert losses[2] == pytest.approx(truth, abs=0.06)


@pytest.mark.slow
def test_shakespeare_by_character():
    plays = corpora.load("shakespeare")
    vocabulary = CharVocabulary(plays)
    blocks = split(vocabulary.encode(plays), validation=0.0)

    def bits(order, smoothing):
        model = NGram(blocks.train, order, len(vocabulary), smoothing)
        return model.loss(blocks.test) / np.log(2)

    kneser_ney, witten_bell = bits(5, "kneser-ney"), bits(5, "witten-bell")
    assert 2.2 < kneser_ney < witten_bell < 2.5
    # Longer contexts go on helping the one and harm the other.
    assert bits(7, "kneser-ney") < kneser_ney
    assert bits(7, "witten-bell") > witten_bell


def test_samples_follow_the_distribution():
    model = NGram(random_text(500, 4), 3, 4)
    rng, draws = np.random.default_rng(0), 4_000
    first = np.array([model.sample(1, rng, prompt=[1, 2])[0] for _ in range(draws)])
    expected = draws * model.distribution([1, 2])
    chi_square = ((np.bincount(first, minlength=4) - expected) ** 2 / expected).sum()
    assert chi_square < 16.27  # 99.9 % point, 3 degrees of freedom


def test_a_sample_is_a_function_of_its_generator():
    model = NGram(random_text(500, 4), 3, 4)
    one, same = (model.sample(50, np.random.default_rng(7), prompt=[0]) for _ in range(2))
    assert one.dtype == np.int32
    assert one.shape == (50,)
    np.testing.assert_array_equal(one, same)
    assert (one != model.sample(50, np.random.default_rng(8), prompt=[0])).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], 0, 2), r"order must be >= 1, got 0"),
        (([0, 1], 2, 0), r"vocabulary_size must be >= 1, got 0"),
        (([], 2, 2), r"tokens must hold at least one token, got none"),
        (([0, 2], 2, 2), r"tokens must be in 0 \.\. 1, got 2"),
        (([0, -1], 2, 2), r"tokens must be in 0 \.\. 1, got -1"),
        (([0, 1], 2, 2, "laplace"), r"smoothing must be one of .*, got 'laplace'"),
    ],
)
def test_bad_training_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        NGram(*arguments)


def test_tokens_must_be_integers_in_one_row():
    with pytest.raises(TypeError, match=r"tokens must be int\[N\], got float64\[2\]"):
        NGram([0.5, 1.0], 2, 2)
    with pytest.raises(TypeError, match=r"tokens must be int\[N\], got int64\[1, 2\]"):
        NGram([[0, 1]], 2, 2)


def test_bad_questions():
    model = NGram(TINY, 2, 2)
    with pytest.raises(ValueError, match=r"tokens must hold at least one token, got none"):
        model.loss([])
    with pytest.raises(ValueError, match=r"tokens must be in 0 \.\. 1, got 5"):
        model.log_probs([0, 5])
    with pytest.raises(ValueError, match=r"context must be in 0 \.\. 1, got 2"):
        model.distribution([2])
    with pytest.raises(ValueError, match=r"prompt must be in 0 \.\. 1, got 2"):
        model.sample(3, np.random.default_rng(0), prompt=[2])
    with pytest.raises(ValueError, match=r"length must be >= 1, got 0"):
        model.sample(0, np.random.default_rng(0))
