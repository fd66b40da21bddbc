"""How many uploads come in at once, and how much: threads are left for those who look, and the disk for decisions."""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.http import HttpRequest

from fakelake.review.service.problem import Busy
from fakelake.review.service.uploads.inbox import inbox
from fakelake.review.service.uploads.refusals import disk_trouble

SPARE = 64 << 20  # bytes of the disk that uploads leave to others
AT_ONCE = threading.BoundedSemaphore(40)
IN_LINE, WAIT_S = threading.BoundedSemaphore(12), 20.0  # so many wait so long for one of those places
_promises, _promised = threading.Lock(), 0  # bytes of the requests that are on their way


def staging() -> Path:
    """Where files come in; made where it is not there."""
    folder = inbox().staging
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def a_place() -> Iterator[None]:
    """One of AT_ONCE. Raises Busy."""
    waits = IN_LINE.acquire(blocking=False)
    try:
        if not AT_ONCE.acquire(timeout=WAIT_S if waits else 0):
            said, todo = "Nothing was read.", "Wait a minute, then send it again."
            raise Busy("Many uploads come in just now", said, todo)
    finally:
        if waits:
            IN_LINE.release()
    try:
        yield
    finally:
        AT_ONCE.release()


@contextmanager
def room_for(request: HttpRequest) -> Iterator[None]:
    """Raises Refused, before anything is read, for a body without room on the disk beside those on their way."""
    global _promised
    try:
        length, free = int(request.META.get("CONTENT_LENGTH") or 0), shutil.disk_usage(staging()).free
    except (OSError, ValueError) as error:
        raise disk_trouble("the file", error if isinstance(error, OSError) else OSError(str(error))) from error
    with _promises:  # what has come of a promised body counts twice: that errs to the safe side
        if _promised + length + SPARE > free:
            raise disk_trouble("the file", OSError(errno.ENOSPC, ""))
        _promised += length
    try:
        yield
    finally:
        with _promises:
            _promised -= length


def keep_spare(folder: Path) -> None:
    """For bodies that did not say how long they are. Raises OSError: the disk is as good as full."""
    if shutil.disk_usage(folder).free < SPARE:
        raise OSError(errno.ENOSPC, "")
