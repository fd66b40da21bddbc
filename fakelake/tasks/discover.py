"""What to ingest: folders, globs, manifests and lists on stdin become source files; what is passed over is counted."""

from __future__ import annotations

import csv
import glob
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fakelake.tasks.errors import MediaError
from fakelake.tasks.source_file import SourceFile, no_permission, uri_of

# Companions of videos that no one means when they name a folder. A file named outright is always tried.
SIDECARS = {
    ".csv",
    ".json",
    ".txt",
    ".md",
    ".xml",
    ".srt",
    ".vtt",
    ".yaml",
    ".yml",
    ".nfo",
    ".sha256",
    ".md5",
    ".parquet",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that was named but cannot be tried at all; it becomes a `quarantine` row."""

    uri: str
    error: MediaError


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
    manifest: dict[str, ManifestRow] = field(default_factory=dict)


def discover(paths: Iterable[str], dataset: str | None = None, lake: str | None = None) -> Discovery:
    """Files behind `paths`, sorted by address: folders (all below, links followed once), globs, `.csv` manifests
    (column `path`, relative to the manifest; optional `label`, `identity`, `permission`, `dataset`), `s3://` prefixes,
    and `-` for a list on stdin (a path a line, or NUL-separated as of `find -print0`).

    Hidden files, the lake itself and sidecar files inside folders are passed over, and listed as such.
    """
    found = Discovery()
    seen: set[str] = set()
    lake_dir = None if lake is None or lake.startswith("s3://") else Path(lake).resolve()
    for path, named, row in _expand(paths, found, lake_dir, dataset):
        uri = uri_of(path)
        if uri in seen:
            continue
        seen.add(uri)
        if row is not None:
            found.manifest[uri] = row
        of = (row.dataset if row else None) or dataset
        _add_file(found, uri, path, of, named)
    found.sources.sort(key=lambda s: s.uri)
    return found


def _expand(
    paths: Iterable[str], found: Discovery, lake: Path | None, dataset: str | None
) -> Iterator[tuple[Path, bool, ManifestRow | None]]:
    """Local files as (path, whether it was named itself, its manifest row); objects on S3 go to `found` directly."""
    for text in paths:
        if text == "-":
            yield from _expand(_stdin_paths(), found, lake, dataset)
        elif text.startswith("s3://"):
            _add_objects(found, text, dataset)
        elif text.endswith(".csv") and Path(text).is_file():
            yield from _manifest(Path(text))
        elif Path(text).is_dir():
            for path in _walk(Path(text), found, lake):
                yield path, False, None
        elif not os.path.lexists(text) and glob.has_magic(text):
            matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
            if not matches:
                found.refused.append(Refused(uri_of(Path(text)), _missing(text, "No file matches this pattern.")))
            yield from _expand(matches, found, lake, dataset)
        else:
            yield Path(text), True, None


def _stdin_paths() -> list[str]:
    data = sys.stdin.buffer.read()
    return [os.fsdecode(line) for line in data.split(b"\0" if b"\0" in data else b"\n") if line]


def _manifest(path: Path) -> Iterator[tuple[Path, bool, ManifestRow]]:
    with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        reader = csv.DictReader(file)
        if "path" not in (reader.fieldnames or []):
            raise ValueError(
                f"{path}: a manifest needs a column 'path'; it has {', '.join(reader.fieldnames or ['none'])}."
            )
        for line in reader:
            said = {k: (line.get(k) or None) for k in ("label", "identity", "permission", "dataset")}
            yield path.parent / line["path"], True, ManifestRow(**said)


def _walk(root: Path, found: Discovery, lake: Path | None) -> Iterator[Path]:
    """Files below `root`. A folder reached twice (by links that loop) is entered once."""
    entered: set[tuple[int, int]] = set()

    def unreadable(error: OSError) -> None:
        found.refused.append(Refused(uri_of(Path(error.filename)), no_permission(str(error.filename))))

    for directory, folders, files in os.walk(root, followlinks=True, onerror=unreadable):
        here = Path(directory)
        info = here.stat()
        if (info.st_dev, info.st_ino) in entered or (lake and here.resolve() == lake):
            folders.clear()
            continue
        entered.add((info.st_dev, info.st_ino))
        for hidden in [f for f in folders if f.startswith(".")]:
            found.passed_over.append(str(here / hidden))
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        yield from (here / name for name in sorted(files))


def _add_file(found: Discovery, uri: str, path: Path, dataset: str | None, named: bool) -> None:
    if not named and (path.name.startswith(".") or path.suffix.lower() in SIDECARS):
        found.passed_over.append(str(path))
        return
    try:
        info = path.stat()
    except FileNotFoundError:
        found.refused.append(Refused(uri, _missing(str(path), "There is no such file, or its link points nowhere.")))
        return
    except OSError as error:
        reason = no_permission(path.name) if isinstance(error, PermissionError) else _odd(path, str(error))
        found.refused.append(Refused(uri, reason))
        return
    if not stat.S_ISREG(info.st_mode):
        found.refused.append(Refused(uri, _odd(path, "it is a pipe, a socket or a device")))
        return
    found.sources.append(SourceFile(uri=uri, dataset=dataset, bytes=info.st_size, mtime_ns=info.st_mtime_ns))


def _add_objects(found: Discovery, prefix: str, dataset: str | None) -> None:
    import obstore

    from fakelake.catalog.location import LakeLocation

    for page in obstore.list(LakeLocation.from_str(prefix).store()):
        for entry in page:
            uri = f"{prefix.rstrip('/')}/{entry['path']}"
            if Path(entry["path"]).suffix.lower() in SIDECARS:
                found.passed_over.append(uri)
                continue
            modified = int(entry["last_modified"].timestamp() * 1e9)
            found.sources.append(SourceFile(uri=uri, dataset=dataset, bytes=entry["size"], mtime_ns=modified))


def _missing(name: str, what: str) -> MediaError:
    return MediaError("discover", "missing", f"{name}: {what}", "Check the spelling and the mount.", lasting=False)


def _odd(path: Path, what: str) -> MediaError:
    return MediaError(
        "discover", "not_a_file", f"{path} cannot be read as a file: {what}.", "Name regular files or folders."
    )
