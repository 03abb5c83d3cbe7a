"""A fresh run of the lessons claims what the committed notebooks claim, and the page shows it."""

import json
import os
from pathlib import Path

import nbformat
import numpy as np
import pytest

import evidence_page
import generated
from evidence_page import EvidenceError, collect, differences, fresh, listing, undecided
from rnnlib.claims.box import KEY
from rnnlib.claims.claim import ClaimError, judge
from rnnlib.claims.statements import STATEMENTS

ROOT = Path(__file__).resolve().parent.parent
FOLDER = os.environ.get("RNNLIB_CLAIMS")
ONE = judge(
    "G1", "Under the bound.", [1.0, 1.1, 1.2], name="01_one", below=("bound", 2), unit="bits"
)
TWO = judge("G1", "A fifth.", 0.2, name="01_two", above=("chance", 0.1), verdict="contradicted")


TIMED = ONE | {"name": "06_timed", "outcome": "carried", "repeats": 12, "processor": "Abacus 9"}
FRESH = fresh(Path(FOLDER)) if FOLDER else []


def rivalled(**changed):
    return ONE | {"rivals": [ONE["rivals"][0] | changed]}


@pytest.mark.skipif(not FOLDER, reason="RNNLIB_CLAIMS names no folder: no fresh run to compare")
def test_a_fresh_run_claims_what_is_committed():
    assert not differences(collect(ROOT / "notebooks"), FRESH)


def test_what_the_machine_left_undecided_is_told():
    if names := undecided(FRESH):
        pytest.skip(f"undecided in this run, on a busy machine: {', '.join(names)}")


def test_no_committed_claim_is_undecided():
    assert not undecided(collect(ROOT / "notebooks"))


def test_the_evidence_page_is_up_to_date():
    page = (ROOT / "book" / "evidence.md").read_text(encoding="utf-8")
    assert page == generated.updated(page, "evidence", evidence_page.text()), "run `make lessons`"


@pytest.mark.parametrize("claim", collect(ROOT / "notebooks"), ids=lambda claim: claim["name"])
def test_each_committed_claim_fails_without_its_effect(claim):
    """The same seeds with the same scatter, but on average no better than the rival."""
    for rival in claim["rivals"]:
        values = np.array(claim["values"])
        without = values - values.mean() + rival["mean"]
        measured = without if len(without) > 1 else without.item()
        with pytest.raises(ClaimError, match="difference's interval is not"):
            judge(
                claim["statement"],
                claim["sentence"],
                measured,
                name=claim["name"],
                **{rival["side"]: (rival["label"], rival["mean"])},
            )


def notebook(folder, name, title, *claims):
    outputs = [
        nbformat.v4.new_output("display_data", {"text/plain": "a box"}, metadata={KEY: claim})
        for claim in claims
    ]
    outputs.append(nbformat.v4.new_output("stream", text="other output"))
    cells = [
        nbformat.v4.new_markdown_cell(f"{title}\n\nText."),
        nbformat.v4.new_code_cell("claim(...)", outputs=outputs),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / name)


def test_a_timed_claim_may_find_other_numbers_but_no_other_words():
    now = TIMED | {"mean": 1.7}
    assert differences([ONE], [ONE | {"mean": 1.7}])
    assert not differences([TIMED], [now])
    assert differences([TIMED], [now | {"sentence": "Over the bound."}])


def test_an_undecided_claim_is_no_difference_and_no_evidence():
    now = {key: value for key, value in TIMED.items() if key not in ("mean", "low", "high")}
    now |= {"outcome": "undecided", "rivals": [{"side": "below", "label": "bound"}]}
    assert not differences([TIMED], [now])
    assert undecided([ONE, TIMED, now]) == ["06_timed"]
    with pytest.raises(EvidenceError, match=r"undecided where .*: 06_timed; execute these"):
        listing([now | {"lesson": "06_a.ipynb", "title": "The sixth"}])


