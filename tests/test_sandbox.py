"""What lies between grader and submission: the sandbox's command, its limits, and the wire."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from grading import sandbox
from grading.sandbox import Limits, NoSandbox, command, confined
from grading.wire import pack, unpack

LIMIT = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[1])"


def test_limits_that_the_machine_does_not_allow_are_taken_as_far_as_it_does():
    words = confined([sys.executable, "-c", LIMIT], Limits(), None)
    lower = ["sh", "-c", 'ulimit -n 300; exec "$@"', "sh", *words]
    assert subprocess.check_output(lower, text=True).strip() == "300"


def test_docker_would_have_no_network_no_rights_and_limits(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    words = " ".join(command("docker", Limits(processes=99)))
    for part in ("network none", "read-only", "cap-drop ALL", "pids-limit 99", "user 1000"):
        assert f"--{part}" in words
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(NoSandbox, match="apt-get install bubblewrap"):
        command("bubblewrap", Limits())


def test_a_sandbox_that_does_not_work_is_said(monkeypatch):
    broken = {"bubblewrap": lambda limits: ["sh", "-c", "echo no namespaces >&2"]}
    monkeypatch.setattr(sandbox, "WAYS", broken)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(NoSandbox, match="bubblewrap does not work on this machine: no namespaces"):
        sandbox.probe("bubblewrap")


@pytest.mark.parametrize(
    "value", [1, 2.5, "word", None, True, [1, [2]], {"a": {3: 4}}, np.arange(6.0).reshape(2, 3)]
)
def test_values_come_back_from_the_wire(value):
    back = unpack(json.loads(json.dumps(pack(value))))
    np.testing.assert_equal(back, value)


def test_what_is_no_value_is_refused():
    for value in (print, {"f": print}, np.array(["x"])):
        with pytest.raises(TypeError, match="it holds"):
            pack(value)
    for value in ({"array": ["O", [1], ""]}, {"array": [1]}, {"other": 1}):
        with pytest.raises(ValueError, match=r"array|packed"):
            unpack(value)
