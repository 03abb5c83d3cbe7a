"""Answers to question 4, who can count."""

LINES = {
    "keys": "jnp.stack([jax.random.key(seed) for _ in rates for seed in seeds])",
    "steps": "steps",
    "warmup": "steps // 10",
    "rates": "np.repeat(rates, len(seeds))",
    "m": "m",
    "first": "run.losses[:len(seeds), 0]",
    "score": "losses.mean(axis=(1, 2))",
    "best": "int(scores.argmin())",
    "near": "shares[best, :, :LENGTH].mean(axis=1)",
    "far": "shares[best, :, -32:].mean(axis=1)",
    "batch": "valid",
    "said": "steps",
}


def experiment(**changed: str) -> str:
    """Write the experiment with some of its lines replaced."""
    line = LINES | changed
    return f"""
def experiment(name, m, seeds, rates, steps):
    train, valid, test = data({line["m"]})
    keys = {line["keys"]}
    run = fit_seeds(
        lambda key: MODELS[name]({line["m"]}, key), masked_loss, train, keys,
        steps={line["steps"]}, warmup={line["warmup"]}, checks=1, learning_rate={line["rates"]},
        validate=lambda model: (masked_loss(model, {line["batch"]}), right(model, test)))
    losses, shares = (np.asarray(x[:, 0]).reshape(len(rates), len(seeds), -1) for x in run.checks)
    scores = {line["score"]}
    best = {line["best"]}
    by_seed = lambda values: dict(zip(seeds, map(float, values)))
    return {{
        "rates": list(rates), "steps": {line["said"]}, "valid": scores.tolist(),
        "rate": rates[best], "first": by_seed({line["first"]}),
        "near": by_seed({line["near"]}), "far": by_seed({line["far"]})}}
"""


EXPERIMENT_WRONG = {
    "the rate chosen by the test": experiment(
        best="int(shares[:, :, -32:].mean(axis=(1, 2)).argmax())"
    ),
    "the first rate, no choice": experiment(best="0"),
    "the worst rate": experiment(best="int(scores.argmax())"),
    "validated on the test batch": experiment(batch="test"),
    "a rate for each seed": experiment(
        far="shares[losses[:, :, 0].argmin(axis=0), range(len(seeds)), -32:].mean(axis=1)",
        best="int(losses[:, 0, 0].argmin())",
        near="shares.max(axis=0)[:, :LENGTH].mean(axis=1)",
    ),
    "each model has seeds of its own": experiment(
        keys="jnp.stack([jax.random.key(seed + len(name)) for _ in rates for seed in seeds])"
    ),
    "keys split from one": experiment(
        keys="jnp.tile(jax.random.split(jax.random.key(seeds[0]), len(seeds)), len(rates))"
    ),
    "the LSTM trained for longer": experiment(steps='steps + 8 * (name == "LSTM")'),
    "fewer steps for the rival": experiment(steps='steps if name == "LSTM" else steps // 2'),
    "no warmup": experiment(warmup="0"),
    "rates not swept for the rival": experiment(
        rates='np.repeat(rates if name == "LSTM" else [1e-3] * len(rates), len(seeds))'
    ),
    "rates and seeds mixed up": experiment(rates="np.tile(rates, len(seeds))[:len(keys)]"),
    "modulo M instead of m": experiment(m="M"),
    "far out: all positions": experiment(far="shares[best].mean(axis=1)"),
    "far out: the trained positions": experiment(far="shares[best, :, :LENGTH].mean(axis=1)"),
    "far out: the best seed for all": experiment(
        far="np.full(len(seeds), shares[best, :, -32:].mean(axis=1).max())"
    ),
    "the last loss for the first": experiment(first="run.losses[:len(seeds), -1]"),
    "says what it does not do": experiment(steps="steps - 5"),
}


