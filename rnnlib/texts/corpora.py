"""The texts that ship with the course, and how their words were spoken."""

import hashlib
import lzma
import re
from importlib.resources import files

SHA256 = {
    "shakespeare.txt": "982cba6848d7e97323d1e269bbb4daaa78e693cca93ddf1b14f6592e9a64fbce",
    "sonnets.txt": "65ba66884862d23cf6632b871e8a016bb1e46bb5dd52a3b5a6d6cdc521278441",
    "austen.txt": "db2cdbf60584de5e99d05bf89964819ec32e0b9968920e12c4f1217bd63cf87f",
    "cmudict.dict": "21a32a954fa5c2e2e22e24f9516f7a41f0adc45d9aa701baa8f67db3587d4f07",
}


def load(name: str) -> str:
    """Return one of the shipped texts: "shakespeare", "sonnets" or "austen".

    Raises: ValueError (another name, or a file whose checksum is wrong).
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
