"""Conclusions: what became of a statement of the course, in one sentence."""

from rnnlib.claims.box import show
from rnnlib.claims.claim import check_sentence
from rnnlib.claims.evidence import Conclusion
from rnnlib.claims.statements import VERDICTS


def conclude(
    statement: str, verdict: str, sentence: str, *, rests_on: str = "", part: str = ""
) -> None:
    """Show the verdict on a statement, in the last lesson that tests it.

    `rests_on` names the claim with the decisive number: the evidence page shows both, and is not
    built if there is no such claim. The claims are evidence, and no votes. A statement whose
    `part`s fare differently has a conclusion for each.

    Raises: ValueError (unknown statement or verdict, a sentence that leans on another or has no
    full stop, no claim to rest on though something was tested).
    """
    check_sentence(statement, sentence)
    if verdict not in VERDICTS:
        raise ValueError(f"a verdict is one of {', '.join(VERDICTS)}, got {verdict!r}")
    if bool(rests_on) == (verdict == "not tested here"):
        raise ValueError(
            f"a conclusion rests on a claim, unless it is not tested here; {statement} is said to "
            f"be {verdict!r} and rests on {rests_on!r}"
        )
    show(Conclusion(statement, verdict, sentence, rests_on, part))
