"""`make row`: a model of one's own gets its row, is refused with a reason, and loses nothing."""

import json
from dataclasses import replace

import jsonschema
import pytest

import compute_row as tool
from rnnlib.scorecard.row import Effort

EFFORT = Effort(networks=3, rates=(0.01, 0.04, 0.16), more=3, chunk=2, pretraining=2)
MODEL = """
from flax import nnx
from rnnlib.models.cells import RNN
from rnnlib.models.language_model import LanguageModel

class Mine(LanguageModel):
    @classmethod
    def init(cls, key):
        return cls(40, {width}, cell=RNN, rngs=nnx.Rngs(key))

class Bare:
    pass
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "STEPS", (4,))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_model.py").write_text(MODEL.format(width=6))
    return tmp_path


def compute(trainings, effort=EFFORT):
    return tool.compute("my_model.py:Mine", tool.Path("rows"), effort, trainings)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("my_model.py", "must be path.py:Class"),
        ("other.py:Mine", "must be path.py:Class"),
        ("my_model.py:Yours", "has no Yours"),
        ("my_model.py:Bare", "Bare has no init"),
    ],
)
def test_what_is_no_model_is_refused(mine, model, message, capsys):
    with pytest.raises(SystemExit, match=message):
        tool.main([model])


@pytest.mark.slow
def test_a_row_is_computed_told_and_gone_on_with(mine, capsys):
    compute(["binding"])
    path = mine / "rows" / "Mine.json"
    first = json.loads(path.read_text())
    jsonschema.validate(first, tool.SCHEMA)
    assert list(first["cells"]) == ["binding, 4 steps"]
    assert "1 of 1" in capsys.readouterr().out
    both = compute(["binding", "tracking"])
    told = capsys.readouterr().out
    assert "1 of 1" in told and "binding" not in told.partition("The row")[0].replace("Mine", "")
    assert both["cells"]["binding, 4 steps"] == first["cells"]["binding, 4 steps"]
    assert both["seconds"] == first["seconds"]
    assert json.loads(path.read_text()) == both
    one = compute(["binding, pretrained"], replace(EFFORT, networks=5))
    assert list(one["cells"]) == ["binding, pretrained, 6 steps"]
    assert len(compute(["binding"], replace(EFFORT, networks=5))["cells"]) == 2
    compute(["binding"], replace(EFFORT, networks=4))  # other effort: begun anew
    assert list(json.loads(path.read_text())["cells"]) == ["binding, 4 steps"]


@pytest.mark.slow
def test_a_row_whose_rate_is_at_the_edge_is_refused(mine, capsys):
    with pytest.raises(ValueError, match="edge of its grid for characters, 4 steps"):
        compute(["characters"], replace(EFFORT, rates=(1e-6, 2e-6), more=0))


def test_a_row_over_its_budget_is_refused(mine):
    (mine / "my_model.py").write_text(MODEL.format(width=120))
    with pytest.raises(ValueError, match="parameters, and may have"):
        compute(["binding"])
    assert not (mine / "rows").exists()


def test_a_row_that_does_not_fit_the_schema_is_not_written(mine):
    with pytest.raises(jsonschema.ValidationError):
        tool.save({"format": 2}, mine / "rows" / "Mine.json")
    assert not (mine / "rows").exists()


def test_a_damaged_row_is_begun_anew(mine):
    path = mine / "Mine.json"
    path.write_text('{"format": 1')
    assert tool.resume(path, "0" * 64, EFFORT) is None
