"""The history of a Delta table, read from its log: its versions, and from when to when each file was part of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from urllib.parse import unquote

from fakelake.catalog import delta
from fakelake.catalog.delta import Part
from fakelake.catalog.location import LakeLocation

READERS = 16  # on S3 a log is thousands of small objects


@dataclass(frozen=True, slots=True)
class Change:
    """One version of a table: what came and what went. Compaction moves rows without changing them."""

    table: str
    version: int
    at: datetime
    operation: str
    files_added: int
    files_removed: int
    rows_added: int
    rows_removed: int


@dataclass(frozen=True, slots=True)
class FileLife:
    """A file was part of its table from version `added` up to, and without, version `removed` (None: still is)."""

    part: Part
    added: int
    removed: int | None

    def at(self, version: int) -> bool:
        return self.added <= version and (self.removed is None or version < self.removed)


@dataclass(frozen=True, slots=True)
class TableLog:
    """All versions of a table, oldest first, and all files that it ever had."""

    table: str
    changes: tuple[Change, ...]
    files: tuple[FileLife, ...]

    def version_at(self, when: datetime) -> int:
        """The version that was current at a time; the first one for times before it."""
        first = self.changes[0].version if self.changes else 0
        return max((change.version for change in self.changes if change.at <= when), default=first)

    def parts_at(self, versions: Iterable[int]) -> list[Part]:
        """The files of any of these versions."""
        wanted = sorted(set(versions))
        return [life.part for life in self.files if any(life.at(version) for version in wanted)]


def read_log(location: LakeLocation, table: str) -> TableLog:
    """Read a table's log. Where something removed the log's beginning, the history starts later."""
    files = sorted(
        file.path
        for file in location.files(f"{table}/_delta_log")
        if file.path.endswith(".json") and PurePosixPath(file.path).stem.isdigit()
    )
    with ThreadPoolExecutor(READERS) as pool:
        texts = list(pool.map(location.read_bytes, files))
    changes: list[Change] = []
    lives: dict[str, FileLife] = {}
    ended: list[FileLife] = []
    first = int(PurePosixPath(files[0]).stem) if files else 0
    if first:
        for part in delta.parts_of(delta.open_table(location, table, first), table):
            lives[part.path] = FileLife(part, first, None)
    for path, text in zip(files, texts, strict=True):
        version = int(PurePosixPath(path).stem)
        actions = [json.loads(line) for line in (text or b"").splitlines() if line.strip()]
        added = [_part(table, action["add"]) for action in actions if "add" in action]
        removed = [unquote(action["remove"]["path"]) for action in actions if "remove" in action]
        gone = [lives.pop(path) for path in removed if path in lives]
        ended += [FileLife(life.part, life.added, version) for life in gone]
        for part in added:
            lives.setdefault(part.path, FileLife(part, version, None))
        info = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
        changes.append(
            Change(
                table, version, datetime.fromtimestamp(info.get("timestamp", 0) / 1000, UTC), _operation(info, gone),
                len(added), len(removed), sum(part.rows for part in added), sum(life.part.rows for life in gone),
            )
        )  # fmt: skip
    return TableLog(table, tuple(changes), (*ended, *lives.values()))


def _part(table: str, add: dict) -> Part:
    rows = json.loads(add.get("stats") or "{}").get("numRecords", 0)
    return Part(table, unquote(add["path"]), rows, add["size"])


def _operation(info: dict, gone: list[FileLife]) -> str:
    operation = info.get("operation", "?").lower()
    return "rewrite" if operation == "write" and gone else operation
