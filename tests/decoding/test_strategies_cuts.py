"""What the cuts of sampling keep, against a list in Python."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from markov import keys

from rnnlib.decoding.strategies import sample


def kept_by(p, top_k=None, top_p=None, min_p=None, typical_p=None):
    """Return the tokens that are kept, one cut after another, as a list in Python."""

    def reaching(tokens, share):
        total, taken = sum(p[w] for w in tokens), 0
        while sum(p[w] for w in tokens[:taken]) < share * total and taken < len(tokens):
            taken += 1
        return tokens[:taken]

    tokens = sorted(range(len(p)), key=lambda w: -p[w])[:top_k]  # sorted keeps the order of equals
    tokens = reaching(tokens, top_p) if top_p else tokens
    tokens = [w for w in tokens if p[w] >= min_p * max(p)] if min_p else tokens
    if typical_p:
        share = {w: p[w] / sum(p[w] for w in tokens) for w in tokens if p[w] > 0}
        entropy = -sum(q * np.log(q) for q in share.values())
        closest = sorted(share, key=lambda w: round(abs(-np.log(share[w]) - entropy), 9))
        tokens = reaching(closest, typical_p)
    return {w for w in tokens if p[w] > 0}


CUTS = [
    {"top_k": 4},
    {"top_p": 0.6},
    {"min_p": 0.3},
    {"min_p": 1.0},
    {"typical_p": 0.01},
    {"typical_p": 0.4},
    {"typical_p": 0.8},
    {"top_k": 5, "top_p": 0.8, "min_p": 0.1},
    {"top_k": 6, "top_p": 0.9, "min_p": 0.2, "typical_p": 0.5},
]


@pytest.mark.parametrize("cuts", CUTS, ids=str)
def test_what_is_kept_is_a_python_list(cuts):
    """Of logits with ties and with -inf; a draw shows what is kept, for the rest is flat."""
    draw = jax.jit(jax.vmap(sample(1.0, **cuts), in_axes=(None, 0)))
    rng = np.random.default_rng(0)
    for _ in range(30):
        logits = np.round(rng.normal(size=9) * 1.5).astype(np.float32)  # whole numbers: many ties
        logits[rng.permutation(9)[:2]] = -np.inf
        p = np.exp(logits.astype(float)) / np.exp(logits.astype(float)).sum()
        expected = kept_by(p, **cuts)
        drawn = set(draw(logits, keys(3000)).tolist())
        assert drawn <= expected
        assert all(p[w] < 0.005 for w in expected - drawn)  # 3000 draws of 0.005 miss it never


@pytest.mark.parametrize("cut", ["top_p", "min_p", "typical_p"])
def test_a_cut_keeps_at_least_one_token(cut):
    for logits in ([0.0, 0.0, 0.0], [-np.inf, 3.0, -np.inf], [0.0, 50.0, 50.0]):
        draws = jax.vmap(sample(**{cut: 1e-9}), (None, 0))(jnp.array(logits), keys(50))
        assert np.isfinite(np.array(logits)[draws]).all()
