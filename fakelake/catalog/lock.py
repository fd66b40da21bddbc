"""One writer at a time: a file lock for a local lake, a lease for a lake on S3.

Readers take no lock. The file lock is the kernel's and dies with its process. The lease is an object that its
holder renews and that others may take over once it has stood unrenewed for its whole term; who was overtaken
learns it at the next `check`. The commit of `videos` does not rest on the lease alone, see commit.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

from fakelake.catalog.location import LakeLocation

LOCK_FILE = "lake.lock"
WAIT_S = 300.0
TERM_S = 30.0


class LakeBusy(TimeoutError):
    """Somebody else held the lock for as long as we were ready to wait."""


class LeaseLost(RuntimeError):
    """Our lease ran out before we were done: another writer may be at work."""


class Held(Protocol):
    """A lock that we hold."""

    def check(self) -> None:
        """Raise LeaseLost if it is ours no longer."""


@contextlib.contextmanager
def lake_lock(location: LakeLocation, timeout_s: float = WAIT_S, *, term_s: float = TERM_S) -> Iterator[Held]:
    """Hold the lake's lock. `term_s` is how long a lease on S3 lives without renewal.

    Not reentrant. Raises LakeBusy, with who holds it, after `timeout_s`.
    """
    held = _FileLock(location) if location.is_local else _Lease(location, term_s)
    deadline = time.monotonic() + timeout_s
    wait = 0.005 if location.is_local else 0.1
    while not held.try_acquire():
        if time.monotonic() >= deadline:
            raise LakeBusy(
                f"The lake {location.root} is being written to by {held.holder()}, for longer than the "
                f"{timeout_s:.0f} s that this process waited. Let it finish, or end it, and run again."
            )
        time.sleep(wait * random.uniform(0.5, 1.5))
        wait = min(wait * 1.5, 0.1 if location.is_local else 1.0)
    try:
        yield held
    finally:
        held.release()


def _describe(content: bytes | None) -> str:
    try:
        holder = json.loads(content or b"")
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"


def _me() -> dict[str, object]:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": since}


class _FileLock:
    """flock(2) on a file that is never removed (removing it would let two processes lock two files)."""

    def __init__(self, location: LakeLocation) -> None:
        self._path = location.path(LOCK_FILE)
        self._fd: int | None = None

    def try_acquire(self) -> bool:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(_me()).encode(), 0)
        self._fd = fd
        _open_locks.add(fd)
        return True

    def check(self) -> None:
        """The kernel keeps it for us."""

    def holder(self) -> str:
        return _describe(self._path.read_bytes())

    def release(self) -> None:
        if self._fd is not None:
            _open_locks.discard(self._fd)
            os.close(self._fd)
            self._fd = None


_open_locks: set[int] = set()


def _drop_inherited_locks() -> None:
    # A forked child shares the lock: were it to outlive its parent, the lake would stay locked.
    while _open_locks:
        with contextlib.suppress(OSError):
            os.close(_open_locks.pop())


os.register_at_fork(after_in_child=_drop_inherited_locks)


class _Lease:
    """An object written only under the condition that nobody else has written it since we read it."""

    def __init__(self, location: LakeLocation, term_s: float) -> None:
        self._store = location.store()
        self._term_s = term_s
        self._token = uuid.uuid4().hex
        self._mine: str | None = None  # the object's e_tag after our last write
        self._renewals = 0
        self._good_until = 0.0
        self._watched: tuple[str | None, float] = (None, 0.0)  # somebody's e_tag, and since when we have seen it
        self._holder: bytes | None = None
        self._done = threading.Event()
        self._renewer: threading.Thread | None = None

    def try_acquire(self) -> bool:
        asked = time.monotonic()
        try:
            found = self._store.get(LOCK_FILE)
            self._holder, e_tag = bytes(found.bytes()), found.meta["e_tag"]
        except FileNotFoundError:
            return self._write({"mode": "create"}, asked) and self._start()
        if json.loads(self._holder).get("token"):
            # By our own clock: the clocks of two machines need not agree.
            if self._watched[0] != e_tag:
                self._watched = (e_tag, asked)
            if asked - self._watched[1] < self._term_s:
                return False
        return self._write({"mode": {"e_tag": e_tag}}, asked) and self._start()

    def check(self) -> None:
        if self._mine is None or time.monotonic() > self._good_until:
            raise LeaseLost(
                "This run's lease on the lake ran out (the machine slept, or the storage did not answer), and another "
                "writer may have taken over. Nothing is broken: run again."
            )

    def holder(self) -> str:
        return _describe(self._holder)

    def release(self) -> None:
        self._done.set()
        if self._renewer is not None:
            self._renewer.join()
        if self._mine is not None:
            with contextlib.suppress(Exception):  # it runs out by itself
                self._store.put(LOCK_FILE, b"{}", mode={"e_tag": self._mine})
            self._mine = None

    def _start(self) -> bool:
        self._renewer = threading.Thread(target=self._renew, daemon=True, name="lease")
        self._renewer.start()
        return True

    def _write(self, condition: dict, asked: float) -> bool:
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        # The counter changes the bytes, and so the e_tag, with each renewal.
        content = {**_me(), "token": self._token, "renewals": self._renewals}
        try:
            self._mine = self._store.put(LOCK_FILE, json.dumps(content).encode(), **condition)["e_tag"]
        except (AlreadyExistsError, PreconditionError, FileNotFoundError):
            return False
        self._renewals += 1
        self._good_until = asked + self._term_s
        return True

    def _renew(self) -> None:
        while not self._done.wait(self._term_s / 4):
            asked = time.monotonic()
            try:
                if not self._write({"mode": {"e_tag": self._mine}}, asked):
                    self._mine = None
                    return
            except Exception:  # the storage is away; until the term ends we may try again
                if asked > self._good_until:
                    self._mine = None
                    return
