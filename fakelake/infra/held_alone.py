"""A directory for one process at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class HeldByAnother(Exception):
    """Another process is at the same work; the text says at which."""


@contextmanager
def held_alone(directory: Path, otherwise: str) -> Iterator[None]:
    """Make a directory and hold it. The kernel lets go of it when the process ends, however that comes.

    Raises HeldByAnother with the text `otherwise`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HeldByAnother(otherwise) from None
        yield
