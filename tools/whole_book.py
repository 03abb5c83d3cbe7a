"""A build of the book ends whole, or leaves nothing that the next one would take for whole.

MyST-NB writes no figure again whose file is there, Sphinx no page again that is newer than its
source, and where the disk is full Sphinx only warns: what was cut once stayed cut.
"""

import logging
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import SphinxError

FAILED: list[OSError] = []  # what Sphinx warned of in this build


class FailedWrites(logging.Handler):
    """Collects the errors of the system in what Sphinx logs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Find them among what a message is made of."""
        FAILED.extend(found for found in record.args or () if isinstance(found, OSError))


def begin(app: Sphinx) -> None:
    """Remove what the last build left, if it did not end; from here on this one has not ended."""
    stamp, begun = app.outdir / ".stamp", begun_at(app)
    if not stamp.exists():
        for folder in (app.outdir, app.doctreedir, app.outdir.parent / "jupyter_execute"):
            shutil.rmtree(folder, ignore_errors=True)
    stamp.unlink(missing_ok=True)
    begun.parent.mkdir(parents=True, exist_ok=True)
    if not begun.exists():
        begun.touch()


def begun_at(app: Sphinx) -> Path:
    """Name the file whose time is that of the build's beginning: `make book` writes it, or we."""
    return Path(app.outdir.parent, ".begun")


def date_back(app: Sphinx, env: BuildEnvironment) -> None:
    """Let a page that was saved after the beginning be read again by the next build.

    Sphinx writes down when it had read the page, which may have been saved in the meantime.
    """
    begun = begun_at(app).stat().st_mtime_ns // 1000
    for page, read in env.all_docs.items():
        env.all_docs[page] = min(int(read), begun)


def end(app: Sphinx, error: Exception | None) -> None:
    """Leave the stamp, dated back to the beginning, unless something could not be written."""
    if error:
        return
    if FAILED:
        raise SphinxError(f"Not all could be written, so the next build begins anew: {FAILED[0]}")
    begun_at(app).replace(app.outdir / ".stamp")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    FAILED.clear()
    logging.getLogger("sphinx").addHandler(FailedWrites())
    begin(app)
    app.connect("env-updated", date_back)
    app.connect("build-finished", end, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
