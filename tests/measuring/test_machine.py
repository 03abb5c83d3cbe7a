"""The processor is called by its full name, wherever the system keeps it."""

import subprocess
from types import SimpleNamespace

import jax
import pytest

from rnnlib.measuring import machine

LINUX = "processor\t: 0\nmodel name\t: Abacus 9 @ 2 beads\nmodel name\t: another\n"


@pytest.fixture
def on(monkeypatch):
    """Pretend to be on a system, which answers so when it is asked for its processor."""

    def pretend(platform, cpuinfo="", sysctl=""):
        monkeypatch.setattr(machine.sys, "platform", platform)
        monkeypatch.setattr(machine.Path, "read_text", lambda *_, **__: cpuinfo)
        answer = SimpleNamespace(stdout=sysctl)
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
        monkeypatch.setattr(machine.platform, "processor", lambda: "")
        monkeypatch.setattr(machine.platform, "machine", lambda: "aarch64")

    return pretend


def test_the_system_is_asked_for_the_name(on):
    on("linux", cpuinfo=LINUX)
    assert machine.processor() == "Abacus 9 @ 2 beads"
    on("darwin", sysctl="Abacus M9\n")
    assert machine.processor() == "Abacus M9"
    on("linux", cpuinfo="CPU part\t: 0xd40\n")  # Arm's have no name there
    assert machine.processor() == "aarch64"


def test_a_gpu_says_its_own_name(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "devices", lambda: [SimpleNamespace(device_kind="Tesla T4")])
    assert machine.processor() == "Tesla T4"
