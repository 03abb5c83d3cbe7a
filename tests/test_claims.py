"""A fresh run of the lessons claims what the committed notebooks claim, and the page shows it."""

import dataclasses
import json
import os
from pathlib import Path

import nbformat
import numpy as np
import pytest
from judged import judged

import evidence_page
import generated
from evidence_page import Evidence, EvidenceError, collect, differences, fresh, listing
from rnnlib.claims.box import CLAIM, CONCLUSION
from rnnlib.claims.claim import ClaimError
from rnnlib.claims.evidence import Conclusion, Estimate
from rnnlib.claims.measurements import count, share
from rnnlib.claims.statements import STATEMENTS

ROOT = Path(__file__).resolve().parent.parent
FOLDER = os.environ.get("RNNLIB_CLAIMS")
ONE = judged(
    "G1", "Under the bound.", [1.0, 1.1, 1.2], name="01_one", below=("bound", 2), unit="bits"
)
TWO = judged("G1", "A fifth.", 0.2, name="01_two", above=("chance", 0.1), recorded="01_cells")
TIMED = dataclasses.replace(ONE, name="06_timed", kind="time", source="one machine")
HOLDS = Conclusion("G1", "holds if", "An RNN does if it is large.", "01_one", "")
FRESH = fresh(Path(FOLDER)) if FOLDER else Evidence()


def evidence(*shown):
    """Claims and conclusions as a notebook would hold them."""
    found = Evidence()
    for box in shown:
        key = CONCLUSION if isinstance(box, Conclusion) else CLAIM
        found.add({key: box.to_json()}, ("01_a.ipynb", "The first"))
    return found


def changed(claim, **fields):
    return dataclasses.replace(claim, **fields)


def moved(claim, value):
    return changed(claim, estimate=dataclasses.replace(claim.estimate, mean=value))


def rivalled(**fields):
    return changed(ONE, rivals=[dataclasses.replace(ONE.rivals[0], **fields)])


@pytest.mark.skipif(not FOLDER, reason="RNNLIB_CLAIMS names no folder: no fresh run to compare")
def test_a_fresh_run_claims_what_is_committed():
    assert not differences(collect(ROOT / "notebooks"), FRESH)


def test_what_the_machine_left_undecided_is_told():
    if names := FRESH.undecided():
        pytest.skip(f"undecided in this run, on a busy machine: {', '.join(names)}")


def test_no_committed_claim_is_undecided():
    assert not collect(ROOT / "notebooks").undecided()


def test_the_evidence_page_is_up_to_date():
    page = (ROOT / "book" / "evidence.md").read_text(encoding="utf-8")
    assert page == generated.updated(page, "evidence", evidence_page.text()), "run `make lessons`"


def test_every_record_that_a_claim_names_is_there():
    records = {path.stem for path in (ROOT / "rnnlib/data/recorded").glob("*.json")}
    sources = {claim.source for claim in collect(ROOT / "notebooks").claims.values()}
    named = {source.removeprefix("record ") for source in sources if source.startswith("record ")}
    assert not named - records


@pytest.mark.parametrize(
    "claim", collect(ROOT / "notebooks").claims.values(), ids=lambda claim: claim.name
)
def test_each_committed_claim_fails_without_its_effect(claim):
    """The same scatter, but on average no better than the rival; counts and shares: the rival's."""
    for rival in claim.rivals:
        against, values = rival.level, np.array(claim.values)
        if claim.kind == "count":
            done = np.arange(claim.n) < np.round(rival.level * claim.n)
            measured, against = count(done), count(done) if rival.n > 1 else done.mean()
        elif claim.kind == "share":
            measured, against = share(np.full(4, rival.level)), rival.level  # 4 add up exactly
        else:
            without = values - values.mean() + rival.level
            measured = without if len(without) > 1 else without.item()
        with pytest.raises(ClaimError, match="difference is not above zero"):
            judged(
                claim.statement,
                claim.sentence,
                measured,
                name=claim.name,
                **{rival.side: (rival.label, against)},
            )


