"""The floors, of the library and of the grader, as `make check` watches them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import check
from assemble import ROOT


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("tools/grading/tables.py", "", ""),
        ("tools/grading/tables.py", "from grading import grade", "the grader's floors"),
        ("tools/grading/reports.py", "import homework", "the grader does not build"),
        ("rnnlib/texts/windows.py", "from rnnlib.training import fit", "floors"),
        ("rnnlib/notebook/homework.py", "from grading import judge", "the library stands alone"),
    ],
)
def test_a_circle_is_found(tmp_path, module, line, broken):
    for part in ("rnnlib", "tools"):
        shutil.copytree(
            ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("data", "node*")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / module).open("a") as file:
        file.write(f"\n\ndef late():\n    {line or 'pass'}\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        check.LINT["import-linter"],
        shell=True,
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    found = [line.removesuffix(" BROKEN") for line in done.stdout.splitlines() if "BROKEN" in line]
    assert found == list(filter(None, [broken])) and bool(done.returncode) == bool(broken)
