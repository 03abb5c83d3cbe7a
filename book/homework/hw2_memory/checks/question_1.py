"""Question 1, how much of a nudge survives: held against nudges that are carried forward."""

import numpy as np

from grading.judge import Exam, Wrong, close, question


def network(rng: np.random.Generator, steps: int, size: int, inputs: int, gain: float) -> tuple:
    """Draw the arguments of a plain RNN's nudges."""
    return (
        rng.normal(size=(steps, inputs)),
        rng.normal(size=size) * 0.5,
        rng.normal(size=(inputs, size)) * 0.5,
        rng.normal(size=(size, size)) * gain / size**0.5,
        rng.normal(size=size) * 0.7,
    )


def nudges(xs, h0, w_x, w_h, b) -> tuple[list[float], list[float]]:
    """Carry a nudge of each unit, and of each input, forward to the end: forward accumulation."""
    size, steps = len(h0), len(xs)
    states, slopes = [h0], []
    for x in xs:
        states.append(np.tanh(x @ w_x + states[-1] @ w_h + b))
        slopes.append(1 - states[-1] ** 2)

    def arrived(nudge: np.ndarray, step: int) -> float:  # rows of nudges to the state after `step`
        for slope in slopes[step:]:
            nudge = (nudge @ w_h) * slope
        return float(np.sqrt((nudge**2).sum() / size))

    of_state = [arrived(np.eye(size), steps - k) for k in range(steps + 1)]
    of_input = [arrived(w_x * slopes[steps - k - 1], steps - k) for k in range(steps)]
    return of_state, of_input


def one_unit(exam: Exam) -> None:
    weight, coming = exam.rng.uniform(0.3, 0.9), exam.rng.uniform(1, 2)
    calm = np.zeros((4, 2)), np.zeros(1), np.full((2, 1), coming), np.array([[weight]]), np.zeros(1)
    close(exam.ask("state_nudges", *calm), weight ** np.arange(5), "g of one unit at rest", 1e-2)


@question(1, "How much of a nudge survives", 3, "state_nudges", "input_nudges")
def nudge(exam: Exam) -> None:
    rng = exam.rng
    quiet = (*network(rng, 8, 6, 4, 0.9)[:4], np.zeros(6))
    driven, deep = network(rng, 8, 6, 4, 1.1), network(rng, 60, 12, 5, 0.9)

    def compare(name: str, case: tuple, which: int, least: float = 1e-7) -> None:
        expected = np.array(nudges(*case)[which])
        letter = "gu"[which]
        close(exam.ask(name, *case), expected, letter, 1e-2, least)

    def small() -> None:
        expected = np.array(nudges(*deep)[0])
        got = np.asarray(exam.ask("state_nudges", *deep), float)
        kept = expected > 1e-10
        if got.shape != expected.shape:
            raise Wrong(f"g has the shape {got.shape}, needed {expected.shape}")
        close(np.log(np.maximum(got[kept], 1e-300)), np.log(expected[kept]), "ln g", 0, 1e-2)

    exam.check(0.5, "the state of one unit at rest", lambda: one_unit(exam))
    exam.check(0.5, "the state, without biases", lambda: compare("state_nudges", quiet, 0))
    exam.check(
        0.75, "the state, with biases and a first state", lambda: compare("state_nudges", driven, 0)
    )
    exam.check(0.25, "the state, where little comes through", small)
    exam.check(0.5, "the inputs, without biases", lambda: compare("input_nudges", quiet, 1))
    exam.check(0.5, "the inputs, with biases", lambda: compare("input_nudges", driven, 1))
