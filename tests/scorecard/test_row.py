"""A row: how networks are trained, how rates are found, and what is read off the networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnlib.models.cells import GRU
from rnnlib.models.language_model import LanguageModel
from rnnlib.scorecard.row import COLUMNS, Effort, Row, share_of_rate
from rnnlib.scorecard.trainings import LONG, TRAININGS, hidden
from rnnlib.training import fit

KEY = jax.random.key(0)
EFFORT = Effort(networks=3, rates=(0.003, 0.01), more=0, chunk=2, pretraining=2)


def init(key):
    return LanguageModel(40, 6, cell=GRU, rngs=nnx.Rngs(key))


@pytest.fixture(scope="module")
def row():
    return Row(init, EFFORT)


class Oracle:
    """The true law of the hidden language, as a model; the other 32 tokens are impossible."""

    vocabulary_size = 40

    def __call__(self, tokens):
        return jnp.pad(hidden().log_law(tokens), ((0, 0), (0, 32)), constant_values=-30)

    def prefill(self, tokens):
        state, law = hidden().prefill(tokens)
        return state, jnp.pad(law, (0, 32), constant_values=-30)

    def step(self, state, token):
        state, law = hidden().step(state, token)
        return state, jnp.pad(law, (0, 32), constant_values=-30)


class Uniform(Oracle):
    """Knows nothing."""

    def __call__(self, tokens):
        return jnp.zeros((len(tokens), 40))

    def step(self, state, token):
        return state, jnp.zeros(40)

    def prefill(self, tokens):
        return jnp.zeros(()), jnp.zeros(40)


for kind in (Oracle, Uniform):
    jax.tree_util.register_pytree_node(kind, lambda _: ((), None), lambda *_, kind=kind: kind())


def test_every_training_has_its_columns():
    assert {column.training for column in COLUMNS.values()} == set(TRAININGS)


def test_the_schedule_is_that_of_fit():
    np.testing.assert_allclose(share_of_rate(40), fit._schedule(2, 40), atol=1e-6)


def test_training_learns_and_is_a_function_of_its_key(row):
    keys = jax.random.split(KEY, 3)
    models = row.train("binding", keys, np.full(3, 0.03), 40)
    questions = jax.jit(TRAININGS["binding"].tuning)(KEY)
    score = lambda model: TRAININGS["binding"].score(row.logits(model, questions.inputs), questions)  # noqa: E731
    scores = [float(score(model)) for model in models]
    assert len(set(scores)) == 3
    assert max(scores) < 3.3 < float(score(jax.jit(init)(KEY)))  # ln 16 is 2.77, ln 40 is 3.69
    (again,) = row.train("binding", keys[1:2], np.array([0.03]), 40)
    assert float(score(again)) == pytest.approx(scores[1], abs=1e-6)


def test_a_cell_has_a_search_and_a_number_for_each_network(row):
    names = ("tracking", "binding, pretrained", "own text", "characters")
    cells = [*row.cells(names, steps=[2, 4])]
    places = [(name, steps) for name, steps, _ in cells]
    assert places == [
        ("tracking", 2), ("tracking", 4), ("binding, pretrained", 6),
        ("own text", 2), ("own text", 4), ("characters", 2), ("characters", 4),
    ]  # fmt: skip
    for name, _, outcome in cells:
        assert outcome.pop("search")["rates"].tolist() == [0.003, 0.01]
        assert set(outcome) == {c for c, column in COLUMNS.items() if column.training == name}
        assert all(np.isfinite(values).all() and len(values) == 3 for values in outcome.values())


def test_another_seed_draws_all_anew(row):
    one, same, other = (next(row.cells(["binding"], steps=[2], seed=seed))[2] for seed in (1, 1, 2))
    assert one["binding"] == same["binding"] != other["binding"]
    assert not np.array_equal(one["search"]["scores"], other["search"]["scores"])


def test_the_grid_goes_on_while_the_best_rate_is_at_its_edge(row, monkeypatch):
    best = 0.2

    def scores(training, key, rates, steps):
        return np.abs(np.log(rates / best))[:, None]

    monkeypatch.setattr(row, "_scores", scores)
    monkeypatch.setattr(row, "effort", Effort(networks=3, rates=(0.001, 0.004), more=4, chunk=2))
    search, _ = row.tune("characters", 2, KEY)
    np.testing.assert_allclose(search.rates, 0.001 * 4.0 ** np.arange(6))
    assert search.bracketed and search.rate == pytest.approx(0.256)
    monkeypatch.setattr(row, "effort", Effort(networks=3, rates=(0.001, 0.004), more=1, chunk=2))
    assert not row.tune("characters", 2, KEY)[0].bracketed


def test_a_rate_that_diverges_scores_infinity(row):
    scores = row._scores("characters", KEY, np.array([0.01, 1e30]), 4)
    assert np.isfinite(scores[0]).all() and np.isinf(scores[1]).all()


def test_the_true_law_is_nowhere_off_behind_its_own_text(row):
    own, excess = row.ask("own text", [Oracle()], KEY).values()
    assert own[0] == pytest.approx(0, abs=1e-4) and np.isfinite(excess[0])


def test_knowing_nothing_is_off_by_what_is_known(row):
    questions = TRAININGS["own text"].test(KEY)
    known = np.log(8) - hidden().floor(256)
    (own,), (excess,) = row.ask("own text", [Uniform()], KEY).values()
    texts = row.write(Uniform(), questions.inputs[:64, 0], KEY, 1.0, 8)
    assert texts.max() == 7 and texts.shape == (64, 128)
    entropy = hidden().entropy
    behind_own = np.log(8) - float(jax.vmap(entropy)(texts[:, : LONG[1]]).mean())
    assert own == pytest.approx(behind_own, abs=0.05)
    assert excess == pytest.approx(100 * (behind_own / known - 1), abs=12)


def test_greedy_text_of_one_who_always_says_the_same_is_a_loop(row):
    loops = row.ask("characters", [Uniform()], KEY)["loops"][0]
    assert loops == pytest.approx(1 - 2 / 125, abs=0.002)  # a letter, then only newlines
