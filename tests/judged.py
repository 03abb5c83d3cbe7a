"""A claim as `claim` would show it, given what `claim` is given."""

from typing import Any

from rnnlib.claims.claim import judge
from rnnlib.claims.evidence import Claim


def judged(statement: str, sentence: str, measured: Any, *, name: str, **given: Any) -> Claim:
    """Return the claim, or raise as `claim` does."""
    rivals = {side: given[side] for side in ("below", "above") if given.get(side)}
    words = {"statement": statement, "sentence": sentence, "name": name}
    words |= {key: given.get(key, "") for key in ("unit", "of")}
    return judge(words, measured, rivals, given.get("recorded", ""))
