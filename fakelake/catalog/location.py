"""Where a lake lies: a local directory or an `s3://` prefix, and the few file operations a lake needs there."""

from __future__ import annotations

import functools
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit


class LakePathError(ValueError):
    """The address cannot be a lake's."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file below the lake: `path` relative to the root with `/` between names, `bytes` its size."""

    path: str
    bytes: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class LakeLocation:
    """`root` is an absolute path or `s3://bucket[/prefix]`, without a slash at the end.

    `storage_options` (S3 only) uses the names of the AWS environment variables. They hold secrets: keep them
    out of logs and tables.
    """

    root: str
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_str(cls, root: str | os.PathLike[str]) -> LakeLocation:
        """Read an address as a person types it; for S3 take credentials and endpoint from the environment.

        Raises LakePathError for other schemes, an S3 address without a bucket, and what the libraries below cannot
        open: DuckDB names that are not UTF-8, Delta names with a percent-encoded sign (it decodes them).
        """
        text = os.fspath(root)
        if text.startswith("file://"):
            text = unquote(urlsplit(text).path)
        if encoded := re.search("%[0-9A-Fa-f]{2}", text):
            raise LakePathError(f"A lake's path must not hold {encoded[0]!r}, as {text!r} does. Rename the directory.")
        if text.startswith("s3://"):
            if not urlsplit(text).netloc:
                raise LakePathError(f"{text!r} names no bucket. Write s3://bucket/prefix.")
            return cls(text.rstrip("/"), s3_options(os.environ))
        if "://" in text:
            raise LakePathError(f"A lake lies in a local directory or at s3://bucket/prefix, not at {text!r}.")
        path = str(Path(text).expanduser().absolute())
        try:
            path.encode()
        except UnicodeEncodeError:
            raise LakePathError(f"The lake's path {path!r} is not valid UTF-8. Rename or move the directory.") from None
        return cls(os.path.normpath(path))

    @property
    def is_local(self) -> bool:
        return not self.root.startswith("s3://")

    def uri(self, *parts: str) -> str:
        """Absolute address of something in the lake, never percent-encoded."""
        return "/".join((self.root.rstrip("/"), *parts))

    def path(self, *parts: str) -> Path:
        """The same as a Path. Local lakes only."""
        if not self.is_local:
            raise LakePathError(f"{self.root} is not a local directory.")
        return Path(self.root, *parts)

    def store(self):
        """An obstore store whose paths are relative to the lake's root."""
        return _store(self.root, tuple(sorted(self.storage_options.items())))

    def size(self, path: str) -> int | None:
        """Bytes of the file at `path`, or None where there is none."""
        if self.is_local:
            try:
                return self.path(path).stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return None
        try:
            return self.store().head(path)["size"]
        except FileNotFoundError:
            return None

    def read_bytes(self, path: str) -> bytes | None:
        """The file's content, or None where there is none."""
        try:
            return self.path(path).read_bytes() if self.is_local else bytes(self.store().get(path).bytes())
        except FileNotFoundError:
            return None

    def write_bytes(self, path: str, data: bytes) -> None:
        """Create or replace a file at once: a reader sees the old or the new content, never half of it."""
        if not self.is_local:
            self.store().put(path, data)
            return
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        try:
            temporary.write_bytes(data)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def upload(self, file: Path, path: str) -> None:
        """Copy a local file into the lake, whole or not at all; a picture part never has to fit in memory."""
        if not self.is_local:
            self.store().put(path, file)
            return
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        try:
            shutil.copyfile(file, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def download(self, path: str, file: Path) -> None:
        """Copy a file of the lake to a local one. Raises FileNotFoundError."""
        if self.is_local:
            shutil.copyfile(self.path(path), file)
            return
        with file.open("wb") as out:
            for chunk in self.store().get(path).stream(min_chunk_size=8 << 20):
                out.write(chunk)

    def delete(self, path: str) -> None:
        """Remove a file; one that is gone already is fine."""
        if self.is_local:
            self.path(path).unlink(missing_ok=True)
        else:
            self.store().delete(path)

    def files(self, below: str = "") -> Iterator[StoredFile]:
        """Every file below a directory of the lake, in no particular order."""
        if not self.is_local:
            for batch in self.store().list(below or None):
                for entry in batch:
                    yield StoredFile(entry["path"], entry["size"], entry["last_modified"])
            return
        for directory, _, names in os.walk(self.path(below)):
            for name in names:
                file = Path(directory, name)
                try:
                    stat = file.stat()
                except FileNotFoundError:
                    continue  # removed while we walked
                relative = file.relative_to(self.root).as_posix()
                yield StoredFile(relative, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))


@functools.lru_cache(maxsize=8)  # with its connections: a new one for each request costs 8 ms
def _store(root: str, options: tuple[tuple[str, str], ...]):
    import obstore.store  # 60 ms that a local lake never needs

    if not root.startswith("s3://"):
        return obstore.store.LocalStore(root, mkdir=True)
    url = urlsplit(root)
    return obstore.store.S3Store(
        url.netloc,
        prefix=url.path.strip("/") or None,
        config=obstore_config(dict(options)),
        client_options={"allow_http": dict(options).get("AWS_ALLOW_HTTP") == "true"},
    )


def s3_options(environment: Mapping[str, str]) -> dict[str, str]:
    """Credentials, region and endpoint as Delta, obstore and DuckDB understand them."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION")
    options = {name: environment[name] for name in names if environment.get(name)}
    if "AWS_REGION" not in options:
        options["AWS_REGION"] = environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    if endpoint:
        options["AWS_ENDPOINT_URL"] = endpoint.rstrip("/")
        if endpoint.startswith("http://"):
            options["AWS_ALLOW_HTTP"] = "true"
    return options


def obstore_config(options: Mapping[str, str]) -> dict[str, str]:
    """The part of the options that describes the bucket; `AWS_ALLOW_HTTP` belongs to the HTTP client."""
    return {name.lower(): value for name, value in options.items() if name != "AWS_ALLOW_HTTP"}