def test_claims_are_read_from_outputs_in_order(tmp_path):
    notebook(tmp_path, "02_b.ipynb", "# The second", TWO)
    notebook(tmp_path, "01_a.ipynb", "# The first", ONE)
    found = [(c["name"], c["lesson"], c["title"]) for c in collect(tmp_path)]
    assert found == [
        ("01_one", "01_a.ipynb", "The first"),
        ("01_two", "02_b.ipynb", "The second"),
    ]
    assert not differences(collect(tmp_path), [ONE, TWO])


def test_a_name_that_is_used_twice_is_refused(tmp_path):
    notebook(tmp_path, "01_a.ipynb", "# A", ONE)
    notebook(tmp_path, "02_b.ipynb", "# B", ONE)
    with pytest.raises(EvidenceError, match=r"its own in the whole course: \['01_one'\]"):
        collect(tmp_path)


def test_the_files_of_several_processes_are_put_together(tmp_path):
    for name, claim in (("11", ONE), ("12", TWO)):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(claim) + "\n")
    assert fresh(tmp_path) == [ONE, TWO]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ([ONE], "01_two: committed, but not measured anew"),
        ([ONE, TWO, TWO | {"name": "01_new"}], "01_new: measured anew, but not committed"),
        ([ONE | {"verdict": "qualified"}, TWO], "01_one: verdict was 'supported', is 'qualified'"),
        ([ONE | {"sentence": "Over it."}, TWO], "01_one: sentence was 'Under the bound.'"),
        ([ONE | {"statement": "G2"}, TWO], "01_one: statement was 'G1', is 'G2'"),
        ([ONE | {"unit": "nats"}, TWO], "01_one: unit was 'bits', is 'nats'"),
        ([ONE | {"mean": 1.5}, TWO], "01_one: measured 1.5, committed 1.1 ± 0.24"),
        ([ONE | {"mean": 0.7}, TWO], "01_one: measured 0.7"),
        ([ONE | {"mean": float("nan")}, TWO], "01_one: measured nan"),
        ([ONE, TWO | {"mean": 0.203}], "01_two: measured 0.203, committed 0.2 ± 0.002"),
        ([ONE | {"rivals": []}, TWO], "01_one: rivals were ['below bound'], are []"),
        (
            [rivalled(label="table"), TWO],
            "01_one: rivals were ['below bound'], are ['below table']",
        ),
        ([rivalled(side="above"), TWO], "01_one: rivals were ['below bound'], are ['above bound']"),
        ([rivalled(mean=2.1), TWO], "01_one: below bound, measured 2.1, committed 2.0 ± 0.02"),
        (
            [rivalled(difference=-0.5), TWO],
            "01_one: below bound, difference measured -0.5, committed -0.9 ± 0.24",
        ),
    ],
)
def test_a_changed_claim_is_found(changed, message):
    (found,) = differences([ONE, TWO], changed)
    assert found.startswith(message)


def test_a_mean_within_the_interval_is_the_same():
    assert not differences([ONE, TWO], [TWO | {"mean": 0.2015}, ONE | {"mean": 1.3}])
    assert not differences([ONE, TWO], [TWO, rivalled(mean=2.01, difference=-0.7)])


def test_the_page_tells_every_statement():
    page = listing([c | {"lesson": "01_a.ipynb", "title": "The first"} for c in (ONE, TWO)])
    assert page.startswith("1 of 20 statements")
    verdict = "◐\N{NO-BREAK SPACE}qualified"
    assert f"| [G1](#g1) | RNNs generate text, by character or by word. | {verdict} |" in page
    assert "[The first](../notebooks/01_a.ipynb):\n\n- ✓ Under the bound.\\\n  Measured:" in page
    assert "- ✗ A fifth.\\\n  Measured: 0.200. Above chance (0.1) by 0.100." in page
    for key, text in STATEMENTS.items():
        assert text in page
        assert (f"### {key}\n\n*{text}*\n\n**" in page) == (key == "G1")
    assert "| not yet: lessons 6, 7 and 14 |" in page
    assert set(evidence_page.PLANNED) == set(STATEMENTS)
