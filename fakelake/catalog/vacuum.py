"""Removing files that nobody reads any more.

What stays, whatever its age: files of every table version that was current at any time within the retention, of
the snapshots that a caller names (training, `watch`), of the snapshots that runs within the retention started from,
and whatever the published views list. What is younger than the retention stays too: it may belong to an ingest
that has not committed yet. So the retention must be longer than the longest run and the longest open shell.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow.compute as pc

from fakelake.catalog import delta
from fakelake.catalog.delta_log import read_log
from fakelake.catalog.lake import Lake, committed_parts
from fakelake.catalog.location import StoredFile
from fakelake.catalog.lock import lake_lock
from fakelake.catalog.publish import CATALOG_SQL, publish, publish_locked
from fakelake.catalog.schemas import SCHEMAS, TABLES
from fakelake.catalog.staging import STAGING

RETENTION = timedelta(days=7)
SHORTEST = timedelta(days=1)
LOGS = "_logs"
SEEDS = "_seeds"
CHUNK = 1000


class RetentionTooShort(ValueError):
    """Files of a run that has not committed yet, or that an open shell reads, would go."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A file that was removed, or with a dry run would be, and what it was."""

    path: str
    bytes: int
    kind: str


def vacuum(
    lake: Lake,
    retention: timedelta = RETENTION,
    *,
    keep: Sequence[Mapping[str, int]] = (),
    dry_run: bool = False,
    alone: bool = False,
) -> list[Removed]:
    """Publish, then remove what is older than the retention and named by nothing that is kept.

    keep:  snapshots (table -> version) that must stay readable
    alone: nobody else writes or reads: allows a retention of less than a day. Raises RetentionTooShort, LakeBusy.
    """
    if retention < SHORTEST and not alone:
        raise RetentionTooShort(
            "With less than a day, files of an ingest that still runs or of a shell that is still open would go. "
            "If neither is there, say so with --alone."
        )
    if not dry_run:
        publish(lake)
    before = datetime.now(UTC) - retention
    candidates = [*_unnamed_parts(lake, before, keep), *_leftovers(lake, before)]
    return candidates if dry_run else list(_remove(lake, candidates))


def kept_parts(lake: Lake, since: datetime, keep: Sequence[Mapping[str, int]] = ()) -> dict[str, set[str]]:
    """table -> file names that must stay for the versions since a time and for the named snapshots."""
    logs = {name: read_log(lake.location, name) for name in TABLES}
    snapshots = [*keep, *_snapshots_of_runs(lake, since)]
    kept, attempts = {}, SCHEMAS["videos"].empty_table()["attempt_id"]
    for name, log in logs.items():  # videos first: it says which attempts were committed
        versions = {log.version_at(since)} | {change.version for change in log.changes if change.at >= since}
        versions |= {snapshot[name] for snapshot in snapshots if name in snapshot}
        parts = log.parts_at(versions)
        if name == "videos":
            there = [part for part in parts if lake.location.size(f"videos/{part.path}") is not None]
            attempts = lake.read_parts(there, name, ["attempt_id"]).column(0)
        if TABLES[name].by_attempt:  # of other attempts no reader takes a row, in no version
            parts = committed_parts(parts, attempts)
        kept[name] = {part.path for part in parts}
    return kept


def _snapshots_of_runs(lake: Lake, since: datetime) -> Iterator[Mapping[str, int]]:
    for text in lake.read("runs", ["snapshot"], pc.field("started_at") >= since).column(0).to_pylist():
        snapshot = json.loads(text) if text else None
        if isinstance(snapshot, dict):
            yield snapshot


def _unnamed_parts(lake: Lake, before: datetime, keep: Sequence[Mapping[str, int]]) -> Iterator[Removed]:
    kept = kept_parts(lake, before, keep)
    for name in TABLES:
        for file in lake.location.files(name):
            path = file.path.removeprefix(f"{name}/")
            if path.startswith("_delta_log/"):
                if path.endswith(".tmp") and file.modified < before:
                    yield _removed(file, "temporary")
            elif path not in kept[name] and file.modified < before:
                yield _removed(file, "temporary" if path.endswith(".tmp") else "part")


def _leftovers(lake: Lake, before: datetime) -> Iterator[Removed]:
    for directory in (STAGING, LOGS):
        yield from (_removed(file, directory) for file in _old(lake.location.files(directory), before))
    sql = (lake.location.read_bytes(CATALOG_SQL) or b"").decode()
    for file in _old(lake.location.files(SEEDS), before):
        if file.path not in sql:
            yield _removed(file, "seed")
    if lake.location.is_local:
        for path in lake.location.path().iterdir():
            if path.is_file() and (path.name.endswith(".tmp") or ".wal.stale-" in path.name):
                stat = path.stat()
                if datetime.fromtimestamp(stat.st_mtime, UTC) < before:
                    yield Removed(path.name, stat.st_size, "temporary")


def _old(files: Iterable[StoredFile], before: datetime) -> Iterator[StoredFile]:
    return (file for file in files if file.modified < before)


def _removed(file: StoredFile, kind: str) -> Removed:
    return Removed(file.path, file.bytes, kind)


def _remove(lake: Lake, candidates: Sequence[Removed]) -> Iterator[Removed]:
    """Take dead attempts out of the tables, then delete, after a second look under the lock."""
    for at in range(0, len(candidates), CHUNK):
        chunk = candidates[at : at + CHUNK]
        tables = {file.path.partition("/")[0] for file in chunk if file.kind == "part"}
        with lake_lock(lake.location) as held:
            named = set()
            for name in tables:
                live = {part.path for part in lake.parts(name)}
                named |= {f"{name}/{path}" for path in live}
                doomed = {file.path for file in chunk} - named
                dead = [part for part in delta.parts_of(lake.table(name), name) if f"{name}/{part.path}" in doomed]
                if dead:
                    held.check()
                    delta.commit(lake.location, name, remove=dead)
                    publish_locked(lake, held)
            for file in chunk:
                if file.path not in named:
                    lake.location.delete(file.path)
                    yield file
    if lake.location.is_local:
        _remove_empty_directories(lake)


def _remove_empty_directories(lake: Lake) -> None:
    for top in (STAGING, LOGS):
        for directory in sorted(lake.location.path(top).glob("**/"), reverse=True):
            if directory.name not in (STAGING, LOGS) and not any(directory.iterdir()):
                directory.rmdir()