def notebook(folder, name, title, *shown):
    keys = [CONCLUSION if isinstance(box, Conclusion) else CLAIM for box in shown]
    outputs = [
        nbformat.v4.new_output(
            "display_data", {"text/plain": "a box"}, metadata={key: box.to_json()}
        )
        for key, box in zip(keys, shown, strict=True)
    ]
    outputs.append(nbformat.v4.new_output("stream", text="other output"))
    cells = [
        nbformat.v4.new_markdown_cell(f"{title}\n\nText."),
        nbformat.v4.new_code_cell("claim(...)", outputs=outputs),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / name)


def test_a_timed_claim_may_find_other_numbers_but_no_other_words():
    now = moved(TIMED, 1.7)
    assert differences(evidence(ONE), evidence(moved(ONE, 1.7)))
    assert not differences(evidence(TIMED), evidence(now))
    assert differences(evidence(TIMED), evidence(changed(now, sentence="Over the bound.")))


def test_an_undecided_claim_is_no_difference_and_no_evidence():
    now = changed(TIMED, estimate=None, rivals=[], outcome="undecided")
    assert not differences(evidence(TIMED), evidence(now))
    assert evidence(ONE, now).undecided() == ["06_timed"]
    with pytest.raises(EvidenceError, match=r"undecided where .*: 06_timed; execute these"):
        listing(evidence(now))


def test_boxes_are_read_from_outputs_in_order(tmp_path):
    notebook(tmp_path, "02_b.ipynb", "# The second", TWO, HOLDS)
    notebook(tmp_path, "01_a.ipynb", "# The first", ONE)
    found = collect(tmp_path)
    assert found.lessons == {
        "01_one": ("01_a.ipynb", "The first"),
        "01_two": ("02_b.ipynb", "The second"),
    }
    assert list(found.conclusions.values()) == [HOLDS]
    assert not differences(found, evidence(ONE, TWO, HOLDS))


def test_a_name_that_is_used_twice_is_refused(tmp_path):
    notebook(tmp_path, "01_a.ipynb", "# A", ONE)
    notebook(tmp_path, "02_b.ipynb", "# B", ONE)
    with pytest.raises(EvidenceError, match="its own in the course: 01_one"):
        collect(tmp_path)


def test_claims_that_another_rnnlib_wrote_are_refused():
    with pytest.raises(EvidenceError, match="claims of another form; execute it"):
        Evidence().add({CLAIM: {"name": "01_one", "rivals": [{}]}}, ("01_a.ipynb", "The first"))


def test_what_is_concluded_twice_is_refused():
    with pytest.raises(EvidenceError, match="G1 is concluded twice"):
        evidence(HOLDS, HOLDS)
    evidence(HOLDS, dataclasses.replace(HOLDS, part="words"))


def test_a_conclusion_rests_on_a_claim_that_there_is():
    assert listing(evidence(ONE, HOLDS))
    with pytest.raises(EvidenceError, match="G1 rests on '01_one': no such claim"):
        listing(evidence(TWO, HOLDS))


def test_the_files_of_several_processes_are_put_together(tmp_path):
    for name, box in (("11", ONE), ("12", TWO)):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({CLAIM: box.to_json()}) + "\n")
    assert not differences(fresh(tmp_path), evidence(ONE, TWO))
    assert list(fresh(tmp_path).claims) == ["01_one", "01_two"]


