"""The one place that writes Delta logs.

A commit here is a list of files to add and files to remove, in one transaction. Delta would retry a
conflicting commit by itself, on the old view of the table; we let it fail, reload, look again and retry.
Adding a path twice is adding it once, so a commit whose answer was lost can be repeated.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction

from fakelake.catalog.location import LakeLocation
from fakelake.catalog.schemas import TableSpec

ROUNDS = 40


class TableMoved(Exception):
    """The table is no longer at the version, or no longer holds the files, that the caller decided on."""


@dataclass(frozen=True, slots=True)
class Part:
    """A whole Parquet file of a table: `path` is relative to the table's directory."""

    table: str
    path: str
    rows: int
    bytes: int

    @property
    def attempt_id(self) -> str:
        """The attempt that wrote it: the file's name is `<attempt_id>-<n>.<columns>.parquet`."""
        return PurePosixPath(self.path).stem.rpartition("-")[0]

    @property
    def columns(self) -> int:
        """How many columns it has; 0 where its name does not say, as in lakes from before names did."""
        count = PurePosixPath(self.path).stem.rpartition(".")[2]
        return int(count) if count.isdecimal() else 0

    @property
    def compacted(self) -> bool:
        """Made by compaction, so it holds rows of committed attempts only."""
        return self.path.startswith("compact-")


def create_table(location: LakeLocation, spec: TableSpec) -> None:
    """Create an empty table; one that exists is left alone.

    No partition columns and no deletion vectors: the views list files, and a listed file must hold exactly
    the table's rows and columns. The log is never cleaned up by itself: snapshots that training named stay readable.
    """
    DeltaTable.create(
        location.uri(spec.name),
        schema=spec.schema,
        mode="ignore",
        name=spec.name,
        description=spec.comment,
        storage_options=dict(location.storage_options) or None,
        configuration={
            "delta.dataSkippingStatsColumns": ",".join(name for name in spec.required if name not in spec.pictures),
            "delta.enableDeletionVectors": "false",
            "delta.enableExpiredLogCleanup": "false",
            "delta.checkpointInterval": "50",
        },
    )


def open_table(location: LakeLocation, table: str, version: int | None = None) -> DeltaTable:
    """The table as it is now, or as it was at `version`."""
    options = dict(location.storage_options) or None
    return DeltaTable(location.uri(table), version=version, storage_options=options)


def parts_of(table: DeltaTable, name: str) -> list[Part]:
    """The files that make up the table at its loaded version, in the order of their names."""
    actions = table.get_add_actions(flatten=True)
    columns = (actions.column(column).to_pylist() for column in ("path", "num_records", "size_bytes"))
    return sorted(
        (Part(name, unquote(path), rows or 0, size) for path, rows, size in zip(*columns, strict=True)), key=_path
    )


def commit(
    location: LakeLocation,
    table: str,
    add: Sequence[Part] = (),
    remove: Sequence[Part] = (),
    *,
    at_version: int | None = None,
    data_change: bool = True,
) -> int:
    """Add and remove files in one transaction; return the version in which that holds.

    at_version: commit only on top of exactly this version. data_change=False: the rows stay the same (compaction).
    Raises TableMoved if `at_version` is past or a file to remove has gone, CommitFailedError after ROUNDS conflicts.
    """
    for round_ in range(ROUNDS):
        current = open_table(location, table)
        present = {part.path for part in parts_of(current, table)}
        new = [part for part in add if part.path not in present]
        if not new and add and not remove:
            return current.version()
        if at_version is not None and current.version() != at_version:
            raise TableMoved(f"{table} is at version {current.version()}, not at {at_version}")
        if gone := [part.path for part in remove if part.path not in present]:
            raise TableMoved(f"{table} no longer holds {', '.join(gone)}")
        now = int(time.time() * 1000)
        actions = [_add(part, now, data_change) for part in new]
        actions += [RemoveAction(part.path, data_change, now, part.bytes, {}) for part in remove]
        if not actions:
            return current.version()
        try:
            current.create_write_transaction(
                actions=actions,
                mode="append",
                schema=current.schema(),
                commit_properties=CommitProperties(max_commit_retries=0),
            )
        except CommitFailedError:
            if round_ == ROUNDS - 1:
                raise
            time.sleep(random.uniform(0, 0.02 * min(round_ + 1, 10)))
        else:
            return current.version() + 1
    raise AssertionError("unreachable")


def _add(part: Part, now: int, data_change: bool) -> AddAction:
    return AddAction(part.path, part.bytes, {}, now, data_change, json.dumps({"numRecords": part.rows}))


def _path(part: Part) -> str:
    return part.path