def paired(differences: str, n: str = "n", t: str = "t_quantile(n - 1)", ddof: int = 1) -> str:
    """Write the interval with other differences, or another width."""
    return f"""
def interval(ours, theirs):
    from rnnlib.claims.intervals import t_quantile
    if set(ours) != set(theirs) or len(ours) < 5:
        raise ValueError("seeds")
    differences = np.array({differences})
    mean, n = differences.mean(), len(differences)
    half = {t} * differences.std(ddof={ddof}) / math.sqrt({n})
    return float(mean), float(mean - half), float(mean + half)
"""


DIFFERENCES = "[ours[seed] - theirs[seed] for seed in ours]"
INTERVAL_WRONG = {
    "paired in the order of the lists": paired(
        "[a - b for a, b in zip(ours.values(), theirs.values())]"
    ),
    "sorted by size": paired(
        "[a - b for a, b in zip(sorted(ours.values()), sorted(theirs.values()))]"
    ),
    "a normal interval": paired(DIFFERENCES, t="1.96"),
    "n degrees of freedom": paired(DIFFERENCES, t="t_quantile(n)"),
    "not divided by the root of n": paired(DIFFERENCES, n="1"),
    "the biased deviation": paired(DIFFERENCES, ddof=0),
    "theirs - ours": paired("[theirs[seed] - ours[seed] for seed in ours]"),
    "unpaired": """
def interval(ours, theirs):
    from rnnlib.claims.intervals import t_quantile
    if set(ours) != set(theirs) or len(ours) < 5:
        raise ValueError("seeds")
    a, b = np.array([*ours.values()]), np.array([*theirs.values()])
    mean = a.mean() - b.mean()
    half = t_quantile(len(a) - 1) * math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))
    return mean, mean - half, mean + half
""",
    "rnnlib's, which pairs by place": """
def interval(ours, theirs):
    from rnnlib.claims import intervals
    return intervals.difference([*ours.values()], [*theirs.values()])
""",
    "the seeds that both have": """
def interval(ours, theirs):
    from rnnlib.claims import intervals
    both = [seed for seed in ours if seed in theirs]
    return intervals.interval([ours[seed] - theirs[seed] for seed in both])
""",
    "four seeds are enough": """
def interval(ours, theirs):
    from rnnlib.claims import intervals
    if set(ours) != set(theirs):
        raise ValueError("seeds")
    return intervals.interval([ours[seed] - theirs[seed] for seed in ours])
""",
}


def says(low: str, high: str, equal: str, otherwise: str = '"undecided"') -> str:
    """Write a conclusion from three conditions."""
    return f"""
def conclude(low, high):
    if {low}:
        return "LSTM"
    if {high}:
        return "signed minGRU"
    return "equal" if {equal} else {otherwise}
"""


ABOVE, BELOW, BETWEEN = "low > MARGIN", "high < -MARGIN", "low >= -MARGIN and high <= MARGIN"
CONCLUDE_WRONG = {
    "no margin": says("low > 0", "high < 0", BETWEEN),
    "equal when it is undecided": says(ABOVE, BELOW, "low <= 0 <= high"),
    "never equal": says(ABOVE, BELOW, "False"),
    "never undecided": says(ABOVE, BELOW, "True"),
    "by the middle": says("low + high > 0.1", "low + high < -0.1", BETWEEN),
    "the better one wins": says("low + high > 0", "low + high < 0", "True"),
    "the two swapped": says(BELOW, ABOVE, BETWEEN),
    "limits left out": says(ABOVE, BELOW, "low > -MARGIN and high < MARGIN"),
    "one end is enough": says("high > MARGIN", "low < -MARGIN", BETWEEN),
}

