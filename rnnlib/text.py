"""Text: the corpora that ship with the course, vocabularies, splits and training windows."""

import hashlib
import lzma
import re
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

SHA256 = {
    "shakespeare.txt": "982cba6848d7e97323d1e269bbb4daaa78e693cca93ddf1b14f6592e9a64fbce",
    "sonnets.txt": "65ba66884862d23cf6632b871e8a016bb1e46bb5dd52a3b5a6d6cdc521278441",
    "austen.txt": "db2cdbf60584de5e99d05bf89964819ec32e0b9968920e12c4f1217bd63cf87f",
    "cmudict.dict": "21a32a954fa5c2e2e22e24f9516f7a41f0adc45d9aa701baa8f67db3587d4f07",
}
UNKNOWN = "<unk>"
_TOKEN = re.compile(
    r"(?:mr|mrs|dr)\.|[^\W\d_]+(?:['’][^\W\d_]+)?|[0-9]+|--|[.,;:!?\"()]"  # [^\W\d_]: a letter
)


def load(name: str) -> str:
    """Return one of the shipped texts: "shakespeare", "sonnets" or "austen".

    Raises:
        ValueError: the name is not one of the three, or the file's checksum is wrong.
    """
    names = [file.removesuffix(".txt") for file in SHA256 if file.endswith(".txt")]
    if name not in names:
        raise ValueError(f"text must be one of {names}, got {name!r}")
    return _read(f"{name}.txt")


def pronunciations() -> dict[str, list[tuple[str, ...]]]:
    """Return each word's pronunciations, as tuples of ARPAbet phones such as ("L", "AH1", "V").

    Reference: the CMU pronouncing dictionary, cut to the words of the plays and the sonnets.
    """
    spoken: dict[str, list[tuple[str, ...]]] = {}
    for line in _read("cmudict.dict").splitlines():
        word, *phones = line.split("#")[0].split()
        spoken.setdefault(re.sub(r"\(\d\)$", "", word), []).append(tuple(phones))
    return spoken


def _read(file: str) -> str:
    try:
        raw = lzma.decompress(files("rnnlib").joinpath("data", file + ".xz").read_bytes())
    except (lzma.LZMAError, EOFError):
        raw = b""  # damaged or cut off: its checksum is wrong, too
    if hashlib.sha256(raw).hexdigest() != SHA256[file]:
        raise ValueError(f"{file} is corrupted (its sha256 is wrong): reinstall rnnlib")
    return raw.decode()


def words(text: str) -> list[str]:
    """Cut a text into lower-case words, numbers (of the digits 0 to 9) and punctuation marks.

    A word is a run of letters of any alphabet, with at most one apostrophe inside; "mr.", "mrs."
    and "dr." stay one word each. The marks are . , ; : ! ? " ( ) and the double hyphen. A single
    hyphen cuts a word in two ("well-known" gives "well", "known"), and it, underscores, and every
    other sign (£, a curly quotation mark, a long dash) are dropped.
    """
    return _TOKEN.findall(text.lower().replace("_", ""))


class Split(NamedTuple):
    """Three contiguous blocks of one sequence, in this order, without overlap."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(tokens: np.ndarray, validation: float = 0.05, test: float = 0.05) -> Split:
    """Cut a sequence into train, validation and test blocks, so that no window spans two.

    Raises:
        ValueError: a share is negative, nothing is left for training, or the sequence is so short
            that a block whose share is not 0 would be empty.
    """
    if min(validation, test) < 0 or validation + test >= 1:
        raise ValueError(
            "validation and test must be shares >= 0 that leave something to train on, "
            f"got {validation} and {test}"
        )
    first, second = (round(len(tokens) * (1 - share)) for share in (validation + test, test))
    blocks = Split(tokens[:first], tokens[first:second], tokens[second:])
    lengths, shares = [len(block) for block in blocks], (1, validation, test)
    if any(share > 0 and not length for length, share in zip(lengths, shares, strict=True)):
        raise ValueError(
            f"{len(tokens)} tokens are too few for shares of {validation} and {test}: "
            f"train, validation and test would have {lengths} tokens"
        )
    return blocks


class CharVocabulary:
    """The characters of a text, sorted; a token is a character's place in that order.

    Raises:
        ValueError: the text is empty.
    """

    def __init__(self, text: str):
        if not text:
            raise ValueError("a vocabulary needs a text, got an empty one")
        self.symbols = sorted(set(text))
        self._index = {symbol: i for i, symbol in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: str) -> np.ndarray:
        """Turn a text into tokens[N], int32.

        Raises:
            ValueError: the text is empty, or has a character that the vocabulary lacks.
        """
        if not text:
            raise ValueError("cannot encode an empty text")
        for symbol in set(text) - self._index.keys():
            raise ValueError(
                f"character {symbol!r} at position {text.index(symbol)} is not in the vocabulary "
                f"of {len(self)}: {''.join(self.symbols)!r}"
            )
        return np.array([self._index[symbol] for symbol in text], np.int32)

    def decode(self, tokens: np.ndarray) -> str:
        """Turn tokens[N] back into text."""
        return "".join(self.symbols[i] for i in np.asarray(tokens))


class WordVocabulary:
    """The `size` most frequent words of a text; token 0 stands for every other word.

    Raises:
        ValueError: the text has no word, or `size` is under 2.
    """

    def __init__(self, text: str, size: int):
        if size < 2:
            raise ValueError(f"size must be >= 2 (<unk> and one word), got {size}")
        # Ties are broken by the alphabet, so that a vocabulary does not depend on the text's order.
        ranked = sorted(Counter(words(text)).items(), key=lambda item: (-item[1], item[0]))
        if not ranked:
            raise ValueError("a vocabulary needs a text with words, got none")
        self.symbols = [UNKNOWN, *(word for word, _ in ranked[: size - 1])]
        self._index = {symbol: i for i, symbol in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: str) -> np.ndarray:
        """Turn a text into tokens[N], int32; words outside the vocabulary become token 0.

        Raises:
            ValueError: the text has no word.
        """
        found = words(text)
        if not found:
            raise ValueError("cannot encode a text without words")
        return np.array([self._index.get(word, 0) for word in found], np.int32)

    def decode(self, tokens: np.ndarray) -> str:
        """Turn tokens[N] back into text, with no blank before a closing mark."""
        return re.sub(r" ([.,;:!?)])", r"\1", " ".join(self.symbols[i] for i in np.asarray(tokens)))


def windows(tokens: np.ndarray, length: int, batch: int) -> Callable[[jax.Array], jax.Array]:
    """Make a sampler of training windows, key -> tokens[B, T + 1], that runs on the device.

    Each window starts at a uniformly random place and holds `length` inputs and, shifted by one,
    their `length` targets.

    Raises:
        ValueError: a size is under 1, or a window is longer than the text.
    """
    if min(length, batch) < 1:
        raise ValueError(f"length and batch must be >= 1, got {length} and {batch}")
    if length + 1 > len(tokens):
        raise ValueError(
            f"a window of {length} + 1 tokens does not fit into a text of {len(tokens)}"
        )
    store = jnp.asarray(tokens)
    offsets = jnp.arange(length + 1)

    def sample(key: jax.Array) -> jax.Array:
        starts = jax.random.randint(key, (batch, 1), 0, len(store) - length)
        return store[starts + offsets[None, :]]

    return sample
