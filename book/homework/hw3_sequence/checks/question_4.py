"""Question 4, who can count: experiment, statistics, own results."""

import math
from typing import Any

import numpy as np

from grading.judge import Exam, Wrong, close, question
from rnnlib.notebook.self_checks import pick

from .demands import listed, needs, whole
from .training import LENGTH, MARGIN, RIVALS, first_losses, trained


def hidden_run(rng: np.random.Generator, name: str, own: int) -> dict[str, Any]:
    """Choose seeds, steps and two rates that validation and test disagree about; and the truth."""
    m = int(rng.choice([m for m in (2, 3, 4, 5, 6) if m != own]))
    seeds = [int(s) for s in rng.choice(10**6, 2, replace=False)]
    rates, steps = [5e-4, 5e-3, 2e-2, 2e-3], int(rng.choice([20, 22]))
    losses, shares, firsts = trained(name, m, tuple(seeds), tuple(rates), steps)
    valid, far = losses.mean(axis=1), shares[:, :, -32:].mean(axis=(1, 2))
    pairs = [(i, j) for i in range(4) for j in range(4) if valid[i] < 0.99 * valid[j]]
    best, other = max(pairs, key=lambda pair: far[pair[1]] - far[pair[0]])
    picked = [other, best] if name == "LSTM" else [best, other]  # neither first nor last will do
    return {"seeds": seeds, "steps": steps, "rates": [rates[i] for i in picked], "m": m,
            "valid": valid[picked], "rate": rates[best], "first": firsts,
            "near": shares[best, :, :LENGTH].mean(axis=1),
            "far": shares[best, :, -32:].mean(axis=1)}  # fmt: skip


def by_seed(found: Any, key: str, seeds: list[int]) -> np.ndarray:
    """Read a dictionary with a number for each seed. Raises: Wrong."""
    part = found.get(key)
    needs(isinstance(part, dict) and set(part) == set(seeds), f'"{key}" needs one entry per seed')
    return np.array([float(np.asarray(part[seed])) for seed in seeds])


def check_experiment(exam: Exam, name: str, rng: np.random.Generator) -> None:
    """Run the submission's experiment, small, and the same one here."""
    asked: dict[str, Any] = {}

    def run() -> None:
        asked.update(hidden_run(rng, name, own_modulus(exam)))
        got = exam.ask("experiment", name, *(asked[k] for k in ("m", "seeds", "rates", "steps")))
        needs(isinstance(got, dict), "experiment must return a dictionary")
        asked["got"] = got
        close(by_seed(got, "first", asked["seeds"]), asked["first"], '"first"', rtol=4e-3)

    def right_choice() -> None:
        got = started(asked)
        close(got.get("valid"), asked["valid"], '"valid"', rtol=4e-3)
        close(got.get("rate"), asked["rate"], '"rate"', rtol=1e-6)
        close(got.get("rates"), asked["rates"], '"rates"', rtol=1e-6)
        whole(got.get("steps"), asked["steps"], '"steps"')

    def right_shares(key: str) -> None:
        close(by_seed(started(asked), key, asked["seeds"]), asked[key], f'"{key}"', atol=4e-3)

    exam.check(0.25, f"experiment, {name}: starts from its seeds", run)
    exam.check(0.25, f"experiment, {name}: equal steps, a rate chosen by validation", right_choice)
    exam.check(0.125, f"experiment, {name}: the trained positions", lambda: right_shares("near"))
    exam.check(0.125, f"experiment, {name}: far out", lambda: right_shares("far"))


def started(asked: dict[str, Any]) -> dict[str, Any]:
    needs("got" in asked, "the experiment gave no answer")
    return asked["got"]


T_975 = {5: 2.7764, 6: 2.5706, 7: 2.4469, 8: 2.3646}


def paired(ours: dict[int, float], theirs: dict[int, float]) -> tuple[float, float, float]:
    """Student's interval of the mean of the differences, in plain Python."""
    differences = [ours[seed] - theirs[seed] for seed in sorted(ours)]
    n, mean = len(differences), sum(differences) / len(differences)
    variance = sum((d - mean) ** 2 for d in differences) / (n - 1)
    half = T_975[n] * math.sqrt(variance / n)
    return mean, mean - half, mean + half


def scores(exam: Exam, n: int) -> tuple[dict[int, float], dict[int, float]]:
    """Two models' scores, which rise and fall together, and list their seeds in other orders."""
    seeds = [int(s) for s in exam.rng.choice(1000, n, replace=False)]
    common = exam.rng.uniform(0.2, 0.7, n)
    ours = dict(zip(seeds, (common + exam.rng.normal(0.1, 0.03, n)).tolist(), strict=True))
    theirs = dict(zip(seeds, common.tolist(), strict=True))
    return ours, {seed: theirs[seed] for seed in reversed(seeds)}


def right_interval(exam: Exam) -> None:
    for n in (5, 8):
        ours, theirs = scores(exam, n)
        got = listed(exam.ask("interval", ours, theirs), 3, "the interval")
        close(got, paired(ours, theirs), "the interval", atol=1e-3)


