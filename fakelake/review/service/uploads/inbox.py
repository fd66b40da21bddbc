"""Where uploads end: a folder of this machine, or a prefix of a bucket.

A name in it is `<16 hex digits>/<file>` and ours (intake.py): two files of one name do not meet, and the lake knows a
video by the name that its owner gave it.
"""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from django.conf import settings

from fakelake.catalog.location import LakeLocation, LakePathError
from fakelake.review.service.problem import Problem
from fakelake.tasks.source_file import object_of, object_uri, path_of, uri_of

log = logging.getLogger("fakelake.review")

_FOLDER = re.compile(r"[0-9a-f]{16}")
HIDDEN = ".incoming"  # `discover` passes over what begins with a dot


class Inbox(Protocol):
    """staging: the folder on this machine's disk where files come in; it may not be there yet."""

    staging: Path

    def address(self, name: str) -> str:
        """Of a file, as `fakelake ingest` takes it."""

    def uri(self, name: str) -> str:
        """The same as the table `sources` has it."""

    def store(self, file: Path, name: str) -> None:
        """Have a file of `staging` in the inbox for good, whole or not at all. Raises OSError."""

    def remove(self, name: str) -> None:
        """One that is gone already is fine. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Files come in below it, so that a rename brings them to their place at once."""

    path: Path

    @property
    def staging(self) -> Path:
        return self.path / HIDDEN

    def address(self, name: str) -> str:
        return str(self.path / _plain(name))

    def uri(self, name: str) -> str:
        return uri_of(self.path / _plain(name))

    def store(self, file: Path, name: str) -> None:
        target = self.path / _plain(name)
        for last in (False, True):  # `remove` may take the folder away in between
            target.parent.mkdir(exist_ok=True)
            try:
                file.replace(target)
                break
            except FileNotFoundError:
                if last:
                    raise
        for folder in (target.parent, self.path):  # a rename is on the disk when its folder is
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def remove(self, name: str) -> None:
        target = self.path / _plain(name)
        target.unlink(missing_ok=True)
        if target.parent != self.path:
            with suppress(OSError):  # another file of the same bytes is in it
                target.parent.rmdir()


@dataclass(frozen=True, slots=True)
class Bucket:
    """Files come in on this machine's disk, and are judged there before the bucket gets them."""

    location: LakeLocation
    staging: Path

    def address(self, name: str) -> str:
        return self.location.uri(_plain(name))

    def uri(self, name: str) -> str:
        bucket, _, prefix = self.location.root.removeprefix("s3://").partition("/")
        return object_uri(bucket, f"{prefix}/{_plain(name)}".lstrip("/"))

    def store(self, file: Path, name: str) -> None:
        with _store_errors():
            self.location.upload(file, _plain(name))
        file.unlink()

    def remove(self, name: str) -> None:
        with _store_errors():
            self.location.delete(_plain(name))


def inbox() -> Inbox:
    """That of the settings. Raises Problem for an address that is neither a folder's nor a bucket's."""
    where = settings.FAKELAKE.inbox
    try:
        if where.startswith("s3://"):
            return Bucket(LakeLocation.from_str(where), Path(settings.DESK_DIR) / "incoming")
        known = "://" not in where
    except LakePathError:
        known = False
    if not known:
        raise Problem(
            "The desk cannot take files here", f"The inbox is {where}, which is neither a folder nor s3://...",
            "Set FAKELAKE_INBOX to a folder of this machine or to s3://bucket/prefix.", 409,
        )  # fmt: skip
    return Folder(Path(where).absolute())


def is_there(uri: str) -> bool:
    """Whether a file stands at an address of `sources` now. Raises OSError where its store does not answer."""
    if uri.startswith("file://"):
        return path_of(uri).is_file()
    if not uri.startswith("s3://"):
        return False
    bucket, key = object_of(uri)
    with _store_errors():
        return LakeLocation.from_str(f"s3://{bucket}").size(key) is not None


@contextmanager
def _store_errors() -> Iterator[None]:
    """What an object store says as an OSError, as of a disk; without its text, which names hosts and keys."""
    from obstore.exceptions import BaseError

    try:
        yield
    except BaseError as error:
        log.warning("the object store: %s", error)
        raise OSError(errno.EIO, "the object store did not take it, or did not answer") from error


def _plain(name: str) -> str:
    folder, _, file = name.rpartition("/")  # without a folder: of a desk before folders were
    if ("/" in name and not _FOLDER.fullmatch(folder)) or file != Path(file).name or file[:1] in ("", "."):
        raise ValueError(f"{name!r} is no name of a file in the inbox")
    return name
