"""What to ingest: folders, globs, manifests and lists on stdin become source files; what is passed over is counted."""

from __future__ import annotations

import csv
import glob
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from fakelake.tasks.errors import MediaError
from fakelake.tasks.media_file import os_error
from fakelake.tasks.source_file import SourceFile, object_uri, shown, uri_of

# Companions of videos that no one means when they name a folder. A file named outright is always tried.
SIDECARS = frozenset(
    f".{suffix}"
    for suffix in (
        *("csv", "json", "txt", "md", "xml", "yaml", "yml", "nfo"),
        *("srt", "vtt", "sha256", "md5", "parquet"),
    )
)
LABELS = ("real", "fake")


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that was named but cannot be tried at all; it becomes a `quarantine` row."""

    uri: str
    error: MediaError
    dataset: str | None = None


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """What a manifest says of a video beside its path."""

    label: str | None = None
    identity: str | None = None
    permission: str | None = None
    dataset: str | None = None


@dataclass(slots=True)
class Discovery:
    """The outcome: every named thing is in exactly one of these."""

    sources: list[SourceFile] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    growing: list[str] = field(default_factory=list)
    manifest: dict[str, ManifestRow] = field(default_factory=dict)


def discover(
    paths: Iterable[str], dataset: str | None = None, lake: str | None = None, settle_s: float = 0.0
) -> Discovery:
    """Files behind `paths`, sorted by address: folders (all below, links followed once), globs, `.csv` manifests
    (column `path`, relative to the manifest; optional `label`, `identity`, `permission`, `dataset`), `s3://` objects
    and prefixes, and `-` for a list on stdin (a path a line, or NUL-separated as of `find -print0`).

    Hidden files, the lake itself and sidecar files inside folders are passed over, and listed as such. Files inside
    folders that were touched within the last `settle_s` seconds may still be copied: they are listed as growing. Raises
    ValueError for a manifest that cannot be understood, before anything is read.
    """
    found = Discovery()
    files: dict[str, tuple[Path, bool]] = {}
    settled = time.time() - settle_s if settle_s else None
    local_lake = None if lake is None or lake.startswith("s3://") else Path(lake).resolve()
    for text in _flat(paths):
        if text.startswith("s3://"):
            _add_objects(found, text, dataset, lake)
            continue
        for path, named, row in _expand(text, found, local_lake):
            uri = uri_of(path)
            files[uri] = (path, named or files.get(uri, (path, False))[1])
            if row is not None:  # found by its folder too, it keeps what the manifest says
                found.manifest.setdefault(uri, row)
    for uri, (path, named) in files.items():
        said = found.manifest.get(uri)
        _add_file(found, uri, path, (said.dataset if said else None) or dataset, named, settled)
    found.sources.sort(key=lambda s: s.uri)
    return found


def _flat(paths: Iterable[str]) -> Iterator[str]:
    for text in paths:
        yield from _stdin_paths() if text == "-" else [text]


def _stdin_paths() -> list[str]:
    data = sys.stdin.buffer.read()
    return [os.fsdecode(line) for line in data.split(b"\0" if b"\0" in data else b"\n") if line]


def _expand(text: str, found: Discovery, lake: Path | None) -> Iterator[tuple[Path, bool, ManifestRow | None]]:
    """Files behind one argument as (path, whether it was named itself, its manifest row)."""
    path = Path(text)
    if path.suffix.lower() == ".csv" and path.is_file():
        yield from _manifest(path)
    elif path.is_dir():
        yield from ((file, False, None) for file in _walk(path, found, lake))
    elif not os.path.lexists(text) and glob.has_magic(text):
        matches = _matches(path)
        if not matches:
            found.refused.append(Refused(uri_of(path), _missing(text, "No file matches this pattern.")))
        for match in matches:
            yield from _expand(str(match), found, lake)
    else:
        yield path, True, None


def _matches(pattern: Path) -> list[Path]:
    """What a glob finds, hidden names aside. `**` enters no linked folder, so that it ends where links loop."""
    top = Path(pattern.anchor)
    found = top.glob(str(pattern.relative_to(top)))
    return sorted(p for p in found if not any(n.startswith(".") and n != ".." for n in p.relative_to(top).parts))


def _manifest(path: Path) -> Iterator[tuple[Path, bool, ManifestRow]]:
    with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        reader = csv.DictReader(file)
        if "path" not in (reader.fieldnames or []):
            there = ", ".join(reader.fieldnames or ["none"])
            raise ValueError(f"{shown(path)}: a manifest needs a column 'path'; it has {shown(there)}.")
        for line in reader:
            said = {k: shown(line.get(k) or "") or None for k in ("label", "identity", "permission", "dataset")}
            if not line["path"]:
                raise ValueError(f"{shown(path)}, line {reader.line_num}: the column 'path' is empty.")
            if said["label"] and said["label"].lower() not in LABELS:
                raise ValueError(
                    f"{shown(path)}, line {reader.line_num}: a label is real or fake, not {said['label']!r}. "
                    "For a data set's own list use `fakelake labels import` after the ingest."
                )
            yield path.parent / line["path"], True, ManifestRow(**said)


def _walk(root: Path, found: Discovery, lake: Path | None) -> Iterator[Path]:
    """Files below `root`. A folder reached twice (by links that loop) is entered once."""
    entered: set[tuple[int, int]] = set()

    def unreadable(error: OSError) -> None:
        found.refused.append(Refused(uri_of(Path(error.filename)), os_error(error.filename, error, "discover")))

    for directory, folders, files in os.walk(root, followlinks=True, onerror=unreadable):
        here = Path(directory)
        info = here.stat()
        if (info.st_dev, info.st_ino) in entered or (lake and here.resolve() == lake):
            folders.clear()
            continue
        entered.add((info.st_dev, info.st_ino))
        for hidden in [f for f in folders if f.startswith(".")]:
            found.passed_over.append(shown(here / hidden))
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        yield from (here / name for name in sorted(files))


def _add_file(
    found: Discovery, uri: str, path: Path, dataset: str | None, named: bool, settled: float | None
) -> None:  # fmt: skip
    if not named and (path.name.startswith(".") or path.suffix.lower() in SIDECARS):
        found.passed_over.append(shown(path))
        return
    try:
        info = path.stat()
    except FileNotFoundError:
        found.refused.append(
            Refused(uri, _missing(path, "There is no such file, or its link points nowhere."), dataset)
        )
        return
    except OSError as error:
        found.refused.append(Refused(uri, os_error(path, error, "discover"), dataset))
        return
    if not stat.S_ISREG(info.st_mode):
        found.refused.append(Refused(uri, _not_a_file(path), dataset))
        return
    # Of the status too: a copy that keeps the original's time has an old content, and a new status.
    if settled is not None and not named and max(info.st_mtime, info.st_ctime) > settled:
        found.growing.append(shown(path))
        return
    found.sources.append(SourceFile(uri=uri, dataset=dataset, bytes=info.st_size, mtime_ns=info.st_mtime_ns))


def _add_objects(found: Discovery, address: str, dataset: str | None, lake: str | None) -> None:
    """The object at an address, or all below it as a prefix."""
    from fakelake.catalog.location import LakeLocation

    parts = urlsplit(address)
    bucket, prefix = parts.netloc, parts.path.strip("/")
    store = LakeLocation.from_str(f"s3://{bucket}").store()
    try:
        entries = [store.head(prefix)] if prefix else []
    except FileNotFoundError:
        entries = []
    named = bool(entries)
    if not named:
        entries = [entry for page in store.list(prefix or None) for entry in page]
    if not entries:
        error = _missing(address, "There is no object of this name and none below it.")
        found.refused.append(Refused(object_uri(bucket, prefix), error))
    seen = {s.uri for s in found.sources}
    for entry in entries:
        uri, name = object_uri(bucket, entry["path"]), entry["path"].rpartition("/")[2]
        if lake and f"s3://{bucket}/{entry['path']}".startswith(f"{lake.rstrip('/')}/"):
            continue
        if not named and (name.startswith(".") or Path(name).suffix.lower() in SIDECARS):
            found.passed_over.append(uri)
        elif uri not in seen:
            modified = int(entry["last_modified"].timestamp() * 1e9)
            found.sources.append(SourceFile(uri=uri, dataset=dataset, bytes=entry["size"], mtime_ns=modified))


def _missing(name: str | Path, what: str) -> MediaError:
    message = f"{shown(name)}: {what}"
    return MediaError("discover", "missing", message, "Check the spelling and the mount.", lasting=False)


def _not_a_file(path: Path) -> MediaError:
    message = f"{shown(path)} is a pipe, a socket or a device."
    return MediaError("discover", "not_a_file", message, "Name regular files or folders.", lasting=False)
