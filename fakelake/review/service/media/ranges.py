"""Parts of a file by HTTP range (RFC 9110, section 14), streamed block by block: what a player needs to seek.

Django answers no ranges; WhiteNoise's own code for static files refuses ranges of one byte and knows no If-Range.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import quote_etag

from fakelake.review.service.problem import Problem

BLOCK = 256 << 10
LONG = 16 << 20  # bytes; of such answers so many at once, or slow lines would hold every thread of the server
LONG_AT_ONCE = threading.BoundedSemaphore(16)
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII | re.IGNORECASE)


class Unsatisfiable(ValueError):
    """The range begins behind the file's end."""


def asked_range(header: str, size: int, most: int | None = None) -> tuple[int, int] | None:
    """(first byte, byte after the last) of a Range header; None: send all, as for several ranges or odd words.

    most: bytes of one answer. A player that is paused then holds no connection for the rest
    of the file; it asks again. Raises Unsatisfiable.
    """
    found = _RANGE.fullmatch(header.strip())
    if not found or found.groups() == ("", "") or max(map(len, found.groups())) > 18:
        return None
    first, last = found.groups()
    if not first:  # the last so many bytes
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None  # not valid, and so to be ignored
        if most is not None:
            end = min(end, start + most)
    if start >= end:
        raise Unsatisfiable(header)
    return start, end


def answer(
    request: HttpRequest, file: BinaryIO, size: int, content_type: str, tag: str, most: int | None = None
) -> HttpResponseBase:
    """The file or the asked-for part of it; takes the open file over and closes it. tag: names the bytes, for ETag.

    Raises Problem where many long answers are under way.
    """
    etag = quote_etag(tag)
    request.META["HTTP_ACCEPT_ENCODING"] = "identity"  # of the middleware that packs pages: it would pack videos too
    headers = {
        "Accept-Ranges": "bytes", "ETag": etag, "Cache-Control": "private", "X-Content-Type-Options": "nosniff",
    }  # fmt: skip
    if etag in [given.strip() for given in request.headers.get("If-None-Match", "").split(",")]:
        file.close()
        return HttpResponse(status=304, headers=headers)
    wanted = request.headers.get("Range", "") if request.headers.get("If-Range", etag) == etag else ""
    try:
        part = asked_range(wanted, size, most)
    except Unsatisfiable:
        file.close()
        return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    start, end = part or (0, size)
    headers["Content-Length"] = str(end - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 206 if part else 200
    if request.method == "HEAD":
        file.close()
        return HttpResponse(status=status, content_type=content_type, headers=headers)
    place = LONG_AT_ONCE if end - start > LONG else None
    if place and not place.acquire(blocking=False):
        file.close()
        raise Problem("Many downloads are under way", "", "Try again in a minute.", 503)
    blocks = _Blocks(file, start, end, place)
    return StreamingHttpResponse(blocks, status=status, content_type=content_type, headers=headers)


class _Blocks:
    """Iterates over the bytes of a part; Django closes it when the browser has gone. place: given back at its end."""

    def __init__(self, file: BinaryIO, start: int, end: int, place: threading.Semaphore | None) -> None:
        self._file, self._left, self._place = file, end - start, place
        file.seek(start)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        data = self._file.read(min(BLOCK, self._left))
        if not data:
            self.close()
            raise StopIteration
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._file.close()
        if self._place:
            place, self._place = self._place, None
            place.release()

    __del__ = close  # of an answer that an error threw away before anybody closed it
