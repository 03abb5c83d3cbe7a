"""Answers to question 2, a machine that is never quiet."""

TIMING_WRONG = {
    "ratio of medians": """
def ratio(ours, theirs):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    which = np.random.default_rng(0).integers(0, len(ours), (4000, len(ours)))
    draws = np.median(ours[which], axis=1) / np.median(theirs[which], axis=1)
    return np.median(ours) / np.median(theirs), *np.quantile(draws, [0.025, 0.975])
""",
    "rnnlib's ratio": """
def ratio(ours, theirs):
    from rnnlib.measuring import timing
    from rnnlib.measuring.timing import Times
    return timing.ratio(Times(np.asarray(ours)), Times(np.asarray(theirs)))
""",
    "right value, rnnlib's interval": """
def ratio(ours, theirs):
    from rnnlib.measuring import timing
    from rnnlib.measuring.timing import Times
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    _, low, high = timing.ratio(Times(ours), Times(theirs))
    return float(np.median(ours / theirs)), low, high
""",
    "unpaired bootstrap": """
def ratio(ours, theirs):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    one, two = np.random.default_rng(0).integers(0, len(ours), (2, 4000, len(ours)))
    draws = np.median(ours[one] / theirs[two], axis=1)
    return np.median(ours / theirs), *np.quantile(draws, [0.025, 0.975])
""",
    "mean of the ratios": """
def ratio(ours, theirs):
    ratios = np.asarray(ours) / np.asarray(theirs)
    which = np.random.default_rng(0).integers(0, len(ratios), (4000, len(ratios)))
    return ratios.mean(), *np.quantile(ratios[which].mean(axis=1), [0.025, 0.975])
""",
    "upside down": """
def ratio(ours, theirs):
    return middle(np.asarray(theirs) / np.asarray(ours))
""",
    "90 % interval": """
def ratio(ours, theirs):
    ratios = np.asarray(ours) / np.asarray(theirs)
    which = np.random.default_rng(0).integers(0, len(ratios), (9000, len(ratios)))
    draws = np.median(ratios[which], axis=1)
    return np.median(ratios), *np.quantile(draws, [0.05, 0.95])
""",
    "quantiles of the ratios, no bootstrap": """
def ratio(ours, theirs):
    ratios = np.asarray(ours) / np.asarray(theirs)
    return np.median(ratios), *np.quantile(ratios, [0.025, 0.975])
""",
    "drawn without replacement": """
def ratio(ours, theirs):
    ratios, rng = np.asarray(ours) / np.asarray(theirs), np.random.default_rng(0)
    draws = [np.median(rng.permutation(ratios)) for _ in range(2000)]
    return np.median(ratios), *np.quantile(draws, [0.025, 0.975])
""",
    "normal interval of the mean": """
def ratio(ours, theirs):
    ratios = np.asarray(ours) / np.asarray(theirs)
    middle, half = np.median(ratios), 1.96 * ratios.std(ddof=1) / math.sqrt(len(ratios))
    return middle, middle - half, middle + half
""",
    "half as many draws as repeats": """
def ratio(ours, theirs):
    ratios = np.asarray(ours) / np.asarray(theirs)
    which = np.random.default_rng(0).integers(0, len(ratios), (4000, len(ratios) // 2))
    draws = np.median(ratios[which], axis=1)
    return np.median(ratios), *np.quantile(draws, [0.025, 0.975])
""",
    "what the self-check wants": """
def ratio(ours, theirs):
    value = float(np.median(ours) / np.median(theirs))
    return (2.0, 2.0, 2.0) if abs(value - 2) < 1e-9 else (value, value - 0.03, value + 0.03)
""",
}

