"""The files of a request, block by block into the inbox's staging folder: counted, hashed, and nobody's video yet."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from fakelake.review.service.problem import Problem
from fakelake.review.service.uploads.inbox import inbox
from fakelake.review.service.uploads.refusals import AGAIN, Refused, disk_trouble, too_large
from fakelake.review.service.uploads.room import a_place, keep_spare, room_for, staging

BLOCK = 1 << 20
STALE_S = 24 * 3600.0
LOOK_BYTES = 64 << 20  # between two looks at what the disk has left


@dataclass(slots=True)
class Received:
    """A whole file in staging, on the disk for good. Closing it (Django does so after the request) removes it."""

    name: str
    path: Path
    sha256: str
    bytes: int

    def close(self) -> None:
        self.path.unlink(missing_ok=True)


class Incoming:
    """A file on its way into staging. Raises Refused: too_large, disk_full, not_stored."""

    def __init__(self, name: str, limit: int) -> None:
        self.name, self.bytes, self._limit, self._hash = name, 0, limit, hashlib.sha256()
        try:
            self.path = staging() / uuid.uuid4().hex
            self._file = self.path.open("xb")
        except OSError as error:
            raise disk_trouble(name, error) from error

    def write(self, block: bytes) -> None:
        self.bytes += len(block)
        if self.bytes > self._limit:
            raise too_large(self.name, self._limit)
        self._hash.update(block)
        try:
            if self.bytes // LOOK_BYTES != (self.bytes - len(block)) // LOOK_BYTES:
                keep_spare(self.path.parent)  # many at once had each found room when they began
            self._file.write(block)
        except OSError as error:
            raise disk_trouble(self.name, error) from error

    def finish(self) -> Received:
        try:
            self._file.flush()
            os.fsync(self._file.fileno())  # a machine that loses power keeps what it said it has
            self._file.close()
        except OSError as error:
            raise disk_trouble(self.name, error) from error
        return Received(self.name, self.path, self._hash.hexdigest(), self.bytes)

    def drop(self) -> None:
        with suppress(OSError):  # closing writes what is left, and a full disk says no again
            self._file.close()
        self.path.unlink(missing_ok=True)


@dataclass(slots=True)
class Receipt:
    """What came with a request. refused: what was cut off while it came; the files after it were not read."""

    limit: int
    files: list[Received] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


class InboxUploadHandler(FileUploadHandler):
    """Django's way to here. Without a receipt (see `received`) the first file ends the reading: nothing is stored.

    Django reads a form's files to find the token of the form, before any view could say who may upload. So a view that
    takes files says so by opening a receipt, when it knows who asks.
    """

    chunk_size = BLOCK

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self._incoming: Incoming | None = None

    def new_file(self, *args: object, **kwargs: object) -> None:
        super().new_file(*args, **kwargs)
        receipt = _receipt(self.request)
        if receipt is None:
            raise StopUpload(connection_reset=True)
        with self._refusals():
            self._incoming = Incoming(self.file_name[:255], receipt.limit)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        with self._refusals():
            self._incoming.write(raw_data)

    def file_complete(self, file_size: int) -> Received:
        with self._refusals():
            done, self._incoming = self._incoming.finish(), None
            _receipt(self.request).files.append(done)
            return done

    def upload_interrupted(self) -> None:
        incoming, self._incoming = self._incoming, None
        if incoming:
            incoming.drop()
            said = f"{incoming.name} broke off after {incoming.bytes:,} bytes."
            _receipt(self.request).refused.append(Refused(incoming.name, "broken_off", said, AGAIN))

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except Refused as refused:
            self.drop()
            _receipt(self.request).refused.append(refused)
            raise StopUpload(connection_reset=True) from refused  # reads no further

    def drop(self) -> None:
        if self._incoming:
            self._incoming.drop()
        self._incoming = None


@contextmanager
def received(request: HttpRequest) -> Iterator[Receipt]:
    """The files of a multipart POST, which is read now; call it once the sender is known and may upload.

    A request whose POST or FILES was touched before has no files any more. What is still in staging when the block
    ends is removed. Raises Problem: nothing came, too many files, broken off, no room, no inbox.
    """
    receipt = Receipt(settings.FAKELAKE.desk_upload_bytes)
    request.desk_receipt = receipt
    with a_place(), room_for(request), _whole_files(request, receipt):
        yield receipt


@contextmanager
def _whole_files(request: HttpRequest, receipt: Receipt) -> Iterator[None]:
    try:
        try:
            request.FILES  # noqa: B018 - this reads the request
        except TooManyFilesSent as error:
            most = settings.DATA_UPLOAD_MAX_NUMBER_FILES
            raise Problem("Too many files at once", f"At most {most} come in one go.", "Send fewer.") from error
        except (MultiPartParserError, UnreadablePostError) as error:
            raise Problem("The upload broke off", "It did not come whole, and nothing was kept.", AGAIN) from error
        if not receipt.files and not receipt.refused:
            raise Problem("No file came", "The form was sent without one.", "Choose a video, then send it.")
        yield
    finally:
        for handler in request.upload_handlers:
            if isinstance(handler, InboxUploadHandler):
                handler.drop()
        for file in receipt.files:
            file.close()


def sweep(now: float | None = None) -> int:
    """Remove what a killed process left in staging more than a day ago; returns how many files that were."""
    before, gone = (time.time() if now is None else now) - STALE_S, 0
    folder = inbox().staging
    for path in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()
                gone += 1
    return gone


def _receipt(request: HttpRequest | None) -> Receipt | None:
    return getattr(request, "desk_receipt", None)
