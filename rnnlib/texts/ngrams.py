"""Count-based language models: the rivals that a recurrent network has to beat.

A gram of k tokens is known by a number: its place in a sorted table of the keys
`(number of its first k - 1 tokens) * V + last token`. So the table of order k leans on that of
order k - 1, no key outgrows 64 bits whatever the order, and all followers of a context stand
side by side. Everything is one sorted search per order: no dictionary, no Python loop over text.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

SMOOTHINGS = ("kneser-ney", "witten-bell")


class _Order(NamedTuple):
    """One term of the mixture: p_k(w | h) = direct(h w) + backoff(h) p_{k-1}(w | h')."""

    keys: NDArray[np.int64]  # [grams], sorted: context number * V + token
    direct: NDArray[np.float64]  # [grams]
    backoff: NDArray[np.float64]  # [contexts], that is [grams of the order below]


class NGram:
    r"""Smoothed n-gram model: the distribution of a token given the `order` - 1 before it.

    Every order is mixed with the one below it, down to the uniform distribution:

        p_k(w | h) = direct_k(h w) + backoff_k(h) p_{k-1}(w | h'),    p_0(w) = 1 / V,

    where h' is the context h without its first token, and backoff is 1 for an unseen context.

    * "kneser-ney" (interpolated, modified): direct = (c - D(c)) / sum_w c, and backoff hands on
      what was discounted. The highest order counts occurrences; every lower order counts the
      different tokens seen in front of the gram, because it is only asked about new contexts.
    * "witten-bell": with T the number of different followers of h, direct = c / (sum_w c + T)
      and backoff = T / (sum_w c + T).

    Args:
        tokens: the training text, int[N], each in 0 .. V - 1.
        order: tokens in a gram; 1 ignores the context, 5 looks at 4 tokens.
        vocabulary_size: V.
        smoothing: "kneser-ney" or "witten-bell".

    Raises: ValueError (order < 1, V < 1, an unknown smoothing, an empty text, or a token outside
    V), TypeError (tokens that are not integers).
    Reference: Chen and Goodman (1999), An empirical study of smoothing techniques for language
    modeling, Computer Speech & Language 13(4). Derived in lesson 01.
    """

    def __init__(
        self,
        tokens: ArrayLike,
        order: int,
        vocabulary_size: int,
        smoothing: str = "kneser-ney",
    ) -> None:
        if order < 1:
            raise ValueError(f"order must be >= 1, got {order}")
        if vocabulary_size < 1:
            raise ValueError(f"vocabulary_size must be >= 1, got {vocabulary_size}")
        if smoothing not in SMOOTHINGS:
            raise ValueError(f"smoothing must be one of {SMOOTHINGS}, got {smoothing!r}")
        self.order, self.vocabulary_size, self.smoothing = order, vocabulary_size, smoothing
        self._orders = self._count(self._check(tokens, "tokens"))

    def log_probs(self, tokens: ArrayLike) -> NDArray[np.float64]:
        """Return the log-probability of each token given those before it.

            ln p(w_i | w_{i-n+1} .. w_{i-1})

        The first tokens of the text have fewer predecessors and use the lower orders.

        Shapes and units: tokens int[N] -> float64[N], in nats.
        Raises: ValueError (an empty text or a token outside the vocabulary).
        Reference: Chen and Goodman (1999), equation 27. Derived in lesson 01.
        """
        tokens = self._check(tokens, "tokens")
        p = np.full(len(tokens), 1 / self.vocabulary_size)
        for table, context, gram in self._look_up(tokens):
            direct = np.where(gram >= 0, table.direct[gram], 0.0)
            p = np.where(context >= 0, direct + table.backoff[context] * p, p)
        return np.log(p)

    def loss(self, tokens: ArrayLike) -> float:
        """Return the mean negative log-probability, in nats per token.

            -(1/N) sum_i ln p(w_i | context)

        Raises: ValueError (an empty text or a token outside the vocabulary).
        Reference: Shannon (1951), Prediction and entropy of printed English. See lesson 01.
        """
        return float(-self.log_probs(tokens).mean())

    def distribution(self, context: ArrayLike = ()) -> NDArray[np.float64]:
        """Return the distribution of the next token: p(w | context) for every w; it sums to 1.

        Only the last `order` - 1 tokens of the context matter.

        Shapes and units: context int[M], any M -> float64[V], probabilities.
        Raises: ValueError (a token outside the vocabulary).
        Reference: Chen and Goodman (1999), equation 27. Derived in lesson 01.
        """
        size = self.vocabulary_size
        context = self._check(context, "context", may_be_empty=True)
        recent = context[max(0, len(context) - self.order + 1) :]
        p = np.full(size, 1 / size)
        # A token of any kind behind the context: what is looked up there is the context's number.
        for table, numbers, _ in self._look_up(np.append(recent, 0)):
            number = numbers[-1]
            if number < 0:
                break  # unseen, and so is every longer context
            start, end = np.searchsorted(table.keys, [number * size, (number + 1) * size])
            p *= table.backoff[number]
            p[table.keys[start:end] - number * size] += table.direct[start:end]
        return p

    def sample(
        self, length: int, rng: np.random.Generator, prompt: ArrayLike = ()
    ) -> NDArray[np.int32]:
        """Write text, one token after another: w_i ~ p(. | w_{i-n+1} .. w_{i-1}).

        The prompt is read first, and is not part of the result.

        Shapes and units: prompt int[M] -> int32[length], drawn by NumPy's generator `rng`.
        Raises: ValueError (length < 1 or a prompt's token outside the vocabulary).
        Reference: Shannon (1948), A mathematical theory of communication, section 3. See lesson 01.
        """
        if length < 1:
            raise ValueError(f"length must be >= 1, got {length}")
        text = self._check(prompt, "prompt", may_be_empty=True).tolist()
        for _ in range(length):
            cumulative = self.distribution(text[max(0, len(text) - self.order + 1) :]).cumsum()
            text.append(int(np.searchsorted(cumulative, rng.random() * cumulative[-1], "right")))
        return np.array(text[-length:], np.int32)

    def _count(self, tokens: NDArray[np.int64]) -> list[_Order]:
        """Build all orders' tables; counts of order k wait until order k + 1 says what precedes."""
        orders: list[_Order] = []
        suffix = context = np.zeros(len(tokens), np.int64)  # the empty context, before each token
        contexts = 1
        for k in range(1, min(self.order, len(tokens)) + 1):
            raw = context * self.vocabulary_size + tokens[k - 1 :]  # [N-k+1]
            keys, first, gram, counts = np.unique(
                raw, return_index=True, return_inverse=True, return_counts=True
            )
            if k > 1 and self.smoothing == "kneser-ney":
                preceded = np.bincount(suffix[first], minlength=len(orders[-1].keys))
                orders[-1] = self._smooth(orders[-1].keys, preceded, len(orders[-1].backoff))
            orders.append(self._smooth(keys, counts, contexts))
            # gram[j] ends at token j+k-1: it is the context of the next token, and without its
            # first token it will be the suffix of the longer gram that ends where it ends.
            suffix, context, contexts = gram[1:], gram[:-1], len(keys)
        return orders

    def _smooth(self, keys: NDArray, counts: NDArray, contexts: int) -> _Order:
        """Turn counts into the mixture's terms: what stays with a gram, what is handed on."""
        context = keys // self.vocabulary_size
        total = np.bincount(context, counts, contexts)
        if self.smoothing == "witten-bell":
            kinds = np.bincount(context, minlength=contexts)
            total, freed, kept = total + kinds, kinds, counts
        else:
            discounts = _discounts(counts)[np.minimum(counts, 3)]
            freed, kept = np.bincount(context, discounts, contexts), counts - discounts
        backoff = np.where(total > 0, freed / np.maximum(total, 1), 1.0)
        return _Order(keys, kept / np.maximum(total, 1)[context], backoff)

    def _look_up(self, tokens: NDArray[np.int64]) -> Iterator[tuple[_Order, NDArray, NDArray]]:
        """Yield the numbers of the context and of the gram at every position, order by order.

        The context is the k - 1 tokens before the position, the gram the k that end there;
        -1 where the training text has none such.
        """
        context = np.zeros(len(tokens), np.int64)
        for table in self._orders:
            wanted = context * self.vocabulary_size + tokens
            place = np.minimum(np.searchsorted(table.keys, wanted), len(table.keys) - 1)
            gram = np.where((context >= 0) & (table.keys[place] == wanted), place, -1)
            yield table, context, gram
            context = np.concatenate([[-1], gram[:-1]])

    def _check(self, tokens: ArrayLike, name: str, may_be_empty: bool = False) -> NDArray[np.int64]:
        """Return the tokens as int64[N], if they are a text over the vocabulary."""
        array = np.atleast_1d(np.asarray(tokens))
        if array.size == 0:
            if may_be_empty:
                return np.zeros(0, np.int64)
            raise ValueError(f"{name} must hold at least one token, got none")
        if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
            raise TypeError(f"{name} must be int[N], got {array.dtype}{list(array.shape)}")
        low, high = int(array.min()), int(array.max())
        if low < 0 or high >= self.vocabulary_size:
            wrong = low if low < 0 else high
            raise ValueError(f"{name} must be in 0 .. {self.vocabulary_size - 1}, got {wrong}")
        return array.astype(np.int64)


def _discounts(counts: NDArray) -> NDArray[np.float64]:
    """Return D(0), D(1), D(2), D(3 and more).

    D(c) = c - (c+1) Y n_{c+1} / n_c, with Y = n_1 / (n_1 + 2 n_2)

    n_c is the number of grams with count c. Where a text is too small or its vocabulary too poor
    for that (a count that no gram has, a discount outside 0 .. c), they are 0.5, 1 and 1.5, as in
    KenLM's fall-back.
    """
    n = np.bincount(np.minimum(counts, 5), minlength=6).astype(float)
    half = np.array([0.0, 0.5, 1.0, 1.5])
    if not n[1:5].all():
        return half
    c = np.arange(1, 4)
    discounts = c - (c + 1) * n[1] / (n[1] + 2 * n[2]) * n[2:5] / n[1:4]
    return np.concatenate([[0.0], discounts]) if (discounts > 0).all() else half