RESULTS_WRONG = {
    "copied from another variant, under one's own seeds": """
RESULTS = RESULTS | {name: RESULTS[name] | {
    "first": {s: v + 0.03 * (s % 3) for s, v in RESULTS[name]["first"].items()}}
    for name in ("LSTM", "signed minGRU")}
""",
    "another variant's seeds": """
RESULTS = {key: {part: {s + 10: v for s, v in value.items()} if isinstance(value, dict) else value
                 for part, value in found.items()} if isinstance(found, dict) else found
           for key, found in RESULTS.items()}
""",
    "another modulus": "RESULTS = RESULTS | {'M': 7}",
    "three seeds": """
RESULTS = {key: {part: dict(list(value.items())[:3]) if isinstance(value, dict) else value
                 for part, value in found.items()} if isinstance(found, dict) else found
           for key, found in RESULTS.items()}
""",
    "the LSTM trained for longer in the real one": """
RESULTS = RESULTS | {"LSTM": RESULTS["LSTM"] | {"steps": 2000}}
""",
    "one rate only for the rival": """
RESULTS = RESULTS | {"signed minGRU": RESULTS["signed minGRU"] | {
    "rates": [0.01], "valid": RESULTS["signed minGRU"]["valid"][-1:], "rate": 0.01}}
""",
    "a rate that validation did not choose": """
RESULTS = RESULTS | {"LSTM": RESULTS["LSTM"] | {"rate": 0.001}}
""",
    "per cent": """
RESULTS = RESULTS | {name: RESULTS[name] | {
    "far": {s: 100 * v for s, v in RESULTS[name]["far"].items()}}
    for name in ("LSTM", "signed minGRU")}
""",
    "nothing pasted": "RESULTS = {}",
    "concluded the other way round": 'CONCLUSION = "signed minGRU"',
    "concluded that nobody knows": 'CONCLUSION = "undecided"',
    "a conclusion in a sentence": 'CONCLUSION = "The LSTM is better."',
}


WRONG = EXPERIMENT_WRONG | INTERVAL_WRONG | CONCLUDE_WRONG | RESULTS_WRONG

RIGHT = {
    "one call of fit_seeds for each rate; intervals by rnnlib": """
def experiment(name, m, seeds, rates, steps):
    train, valid, test = data(m)
    keys, found = jnp.stack([jax.random.key(s) for s in seeds]), []
    for rate in rates:
        run = fit_seeds(lambda key: MODELS[name](m, key), masked_loss, train, keys,
                        steps=steps, warmup=steps // 10, checks=1, learning_rate=rate)
        losses, shares = [], []
        for i in range(len(seeds)):
            model = run.of_seed(i).model
            losses.append(float(masked_loss(model, valid)))
            shares.append(np.asarray(right(model, test)))
        found.append((np.mean(losses), run.losses[:, 0], shares))
    scores = [float(score) for score, _, _ in found]
    best = scores.index(min(scores))
    _, firsts, shares = found[best]
    return {"rates": rates, "steps": steps, "valid": scores, "rate": rates[best],
            "first": {s: float(x) for s, x in zip(seeds, firsts)},
            "near": {s: float(x[:16].mean()) for s, x in zip(seeds, shares)},
            "far": {s: float(x[64:].mean()) for s, x in zip(seeds, shares)}}

def interval(ours, theirs):
    from rnnlib.claims import intervals
    if len(ours) < 5 or sorted(ours) != sorted(theirs):
        raise ValueError("other seeds")
    return intervals.difference(*([part[s] for s in sorted(part)] for part in (ours, theirs)))
""",
    "numbers of NumPy; a table of t": """
def interval(ours, theirs):
    if ours.keys() != theirs.keys() or len(ours) < 5:
        raise ValueError
    d = np.array([ours[s] - theirs[s] for s in sorted(ours)])
    t = {5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365}[len(d)]
    error = np.sqrt(((d - d.mean()) ** 2).sum() / (len(d) - 1) / len(d))
    return d.mean() + error * np.array([0, -t, t])
""",
    "the cases in another order; written as a tree": """
def conclude(low, high):
    if high <= MARGIN:
        if low >= -MARGIN:
            return "equal"
        return "signed minGRU" if high < -MARGIN else "undecided"
    return "LSTM" if low > MARGIN else "undecided"
""",
}
