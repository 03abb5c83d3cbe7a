"""What a notebook runs on, said in one line by its first cell, on Colab and elsewhere."""

import importlib.metadata
import os
import platform

import jax

import rnnlib
from rnnlib.measuring.machine import device

SHOWN = ("jax", "flax", "optax", "numpy")


class UnfitError(ImportError):
    """A package that the course needs is missing, or has a version that it was not written for."""

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows instead of a traceback: how we got here helps nobody."""
        return [f"ImportError: {self}"]


def report(*, gains_from_gpu: bool = False) -> None:
    """Print the device and the versions, and on Colab without a GPU how to get one if it helps.

    The versions are held against rnnlib's ranges where rnnlib is an installed package; used from
    a working tree it declares none.

    Raises: UnfitError (a package is missing or out of range).
    """
    fit = versions()  # first: a device may fail to start because of a version
    print(f"{device()}, {fit}")
    if gains_from_gpu and _on_colab() and jax.default_backend() == "cpu":
        print("A GPU helps with this lesson's larger run: Runtime > Change runtime type.")


def versions() -> str:
    """Return the versions of Python, rnnlib and the main packages, and whether they were judged.

    Raises: UnfitError (a package is missing or out of range).
    """
    needs = _needs()
    for need in needs:
        _check(need)
    shown = [f"{package} {_version(package)}" for package in SHOWN]
    judged = "every version in its range" if needs else "from a working tree"
    found = ", ".join([f"Python {platform.python_version()}", *shown])
    return f"{found}; rnnlib {rnnlib.__version__}, {judged}"


def _needs() -> list[str]:
    try:
        return importlib.metadata.requires("rnnlib") or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _check(need: str) -> None:
    from packaging.requirements import Requirement  # matplotlib needs it, so it is there

    wanted = Requirement(need)
    found = _version(wanted.name)
    if not wanted.specifier.contains(found, prereleases=True):
        raise UnfitError(f"the course needs {wanted}, and here is {found}. {_remedy(need)}")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise UnfitError(
            f"the course needs {package}, which is missing. {_remedy(package)}"
        ) from None


def _remedy(need: str) -> str:
    if _on_colab():  # never pip there: another jax would leave its GPU plugin behind
        return "Runtime > Disconnect and delete runtime brings Colab's own packages back."
    return f'To install it: pip install "{need}", then restart the kernel.'


def _on_colab() -> bool:
    return "COLAB_RELEASE_TAG" in os.environ
