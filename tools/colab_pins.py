"""Write requirements-colab.txt from what a Colab session says of itself.

On Colab run a cell `!python --version && pip freeze`, copy its output into a file, and here:

    .venv/bin/python tools/colab_pins.py FILE        (without FILE: from standard input)

Then `make colab` tells whether the lessons still run there.
"""

import argparse
import datetime
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "requirements-colab.txt"
# What rnnlib needs, with the compiled half of jax, and what runs the cells.
PINNED = "flax ipykernel ipython jax jaxlib matplotlib numpy optax scipy tqdm".split()
HEAD = (
    "# Colab's packages, frozen on {date} with Python {python}: written by tools/colab_pins.py.\n"
)


class PinError(ValueError):
    """The text is not what `python --version && pip freeze` prints on Colab."""


def pinned(freeze: str, date: datetime.date) -> str:
    """Pick the pins out of a freeze.

    Raises: PinError (no line `Python 3.…`, or a package without its version).
    """
    python = re.search(r"^Python (3\.\d+\.\d+)\s*$", freeze, re.MULTILINE)
    if not python:
        raise PinError("no line `Python 3.…`: run !python --version && pip freeze in one cell")
    lines = re.findall(r"^([\w.-]+)==([\w.]+)", freeze, re.MULTILINE)  # a +cu12 is left off
    found = {name.lower().replace("_", "-"): version for name, version in lines}
    missing = [name for name in PINNED if name not in found]
    if missing:
        raise PinError(f"the freeze has no version of {', '.join(missing)}")
    head = HEAD.format(date=date.isoformat(), python=python[1])
    return head + "".join(f"{name}=={found[name]}\n" for name in PINNED)


def pins() -> dict[str, str]:
    """Read the pins: each package's version, and `python`'s."""
    text = PINS.read_text()
    python = re.search(r"Python ([\d.]+):", text)
    assert python, f"{PINS.name} does not begin as tools/colab_pins.py writes it"
    return {"python": python[1], **dict(re.findall(r"^(\S+)==(\S+)$", text, re.MULTILINE))}


def main() -> None:
    """Write the pins with today's date."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("freeze", nargs="?", type=argparse.FileType(), default=sys.stdin)
    try:
        PINS.write_text(pinned(parser.parse_args().freeze.read(), datetime.date.today()))
    except PinError as error:
        sys.exit(f"{error}\n{PINS.name} stays as it is.")
    print(PINS.read_text(), end="")


if __name__ == "__main__":
    main()
