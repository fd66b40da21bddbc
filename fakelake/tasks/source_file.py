"""Videos by address: any bytes of a file name survive as a percent-encoded URI; s3:// objects are copied to read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from fakelake.tasks.errors import MediaError


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
    """Absolute `file://` address; encodes newlines, percent signs and bytes that are not UTF-8."""
    return "file://" + quote(os.fsencode(path.absolute()))


def path_of(uri: str) -> Path:
    """The local path behind a `file://` address."""
    return Path(os.fsdecode(unquote_to_bytes(uri.removeprefix("file://"))))


@contextmanager
def local_file(source: SourceFile) -> Iterator[Path]:
    """A readable local path of the source. Raises MediaError when it vanished, may not be read or has changed.

    The check for change runs again when the block ends, so what was read is what was announced.
    """
    if source.uri.startswith("file://"):
        path = path_of(source.uri)
        _check(path, source)
        yield path
        _check(path, source)
        return
    with tempfile.TemporaryDirectory(prefix="fakelake-") as directory:
        path = Path(directory) / "video"
        _download(source.uri, path)
        if path.stat().st_size != source.bytes:
            raise _changed(source)
        yield path


def _check(path: Path, source: SourceFile) -> None:
    try:
        now = path.stat()
    except FileNotFoundError:
        raise MediaError(
            "probe", "vanished", f"{source.name} was there and is gone.", "Put it back and run again.",
            lasting=False,
        ) from None  # fmt: skip
    except PermissionError:
        raise no_permission(source.name) from None
    if (now.st_size, now.st_mtime_ns) != (source.bytes, source.mtime_ns):
        raise _changed(source)
    if not os.access(path, os.R_OK):
        raise no_permission(source.name)


def no_permission(name: str) -> MediaError:
    remedy = "Give the account that runs fakelake the right to read it, then run again."
    return MediaError("probe", "no_permission", f"{name} may not be read.", remedy, lasting=False)


def _changed(source: SourceFile) -> MediaError:
    return MediaError(
        "decode", "changed", f"{source.name} changed while it was read.", "Wait until it is written, then run again.",
        lasting=False,
    )  # fmt: skip


def _download(uri: str, path: Path) -> None:
    from fakelake.catalog.location import LakeLocation

    parent, _, name = uri.rpartition("/")
    LakeLocation.from_str(parent).download(name, path)
