"""What the workflows do where it is more than a call of make."""

import subprocess

import pytest
import yaml
from test_house import ROOT

WEEKLY = yaml.safe_load((ROOT / ".github" / "workflows" / "weekly.yml").read_text())


@pytest.mark.parametrize(("open_issues", "created"), [(0, True), (1, False)])
def test_a_failed_week_opens_one_issue(tmp_path, open_issues, created):
    report = WEEKLY["jobs"]["report"]
    gh = tmp_path / "gh"
    gh.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/log\n[ $2 = list ] && echo {open_issues}\n:\n'
    )
    gh.chmod(0o755)
    (step,) = report["steps"]
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "TITLE": report["env"]["TITLE"],
        "BODY": "b",
    }
    subprocess.run(["bash", "-e", "-c", step["run"]], env=environment, check=True)
    listed, *rest = (tmp_path / "log").read_text().splitlines()
    assert listed.startswith("issue list --state open")
    assert rest == (["issue create --title The weekly run failed --body b"] if created else [])


def test_the_report_waits_for_every_job_and_may_write_issues():
    report = WEEKLY["jobs"]["report"]
    others = set(WEEKLY["jobs"]) - {"report"}
    assert set(report["needs"]) == others
    assert all(f"needs.{job}.result != 'success'" in report["if"] for job in others)
    assert report["permissions"] == {"issues": "write"}


def test_workflows_call_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        jobs = yaml.safe_load(path.read_text())["jobs"].values()
        runs = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
        for target in [run.split()[1] for run in runs if run.startswith("make ")]:
            assert f"\n{target}: " in makefile, f"{path.name}: make {target}"


def test_the_week_runs_every_notebook_whole():
    assert {"run": "make colab ALL=1"} in WEEKLY["jobs"]["colab"]["steps"]
    make = ["make", "--dry-run", "colab"]
    whole, one = (
        subprocess.check_output([*make, asked], cwd=ROOT, text=True)
        for asked in ("ALL=1", "LESSON=03")
    )
    assert "COLAB_ALL=1" in whole
    assert "COLAB_ALL" not in one and "-k 03_" in one