@pytest.mark.parametrize(
    ("now", "message"),
    [
        ([ONE], "01_two: committed, but not measured anew"),
        ([ONE, TWO, changed(TWO, name="01_new")], "01_new: measured anew, but not committed"),
        ([changed(ONE, of="pages"), TWO], "01_one: of was 'networks', is 'pages'"),
        ([changed(ONE, source="record a"), TWO], "01_one: source was 'live', is 'record a'"),
        ([changed(ONE, kind="share"), TWO], "01_one: kind was 'mean', is 'share'"),
        ([changed(ONE, sentence="Over."), TWO], "01_one: sentence was 'Under the bound.'"),
        ([changed(ONE, statement="G2"), TWO], "01_one: statement was 'G1', is 'G2'"),
        ([changed(ONE, unit="nats"), TWO], "01_one: unit was 'bits', is 'nats'"),
        ([moved(ONE, 1.5), TWO], "01_one: measured 1.5, committed 1.1 (0.8516 to 1.348)"),
        ([moved(ONE, 0.7), TWO], "01_one: measured 0.7"),
        ([moved(ONE, float("nan")), TWO], "01_one: measured nan"),
        ([ONE, moved(TWO, 0.203)], "01_two: measured 0.203, committed 0.2"),
        ([changed(ONE, rivals=[]), TWO], "01_one: rivals were ['below bound'], are []"),
        ([rivalled(label="x"), TWO], "01_one: rivals were ['below bound'], are ['below x']"),
        ([rivalled(side="above"), TWO], "01_one: rivals were ['below bound'], are ['above bound']"),
        ([rivalled(level=2.1), TWO], "01_one: below bound, measured 2.1, committed 2 (2 to 2)"),
        (
            [rivalled(gap=Estimate(-0.5, -0.6, -0.4)), TWO],
            "01_one: below bound, difference measured -0.5, committed -0.9 (-1.148 to -0.6516)",
        ),
    ],
)
def test_a_changed_claim_is_found(now, message):
    (found,) = differences(evidence(ONE, TWO), evidence(*now))
    assert found.startswith(message)


def test_a_changed_conclusion_is_found():
    others = dataclasses.replace(HOLDS, verdict="falls"), dataclasses.replace(HOLDS, part="words")
    assert differences(evidence(HOLDS), evidence(others[0])) == [
        "G1: concluded otherwise than committed"
    ]
    assert len(differences(evidence(HOLDS), evidence(others[1]))) == 2


def test_a_mean_within_the_interval_is_the_same():
    old = evidence(ONE, TWO)
    assert not differences(old, evidence(moved(TWO, 0.2015), moved(ONE, 1.3)))
    near = rivalled(level=2.01, gap=dataclasses.replace(ONE.rivals[0].gap, mean=-0.7))
    assert not differences(old, evidence(TWO, near))


def test_the_page_opens_with_the_verdicts_and_tells_where_numbers_are_from():
    page = listing(evidence(ONE, TWO, TIMED, HOLDS))
    assert page.startswith("1 of 20 statements")
    verdict = "**◐\N{NO-BREAK SPACE}holds if.** An RNN does if it is large. (1.10 bits; bound: 2.)"
    line = f"| [G1](#g1) RNNs generate text, by character or by word. | {verdict} |"
    assert line in page.split("\n## ")[0]
    assert f"by word.*\n\n{verdict}\n\n[The first](../notebooks/01_a.ipynb):\n\n" in page
    assert "- Under the bound.\\\n  Measured: 1.10 bits" in page
    assert "*Live.*" in page
    assert "Above chance (0.1) by 0.100. *From the record 01_cells.*" in page
    assert "*On one machine.*" in page
    for key, text in STATEMENTS.items():
        assert text in page
        assert (f"### {key}\n\n*{text}*\n\n**" in page) == (key == "G1")
    assert "| not yet: lessons 6, 7 and 14 |" in page
    assert set(evidence_page.PLANNED) == set(STATEMENTS)


def test_the_parts_of_a_statement_have_a_verdict_each():
    untested = Conclusion("G1", "not tested here", "GPUs are not tested here.", "", "GPUs")
    page = listing(evidence(ONE, HOLDS, untested))
    assert "bound: 2.)<br>**–\N{NO-BREAK SPACE}not tested here, GPUs.** GPUs are not" in page
