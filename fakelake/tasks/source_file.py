"""Videos by address: any bytes of a file name survive as a percent-encoded URI; s3:// objects are copied to read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urlsplit

from fakelake.tasks.errors import MediaError
from fakelake.tasks.media_file import os_error
from fakelake.tasks.scratch import scratch


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One place where a video lies. `bytes` and `mtime_ns` are as first seen: a change while reading shows."""

    uri: str
    dataset: str | None
    bytes: int
    mtime_ns: int

    @property
    def name(self) -> str:
        """The file's name, for people: bytes that are not UTF-8 become replacement characters."""
        return unquote_to_bytes(self.uri.rpartition("/")[2]).decode(errors="replace")


def uri_of(path: Path) -> str:
    """Absolute `file://` address; encodes newlines, percent signs and bytes that are not UTF-8.

    One file named in two ways (`a.mp4`, `../clips/a.mp4`) has one address; links keep their own names.
    """
    if ".." in path.parts:
        path = path.parent.resolve() / path.name
    return "file://" + quote(os.fsencode(path.absolute()))


def path_of(uri: str) -> Path:
    """The local path behind a `file://` address."""
    return Path(os.fsdecode(unquote_to_bytes(uri.removeprefix("file://"))))


def object_uri(bucket: str, key: str) -> str:
    """`s3://` address of an object, percent-encoded like a file's."""
    return f"s3://{bucket}/{quote(key)}"


def object_of(uri: str) -> tuple[str, str]:
    """(bucket, key) behind an `s3://` address."""
    parts = urlsplit(uri)
    return parts.netloc, unquote_to_bytes(parts.path.lstrip("/")).decode()


def shown(path: str | Path) -> str:
    """A path for messages: odd bytes as \\xNN and line breaks as \\n, so that it can be printed and stored."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return text.replace("\n", "\\n").replace("\r", "\\r")


@contextmanager
def local_file(source: SourceFile) -> Iterator[Path]:
    """A readable local path of the source. Raises MediaError when it vanished, may not be read or has changed.

    The check for change runs again when the block ends, even by an error: what was read is what was announced, and
    the trouble that a change caused is not taken for a fault of the video.
    """
    if source.uri.startswith("file://"):
        path = path_of(source.uri)
        _check(path, source)
        try:
            yield path
        finally:
            _check(path, source)
        return
    with scratch() as directory:
        path = directory / "video"
        _download(source.uri, path)
        if path.stat().st_size != source.bytes:
            raise _changed(source)
        yield path


def _check(path: Path, source: SourceFile) -> None:
    try:
        now = path.stat()
    except OSError as error:
        raise os_error(path, error, "probe") from None
    if (now.st_size, now.st_mtime_ns) != (source.bytes, source.mtime_ns):
        raise _changed(source)


def _changed(source: SourceFile) -> MediaError:
    return MediaError(
        "decode", "changed", f"{source.name} changed while it was read.", "Wait until it is written, then run again.",
        lasting=False,
    )  # fmt: skip


def _download(uri: str, path: Path) -> None:
    from fakelake.catalog.location import LakeLocation

    bucket, key = object_of(uri)
    try:
        LakeLocation.from_str(f"s3://{bucket}").download(key, path)
    except FileNotFoundError as error:
        raise os_error(key, error, "probe") from None