def refusals(exam: Exam) -> None:
    ours, theirs = scores(exam, 6)
    close(exam.ask("interval", ours, theirs), paired(ours, theirs), "the interval", atol=1e-3)
    other, few = dict(theirs), dict(list(ours.items())[:4])
    other[5000] = other.pop(next(iter(other)))
    for what, one, two in (("different seeds", ours, other),
                           ("4 seeds", few, {s: theirs[s] for s in few})):  # fmt: skip
        try:
            exam.ask("interval", one, two)
        except Wrong as error:
            needs("ValueError" in str(error), f"with {what} it must raise ValueError")
        else:
            raise Wrong(f"with {what} it must raise ValueError")


def verdict(low: float, high: float) -> str:
    """What an interval says, by cases."""
    if low >= -MARGIN and high <= MARGIN:
        return "equal"
    return "LSTM" if low > MARGIN else "signed minGRU" if high < -MARGIN else "undecided"


def right_conclusion(exam: Exam) -> None:
    small, large = exam.rng.uniform(0.01, 0.04), exam.rng.uniform(0.1, 0.5)
    cases = [(large, large + 0.1), (-large - 0.2, -large), (-small, small), (0.0, 0.0),
             (0.01, small), (-0.04, -small), (-MARGIN, MARGIN), (-large, large), (small, large),
             (-large, -small), (-small, large), (0.06, 0.08)]  # fmt: skip
    for low, high in cases:
        got = exam.ask("conclude", low, high)
        needs(isinstance(got, str), "conclude must return a string")
        needs(got == verdict(low, high), "conclude is wrong about one of the cases")


def results(exam: Exam) -> dict[str, Any]:
    """The student's RESULTS, if they have the right form. Raises: Wrong."""
    found = exam.value("RESULTS")
    needs(isinstance(found, dict) and found, "RESULTS is empty: run the experiment and paste it")
    parts = [found.get(name) for name in RIVALS]
    needs(all(isinstance(p, dict) for p in parts), f"RESULTS needs {' and '.join(RIVALS)}")
    seeds = own_seeds(exam)
    for part in parts:
        for key in ("first", "near", "far"):
            by_seed(part, key, seeds)
    return found


def own_seeds(exam: Exam) -> list[int]:
    return [10 * exam.variant + i for i in range(5)]


def own_modulus(exam: Exam) -> int:
    return pick(exam.variant, "modulus", [3, 4, 5, 6])


def fair(exam: Exam) -> None:
    """The same seeds, steps and rates for both; each rate chosen by validation; your modulus."""
    found = results(exam)
    whole(found.get("M"), own_modulus(exam), '"M" of RESULTS')
    for name in RIVALS:
        part = found[name]
        whole(part.get("steps"), 1000, f'"steps" of {name}')
        close(part.get("rates"), [1e-3, 3e-3, 1e-2], f'"rates" of {name}')
        valid = [float(v) for v in listed(part.get("valid"), 3, f'"valid" of {name}')]
        best = np.isclose(part["rates"], part.get("rate"), rtol=1e-6).argmax()
        needs(valid[best] <= min(valid) + 1e-5, f"the rate of {name} is not validation's choice")
        shares = np.concatenate([by_seed(part, key, own_seeds(exam)) for key in ("near", "far")])
        needs(((shares >= 0) & (shares <= 1)).all(), f"the shares of {name} are no shares")


def own_numbers(exam: Exam) -> None:
    """Each seed's first loss, recomputed."""
    found, seeds = results(exam), own_seeds(exam)
    for name in RIVALS:
        expected = first_losses(name, own_modulus(exam), tuple(seeds))
        close(by_seed(found[name], "first", seeds), expected, f'"first" of {name}', rtol=4e-3)


def follows(exam: Exam) -> None:
    """The conclusion, from the student's own numbers."""
    found, said = results(exam), exam.value("CONCLUSION")
    needs(isinstance(said, str), "CONCLUSION is missing")
    shares = [found[name]["far"] for name in RIVALS]
    _, low, high = paired(*shares)
    needs(said == verdict(low, high), "CONCLUSION does not follow from RESULTS")


@question(4, "Who can count?", 4, "experiment", "interval", "conclude", "RESULTS", "CONCLUSION")
def fourth(exam: Exam) -> None:
    rngs = exam.rng.spawn(2)  # their numbers do not depend on what went wrong before
    exam.check(0.5, "interval: paired by seed", lambda: right_interval(exam))
    exam.check(0.25, "interval: what it must refuse", lambda: refusals(exam))
    exam.check(0.5, "conclude: all the cases", lambda: right_conclusion(exam))
    for name, rng in zip(RIVALS, rngs, strict=True):
        check_experiment(exam, name, rng)
    exam.check(0.5, "RESULTS: the same seeds, steps and rates for both", lambda: fair(exam))
    exam.check(0.25, "RESULTS: your variant's numbers", lambda: own_numbers(exam))
    exam.check(0.5, "CONCLUSION: follows from RESULTS", lambda: follows(exam))
