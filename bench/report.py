"""The page book/benchmarks.md and its figures: words from page.md, numbers from results.json."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench import figures, results
from bench import transformer_step as of_a_transformer
from bench.training_step import FORMS

Part = dict[str, Any]
CELLS = ("LSTM", "GRU", "both")


def write(folder: Path) -> None:
    """Write the page and its figures.

    Raises: SystemExit (nothing has been measured yet).
    """
    found = results.read(folder / "bench" / "results.json")
    if not found:
        raise SystemExit("nothing has been measured yet: run `make bench`")
    figures.draw(found, folder / "book" / "figures")
    results.replace(folder / "book" / "benchmarks.md", page(found))
    print("book/benchmarks.md: written")


def page(found: dict[str, Part]) -> str:
    """Return the page as Markdown; a part or a peer that was not measured is left out."""
    words = (results.ROOT / "bench" / "page.md").read_text(encoding="utf-8")
    _, *pieces = re.split(r"<!-- (\w+) -->\n", words)
    template = dict(zip(pieces[::2], pieces[1::2], strict=True))
    numbers = {
        "training_step": training_step,
        "transformer_step": transformer_step,
        "seeds": seeds,
        "cold_start": cold_start,
        "generation": generation,
        "memory": memory,
        "growth": growth,
    }
    head = {"warnings": warnings(found.values()), "machines": machines(found)}
    text = template["head"].format(**head)
    for name, fill in numbers.items():
        text += template[name].format(**fill(found[name])) if name in found else ""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def warnings(parts: Iterable[Part]) -> str:
    """Say of numbers that they mean little."""
    quick = any(part["quick"] for part in parts)
    busy = any((part["provenance"]["load"] or 0) > 0.5 for part in parts)
    told = ["**A quick run at tiny sizes: the numbers on this page mean nothing.**"] * quick
    told += ["**The machine had other work at the time: take the numbers as coarse.**"] * busy
    return "\n\n".join(told)


def machines(found: dict[str, Part]) -> str:
    """Say where, with what and when; parts of different runs each say it for themselves."""
    names: dict[str, list[str]] = {}
    for name, part in found.items():
        about = part["provenance"]
        versions = ", ".join(f"{package} {v}" for package, v in about["versions"].items())
        line = f"**Measured on** {about['cpu']}, {about['cores']} cores; {about['system']}; "
        line += f"{versions}; commit {about['commit']}, {about['date']}"
        names.setdefault(line, []).append(name.replace("_", " "))
    if len(names) == 1:
        return f"{next(iter(names))}."
    return "\n\n".join(f"{line} ({', '.join(parts)})." for line, parts in names.items())


def training_step(part: Part) -> dict[str, Any]:
    """Fill in means, ratios, milliseconds and GFLOP/s."""
    cells = []
    for cell in dict.fromkeys(case["cell"] for case in part["cases"]):
        cases = [case for case in part["cases"] if case["cell"] == cell]
        cells.append(f"### {cell}\n\n{_steps(cases, part['roof'])}")
    means = [
        [what, *(_range(by[cell]) if cell in by else "" for cell in CELLS)]
        for what, by in part["means"].items()
    ]
    return {
        "in_a_scan": part["in_a_scan"],
        "roof": f"{part['roof'] / 1e9:.3g}",
        "peers": "\n".join(f"- {note}" for note in part["peers"]),
        "means": _table(["rival's time / rnnlib's", *CELLS], means),
        "figure": _figure("steps") if means else "",
        "cells": "\n\n".join(cells),
    }


def _steps(cases: list[Part], roof: float) -> str:
    columns = ["(B, T, D, H)", *(f"({', '.join(map(str, case['shape']))})" for case in cases)]
    programs = [case["programs"] for case in cases]
    rivals = [name for name in programs[0] if not name.startswith("rnnlib")]
    speed = [case["flops"] / case["programs"]["rnnlib"]["best"] for case in cases]
    times = [[name, *(_forms(by[name]["forms"]) for by in programs)] for name in programs[0]]
    ratios = [[name, *(_range(by[name]["ratio"]) for by in programs)] for name in rivals]
    reached = [
        ["GFLOP/s", *(f"{s / 1e9:.3g}" for s in speed)],
        ["share of the roof", *(f"{s / roof:.0%}" for s in speed)],
    ]
    tables = {
        f"Milliseconds per step, {' / '.join(FORMS.values())}:": times,
        "The rival's time divided by rnnlib's, each in its best form:": ratios,
        "What rnnlib reaches:": reached,
    }
    told = [f"{title}\n\n{_table(columns, rows)}" for title, rows in tables.items() if rows]
    return "\n\n".join(told)


def _forms(forms: dict[str, Part], names: Iterable[str] = FORMS) -> str:
    return " / ".join(
        f"{1e3 * forms[name]['median']:.3g}" if name in forms else "–" for name in names
    )


def transformer_step(part: Part) -> dict[str, Any]:
    """Fill in means, milliseconds, ratios and the share of the roof."""
    counts = list(dict.fromkeys(str(case["cores"]) for case in part["cases"]))
    cores = [f"{count} core{'s' * (count != '1')}" for count in counts]
    means = [
        [what, *(_range(by[count]) if count in by else "" for count in counts)]
        for what, by in part["means"].items()
    ]
    tables = [
        f"### On {title}\n\n{_transformers([c for c in part['cases'] if str(c['cores']) == count])}"
        for title, count in zip(cores, counts, strict=True)
    ]
    return {
        "means": _table(["rival's time / rnnlib's", *cores], means),
        "in_a_scan": of_a_transformer.IN_A_SCAN,
        "tables": "\n\n".join(tables),
    }


def _transformers(cases: list[Part]) -> str:
    shapes = [f"({', '.join(map(str, case['shape']))})" for case in cases]
    columns = ["(B, T, W, layers, heads)", *shapes]
    programs = [case["programs"] for case in cases]
    forms = of_a_transformer.FORMS
    times = [[name, *(_forms(by[name]["forms"], forms) for by in programs)] for name in programs[0]]
    rivals = [name for name in programs[0] if name != "rnnlib"]
    ratios = [[name, *(_range(by[name]["ratio"]) for by in programs)] for name in rivals]
    ratios.append(["rnnlib's share of the roof", *(f"{case['share']:.0%}" for case in cases)])
    return "\n\n".join(
        [
            f"Milliseconds per step, {' / '.join(forms)}:\n\n{_table(columns, times)}",
            "The rival's time divided by rnnlib's, each in its best form:\n\n"
            + _table(columns, ratios),
        ]
    )


def seeds(part: Part) -> dict[str, Any]:
    """Fill in what seeds side by side and in turn take."""
    rows = [[name, _seconds(p), _range(p["ratio"])] for name, p in part["programs"].items()]
    table = _table(["program", "seconds", "divided by fit_seeds'"], rows)
    return {**part["sizes"], "seeds": part["seeds"], "table": table}


def cold_start(part: Part) -> dict[str, Any]:
    """Fill in the stages of a fresh process, and what it imports."""
    starts = part["programs"]
    stages = next(iter(starts.values()))["stages"]
    rows = [[stage, *(f"{s['stages'][stage]:.2f}" for s in starts.values())] for stage in stages]
    rows.append(["all", *(_seconds(start) for start in starts.values())])
    imports = [[package, f"{seconds:.2f}"] for package, seconds in part["imports"].items()]
    table = _table(["seconds", *starts], rows)
    return {"table": table, "imports": _table(["package", "seconds"], imports)}


def generation(part: Part) -> dict[str, Any]:
    """Fill in tokens per second."""
    tables = []
    for batch, found in part["batches"].items():
        rows = [
            [name, f"{program['tokens_per_second']:,.0f}", _range(program["ratio"])]
            for name, program in found["programs"].items()
        ]
        columns = [f"batch {batch}", "tokens per second", "time divided by generate's"]
        same = "Where both take the likeliest, rnnlib's programs agree on "
        same += f"{found['same_tokens']:.1%} of the tokens."
        tables += [_table(columns, rows), same]
    return {**part["sizes"], "tables": "\n\n".join(tables)}


def memory(part: Part) -> dict[str, Any]:
    """Fill in mebibytes, their exponents, and times."""
    lengths = part["sizes"]["lengths"]
    rows = []
    for name, found in part["programs"].items():
        ends = [f"{found['bytes'][i] / 2**20:.3g}" for i in (0, -1)]
        rest = _range(found["exponent"]), _seconds(found), _range(found["ratio"])
        rows.append([name, *ends, *rest])
    ends = [f"MiB at T = {length:,}" for length in (lengths[0], lengths[-1])]
    columns = ["gradient", *ends, "exponent p", "seconds at the longest", "divided by plain's"]
    numbers = {"longest": f"{lengths[-1]:,}", "figure": _figure("memory")}
    return {**part["sizes"], **numbers, "table": _table(columns, rows)}


def growth(part: Part) -> dict[str, Any]:
    """Fill in exponents, and what more devices bring."""
    rows, devices = [], ""
    for curve in part["curves"]:
        sizes = curve["sizes"]
        if curve["size"] != "devices":
            span = f"{sizes[0]} to {sizes[-1]}"
            rows.append([curve["layer"], curve["size"], span, _range(curve["exponent"])])
        elif len(sizes) > 1:
            devices = f"On {sizes[-1]} devices, each with its share of the batch, the fused step "
            devices += f"is {_range(curve['ratio'])} times as fast as on one."
    table = _table(["layer", "size", "from, to", "exponent p"], rows)
    sizes = {"steps": part["sizes"]["steps"], **part["sizes"]["base"]}
    return {**sizes, "figure": _figure("growth"), "table": table, "devices": devices}


def _figure(name: str) -> str:
    return f"![{figures.ALT[name]}](figures/benchmarks-{name}.svg)"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""


def _range(found: Sequence[float]) -> str:
    value, low, high = found
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _seconds(found: Part) -> str:
    low, high = found.get("interval", (None, None))
    interval = "" if low is None else f" [{low:.3g}, {high:.3g}]"
    return f"{found['median']:.3g}{interval}"
