"""The speed benchmark: measures, writes bench/results.json, and from it book/benchmarks.md.

    make bench                               all parts, in about twenty minutes on two cores
    python -m bench --only memory growth     some parts; of the others the last results stay
    python -m bench --report                 nothing is measured: the page anew from the results
    python -m bench --quick --to FOLDER      tiny sizes, in seconds: does it run?

All programs but the cold starts run in one process, by turns; JAX_NUM_CPU_DEVICES sets how many
cores they take.
"""

import argparse
import time
from pathlib import Path

import rnnlib  # noqa: F401  (before JAX's first computation: it counts the cores as devices)
from bench import (
    cold_start,
    generation,
    gradient_memory,
    growth,
    report,
    results,
    seeds,
    training_step,
    transformer_step,
)

PARTS = {
    "training_step": training_step,
    "transformer_step": transformer_step,
    "seeds": seeds,
    "cold_start": cold_start,
    "generation": generation,
    "memory": gradient_memory,
    "growth": growth,
}


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser("python -m bench", description=str(__doc__).split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run?")
    parser.add_argument("--report", action="store_true", help="only write the page anew")
    parser.add_argument("--to", type=Path, default=results.ROOT, help="where bench/ and book/ are")
    asked = parser.parse_args(arguments)
    if not asked.report:
        measure(asked.only or list(PARTS), asked.quick, asked.to / "bench" / "results.json")
    report.write(asked.to)


def measure(names: list[str], quick: bool, path: Path) -> None:
    """Measure the parts one after another; the results are written after each of them."""
    begun, about = time.monotonic(), results.provenance()
    for number, name in enumerate(names, 1):

        def say(line: str, name: str = name, number: int = number) -> None:
            minutes = (time.monotonic() - begun) / 60
            print(f"[{minutes:4.1f} min] {number}/{len(names)} {name}: {line}", flush=True)

        found = {"provenance": about, "quick": quick, **PARTS[name].measure(quick, say)}
        results.write(path, results.read(path) | {name: found})


if __name__ == "__main__":
    main()