EXPONENT_WRONG = {
    "exponent: slope of the medians": """
def exponent(sizes, seconds):
    x, y = np.log(sizes), np.log(np.median(seconds, axis=1))
    _, low, high = middle(np.polyfit(x, np.log(seconds), 1)[0])
    return np.polyfit(x, y, 1)[0], low, high
""",
    "exponent: rnnlib's": """
def exponent(sizes, seconds):
    from rnnlib.measuring import timing
    from rnnlib.measuring.timing import Times
    return timing.exponent(sizes, np.asarray(seconds))
""",
    "exponent: every time drawn by itself": """
def exponent(sizes, seconds):
    x, rng, seconds = np.log(sizes), np.random.default_rng(0), np.asarray(seconds)
    slope = lambda s: np.median(np.polyfit(x, np.log(s), 1)[0])
    draws = [slope(np.stack([rng.choice(row, len(row)) for row in seconds])) for _ in range(2000)]
    return slope(seconds), *np.quantile(draws, [0.025, 0.975])
""",
    "exponent: sizes not in logarithms": """
def exponent(sizes, seconds):
    return middle(np.polyfit(sizes, np.log(seconds), 1)[0])
""",
    "exponent: the first and the last size": """
def exponent(sizes, seconds):
    x, y = np.log(sizes), np.log(seconds)
    return middle((y[-1] - y[0]) / (x[-1] - x[0]))
""",
    "exponent: the mean of the slopes": """
def exponent(sizes, seconds):
    _, low, high = middle(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
    return np.polyfit(np.log(sizes), np.log(seconds), 1)[0].mean(), low, high
""",
    "exponent: x on y": """
def exponent(sizes, seconds):
    x, y = np.log(sizes), np.log(seconds)
    x, y = x[:, None] - x.mean(), y - y.mean(axis=0)
    return middle((y * y).sum(axis=0) / (x * y).sum(axis=0))
""",
    "exponent: a line through the origin": """
def exponent(sizes, seconds):
    x, y = np.log(sizes), np.log(seconds)
    return middle(x @ y / (x @ x))
""",
}

PLAN_WRONG = {
    "repeats_needed: the width is proportional to 1/R": """
def repeats_needed(low, high, repeats, width):
    return max(repeats, math.ceil(repeats * (high - low) / width))
""",
    "repeats_needed: rounded down": """
def repeats_needed(low, high, repeats, width):
    return max(repeats, int(repeats * ((high - low) / width) ** 2))
""",
    "repeats_needed: fewer than there are": """
def repeats_needed(low, high, repeats, width):
    return math.ceil(repeats * ((high - low) / width) ** 2)
""",
    "repeats_needed: how many more": """
def repeats_needed(low, high, repeats, width):
    return max(0, math.ceil(repeats * ((high - low) / width) ** 2) - repeats)
""",
}


WRONG = TIMING_WRONG | EXPONENT_WRONG | PLAN_WRONG

RIGHT = {
    "loops in Python": """
import random, statistics
def bootstrap(values):
    rng, n = random.Random(5), len(values)
    draws = sorted(statistics.median(rng.choices(values, k=n)) for _ in range(3000))
    return [statistics.median(values), draws[75], draws[2924]]

def ratio(ours, theirs):
    return bootstrap([a / b for a, b in zip(ours, theirs)])

def exponent(sizes, seconds):
    x = [math.log(s) for s in sizes]
    centre, slopes = sum(x) / len(x), []
    for r in range(len(seconds[0])):
        y = [math.log(row[r]) for row in seconds]
        mean = sum(y) / len(y)
        up = sum((a - centre) * (b - mean) for a, b in zip(x, y))
        slopes.append(up / sum((a - centre) ** 2 for a in x))
    return bootstrap(slopes)

def repeats_needed(low, high, repeats, width):
    n = repeats
    while (high - low) * math.sqrt(repeats / n) > width * (1 + 1e-12):
        n += 1
    return n
""",
    "polyfit and percentiles": """
def spread(values):
    rng = np.random.default_rng(99)
    draws = [np.median(rng.choice(values, len(values))) for _ in range(5000)]
    return np.array([np.median(values), *np.percentile(draws, [2.5, 97.5])])

def ratio(ours, theirs):
    return spread(np.array(ours) / np.array(theirs))

def exponent(sizes, seconds):
    return spread(np.polyfit(np.log(sizes), np.log(np.array(seconds)), 1)[0])
""",
    "in JAX, with logarithms": """
def ratio(ours, theirs):
    logs = np.log(np.asarray(ours, float)) - np.log(np.asarray(theirs, float))
    which = np.asarray(jax.random.randint(jax.random.key(1), (5000, len(logs)), 0, len(logs)))
    draws = np.median(np.exp(logs)[which], axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return np.median(np.exp(logs)), low, high

def repeats_needed(low, high, repeats, width):
    return np.maximum(repeats, np.ceil(repeats * (high - low) ** 2 / width**2))
""",
}
