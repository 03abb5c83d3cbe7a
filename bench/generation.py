"""Tokens per second: one compiled scan, against a loop in Python that asks for each token."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from bench.results import summary
from rnnlib.decoding import strategies
from rnnlib.decoding.generate import generate
from rnnlib.measuring import timing
from rnnlib.models.language_model import LanguageModel

FULL = {"vocabulary": 64, "hidden": 256, "length": 256, "repeats": 10}
QUICK = {"vocabulary": 8, "hidden": 4, "length": 8, "repeats": 10}


def compiled(
    model: LanguageModel, batch: int, length: int, strategy: Any
) -> Callable[[], jax.Array]:
    """Make rnnlib's program: generate, which compiles the loop."""
    keys, prompt = jax.random.split(jax.random.key(0), batch), np.zeros(1, np.int32)
    return lambda: generate(model, prompt, length, keys, strategy)


def looped(model: LanguageModel, batch: int, length: int, strategy: Any) -> Callable[[], jax.Array]:
    """Make the loop in Python over the same model: a jitted call takes one step and one token.

    The weights are constants of that call, and the tokens stay on the device until the end.
    """

    @jax.jit
    def step(states: Any, tokens: jax.Array, keys: jax.Array) -> tuple[Any, ...]:
        states, logits = jax.vmap(model.step)(states, tokens)
        keys, now = jax.vmap(jax.random.split, out_axes=1)(keys)
        return states, jax.vmap(strategy)(logits, now).astype(jnp.int32), keys

    one = model.init_state()
    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (batch, *leaf.shape)), one)
    first = jax.random.split(jax.random.key(0), batch)

    def program() -> jax.Array:
        states, tokens, keys, text = start, jnp.zeros(batch, jnp.int32), first, []
        for _ in range(length):
            states, tokens, keys = step(states, tokens, keys)
            text.append(tokens)
        return jnp.stack(text, axis=1)

    return program


def pytorch(vocabulary: int, hidden: int, batch: int, length: int) -> Callable[[], Any]:
    """Make the loop in Python over torch.nn.LSTMCell, with an embedding and a readout as ours."""
    import torch

    embed, cell = torch.nn.Embedding(vocabulary, hidden), torch.nn.LSTMCell(hidden, hidden)
    readout = torch.nn.Linear(hidden, vocabulary)

    @torch.inference_mode()
    def program() -> Any:
        h = c = torch.zeros(batch, hidden)
        tokens, text = torch.zeros(batch, dtype=torch.long), []
        for _ in range(length):
            h, c = cell(embed(tokens), (h, c))
            tokens = torch.multinomial(readout(h).softmax(dim=-1), 1)[:, 0]
            text.append(tokens)
        return torch.stack(text, dim=1).numpy()

    return program


def measure(quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """Time the three programs at batch 1 and 64, sampling, so that no two rows are the same work.

    rnnlib's two must write the same text where nothing is left to chance.
    """
    sizes = QUICK if quick else FULL
    vocabulary, hidden, length = sizes["vocabulary"], sizes["hidden"], sizes["length"]
    model = LanguageModel(vocabulary, hidden, rngs=nnx.Rngs(0))
    results = {}
    for batch in (1, 64):
        say(f"batch {batch}")
        programs: dict[str, Callable] = {
            "rnnlib, generate": compiled(model, batch, length, strategies.sample()),
            "rnnlib's model, a loop in Python": looped(model, batch, length, strategies.sample()),
        }
        one, other = (
            np.asarray(make(model, batch, length, strategies.greedy())())
            for make in (compiled, looped)
        )
        agreed = float((one == other).mean())
        try:
            programs["PyTorch, a loop in Python"] = pytorch(vocabulary, hidden, batch, length)
        except (ImportError, OSError):
            say("PyTorch: not installed, skipped")
        times = timing.compare(programs, repeats=sizes["repeats"])
        ours = times["rnnlib, generate"]
        found: dict[str, dict[str, Any]] = {
            name: summary(seconds) | {"ratio": list(timing.ratio(seconds, ours))}
            for name, seconds in times.items()
        }
        for program in found.values():
            program["tokens_per_second"] = batch * length / program["median"]
        results[str(batch)] = {"programs": found, "same_tokens": agreed}
    return {"sizes": sizes, "batches": results}
