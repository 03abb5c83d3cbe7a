"""git's hook: `make check` before a commit, beside no other hook, and harmless to the commit."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_house import ROOT

CHECK = """
.PHONY: check
check:
\tgit init -q --bare ../other.git && git init -q ../another && touch ../another/a
\tcd ../another && git add a && $(GIT) commit -qm "another's" && git config a.b c
"""


def run(*command, cwd: Path, **more) -> subprocess.CompletedProcess:
    return subprocess.run([*command], cwd=cwd, capture_output=True, text=True, **more)


def git(*words: str, cwd: Path) -> str:
    done = run("git", *words, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A checkout with three files, whose `make check` is a few calls of git elsewhere."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "a")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@b")
    clone = tmp_path / "clone"
    (clone / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "hook.sh", clone / "tools")
    head = (ROOT / "Makefile").read_text().partition("\ncheck:")[0]
    (clone / "Makefile").write_text(f"{head}\nGIT = git\n{CHECK}\nhook:\n\ttools/hook.sh\n")
    (clone / "a").touch()
    git("init", "-q", cwd=clone)
    git("add", ".", cwd=clone)
    git("commit", "-qm", "first", cwd=clone)
    return clone


def hook(folder: Path) -> subprocess.CompletedProcess:
    return run("make", "hook", cwd=folder)


@pytest.mark.parametrize("words", [["-a"], ["a"], ["--include", "a"], ["--amend", "a"]])
@pytest.mark.parametrize("linked", [False, True])
def test_a_commit_is_what_was_asked_for(clone, linked, words):
    assert hook(clone).returncode == 0
    place = clone
    if linked:
        place = clone.parent / "linked"
        git("worktree", "add", "-q", str(place), cwd=clone)
    (place / "a").write_text("changed\n")
    git("commit", "-qm", "mine", *words, cwd=place)
    assert git("log", "-1", "--format=%s", cwd=clone.parent / "another") == "another's"
    assert git("log", "-1", "--format=%s", cwd=place) == "mine"
    assert git("ls-tree", "-r", "--name-only", "HEAD", cwd=place).split() == [
        "Makefile",
        "a",
        "tools/hook.sh",
    ]
    assert git("status", "--short", cwd=place) == ""
    assert git("config", "core.bare", cwd=clone) == "false"
    assert run("git", "config", "a.b", cwd=clone).returncode == 1


@pytest.mark.slow
def test_a_test_that_calls_git_leaves_alone_the_repository_of_the_hook(clone):
    """Without make: the variables end before the first test."""
    told = {"GIT_DIR": clone / ".git", "GIT_WORK_TREE": clone, "GIT_INDEX_FILE": clone / "index"}
    code = "import conftest, subprocess as s; s.run(['git', 'init', '-q', '--bare', 'new'])"
    paths = {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests")))}
    command = [sys.executable, "-c", code]
    done = run(*command, cwd=clone.parent, env={**os.environ, **paths, **told})
    assert done.returncode == 0, done.stderr
    assert (clone.parent / "new" / "HEAD").exists()
    assert git("config", "core.bare", cwd=clone) == "false"


def test_it_is_installed_twice_and_without_a_template(clone):
    shutil.rmtree(clone / ".git" / "hooks")
    assert hook(clone).returncode == hook(clone).returncode == 0
    assert os.access(clone / ".git/hooks/pre-commit", os.X_OK)


def refused(folder: Path, reason: str) -> None:
    done = hook(folder)
    assert done.returncode != 0 and reason in done.stderr, done.stderr
    assert "add by hand:  make check" in done.stderr


@pytest.mark.parametrize(
    "text", ["#!/usr/bin/env python3\n", "#!/bin/sh\nexec make check all\n", ""]
)
def test_another_hook_stays(clone, text):
    path = clone / ".git/hooks/pre-commit"
    path.write_text(text)
    refused(clone, "is there, and is not ours")
    assert path.read_text() == text


def test_a_link_to_what_is_missing_stays(clone):
    path = clone / ".git/hooks/pre-commit"
    path.symlink_to(clone.parent / "nowhere")
    refused(clone, "is not ours")
    assert path.is_symlink() and not path.exists()


@pytest.mark.parametrize("level", ["--global", "--local"])
def test_hooks_for_several_repositories_stay(clone, level):
    (clone.parent / "hooks").mkdir()
    git("config", level, "core.hooksPath", str(clone.parent / "hooks"), cwd=clone)
    refused(clone, f"core.hooksPath leads to '{clone.parent}/hooks'")
    assert not list((clone.parent / "hooks").iterdir())


def test_a_folder_that_is_no_checkout_gets_none(clone):
    outer, inner = clone.parent, clone
    shutil.rmtree(inner / ".git")
    refused(inner, "not a git repository")
    git("init", "-q", cwd=outer)
    refused(inner, f"lies in that of {outer.resolve()}")
    assert not (outer / ".git/hooks/pre-commit").exists()


def test_why_git_refuses_is_said(clone, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    refused(clone, "dubious ownership")
