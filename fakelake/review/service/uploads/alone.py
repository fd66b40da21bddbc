"""One at a time of the same bytes: two that send them do not both find them new, nor one them while they go."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_CHANGED = threading.Condition()
_UNDER_WAY: set[str] = set()  # the desk is one process


@contextmanager
def alone(sha256: str) -> Iterator[None]:
    """Other bytes do not wait, for a bucket may take its time."""
    with _CHANGED:
        _CHANGED.wait_for(lambda: sha256 not in _UNDER_WAY)
        _UNDER_WAY.add(sha256)
    try:
        yield
    finally:
        with _CHANGED:
            _UNDER_WAY.remove(sha256)
            _CHANGED.notify_all()
