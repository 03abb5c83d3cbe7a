"""What a homework notebook needs: numbers of one's own, and checks that help without grading."""

import contextlib
import re
import traceback
import zlib
from collections.abc import Iterator, Sequence
from typing import TypeVar

Choice = TypeVar("Choice")
CELL = re.compile("ipykernel|ipython-input")  # in the file names that Jupyter and Colab give cells


def pick(variant: int, what: str, choices: Sequence[Choice]) -> Choice:
    """Return the one of the choices that belongs to a student's variant, the same on all machines.

    `what` names the choice: two choices of one variant do not depend on each other.

    Raises: ValueError (a variant that is no whole number from 0 to 999,999, or no choices).
    """
    whole = isinstance(variant, int) and not isinstance(variant, bool)
    if not whole or not 0 <= variant < 10**6:
        raise ValueError(f"VARIANT must be a whole number from 0 to 999,999, got {variant!r}")
    if not choices:
        raise ValueError(f"choices for {what!r} must not be empty")
    return choices[zlib.crc32(f"{what} {variant}".encode()) % len(choices)]


@contextlib.contextmanager
def trying(what: str) -> Iterator[None]:
    """Run a self-check: say whether it passed, and go on either way.

        with trying("one step"):
            assert f(0) == 1, "f(0) is a step that does nothing"

    A self-check is a help. It is not what is graded.
    """
    try:
        yield
    except Exception as error:
        print(f"not yet  {what}: {_short(error)}")
    else:
        print(f"passed   {what}")


def _short(error: Exception) -> str:
    """Say in a line what went wrong, and where among the notebook's own lines."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if CELL.search(frame.filename)]
    inside = own and own[-1].name != "<module>"
    where = f" in {own[-1].name}, line {own[-1].lineno} of its cell" if inside else ""
    line = own[-1].line if own else ""  # all that an assertion without words has to say
    said = " ".join((str(error) or line or "").split())
    hint = " (does a function return nothing yet?)" if "NoneType" in said else ""
    return f"{type(error).__name__}{where}{f': {said[:200]}' if said else ''}{hint}"
