"""Build the student's notebooks and the grader's bundles from book/homework (`make homework`).

A homework is written once, with its solutions: between `# BEGIN SOLUTION` and `# END SOLUTION` in
a cell, or in whole cells tagged `solution`. The student's notebook has `...` in their place. Its
checks, rubric and wrong solutions lie beside it and enter no notebook.
"""

import argparse
import os
import sys
import zipfile
from pathlib import Path

from nbformat import NotebookNode

from assemble import ROOT, Lesson
from grading import published
from grading.roster import ROSTER, SECRET, rewritten
from lessons import build_stale


class Homework(Lesson):
    """One homework: its source holds the solutions, its notebook does not."""

    @property
    def source(self) -> Path:
        """The MyST Markdown that people edit, with solutions."""
        return self.root / "book" / "homework" / f"{self.name}.md"

    @property
    def notebook(self) -> Path:
        """The notebook that students open."""
        return self.root / "notebooks" / "homework" / f"{self.name}.ipynb"

    def prepare(self, notebook: NotebookNode) -> None:
        """Take the solutions out."""
        published.without_solutions(notebook)


def solved(homework: Homework) -> list[str]:
    """Return the code cells with the solutions in: what must get all points."""
    return published.code(published.read(homework.source))


def handout(homework: Homework) -> list[str]:
    """Return the code cells as a student gets them: what must get none."""
    return published.code(published.without_solutions(published.read(homework.source)))


def find(root: Path) -> list[Homework]:
    """Find all homework."""
    names = sorted(path.stem for path in (root / "book" / "homework").glob("hw*.md"))
    return [Homework(root, name) for name in names]


SETUP = """#!/usr/bin/env bash
# Run once by Gradescope, when the autograder's image is made.
set -euo pipefail
cd /autograder/source
python3 -m pip install --break-system-packages uv || python3 -m pip install uv
export UV_PYTHON_INSTALL_DIR=/opt/python  # where the submission's user may read
uv venv --python 3.12 .venv
uv pip install --python .venv --require-hashes --requirement requirements.lock
chmod -R go-rwx book secret.txt roster.csv
"""
AUTOGRADER = """#!/usr/bin/env bash
# Run by Gradescope for each submission.
set -euo pipefail
cd /autograder/source
chmod 700 /autograder/results /autograder/submission
SECRET="$(cat secret.txt)" PYTHONPATH=tools .venv/bin/python -m grading.gradescope {name} \\
    /autograder/submission /autograder/results/results.json --roster roster.csv
"""


def bundle(homework: Homework, folder: Path, secret: str = "", roster: str = "") -> Path:
    """Write a homework's autograder for Gradescope: a zip with all that it needs.

    `secret` is the word that makes the hidden numbers one's own; `roster` the text of the roster.
    """
    root = homework.root
    files = [root / "requirements.lock", *sorted((root / "tools" / "grading").glob("*.py"))]
    checks = homework.source.with_suffix("")
    files += [checks / "rubric.md", *sorted(checks.rglob("checks/*.py"))]
    files += sorted(p for p in (root / "rnnlib").rglob("*") if p.suffix not in ("", ".pyc"))
    scripts = {"setup.sh": SETUP, "run_autograder": AUTOGRADER.format(name=homework.name)}
    texts = {"secret.txt": secret, "roster.csv": roster or "name,variant\n"}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{homework.name}-gradescope.zip"
    part = path.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in (scripts | texts).items():
            entry = zipfile.ZipInfo(name)  # with one date: the same zip each time
            entry.external_attr = (0o755 if name in scripts else 0o600) << 16
            file.writestr(entry, text)
        for source in files:
            entry = zipfile.ZipInfo(source.relative_to(root).as_posix())
            entry.external_attr = 0o644 << 16
            file.writestr(entry, source.read_bytes(), zipfile.ZIP_DEFLATED)
    part.replace(path)
    return path


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: see --help."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--force", action="store_true", help="execute fresh notebooks too")
    parser.add_argument("--secret", default=os.environ.get("SECRET", ""), help=SECRET)
    parser.add_argument("--roster", type=Path, help=f"for Gradescope: {ROSTER}")
    asked = parser.parse_args(arguments)
    try:
        roster = rewritten(asked.roster)
    except (ValueError, OSError) as error:
        sys.exit(f"{error}")
    failed = build_stale(find(ROOT), asked.force, "")
    for homework in find(ROOT) if asked.secret else []:
        path = bundle(homework, ROOT / "_build" / "homework", asked.secret, roster)
        print(f"for Gradescope: {path.relative_to(ROOT)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
