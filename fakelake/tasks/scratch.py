"""Scratch space of one task on the worker's own disk."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "fakelake-scratch-"
# No task may run for so long: a directory this old was left by a worker that was killed.
STALE_S = 24 * 3600


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory that is gone when the block ends; what killed workers left a day ago goes too."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_S:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=PREFIX) as directory:
        yield Path(directory)
