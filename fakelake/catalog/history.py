"""What happened to a lake, and reading it as it was."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from fakelake.catalog.delta_log import Change, read_log
from fakelake.catalog.lake import Lake
from fakelake.catalog.schemas import TABLES
from fakelake.catalog.views import plan

RUN_COLUMNS = ("run_id", "flow", "outcome", "recipe_id", "snapshot", "started_at", "finished_at")


class SnapshotGone(LookupError):
    """A past state that cannot be read: never was, or was vacuumed."""


def runs(lake: Lake) -> list[dict[str, object]]:
    """What ran, latest first; `snapshot` is the table versions that a run started from."""
    rows = lake.read("runs", RUN_COLUMNS).to_pylist()
    rows.sort(key=lambda row: row["started_at"].timestamp() if row["started_at"] else 0, reverse=True)
    return [{**row, "snapshot": json.loads(row["snapshot"] or "null")} for row in rows]


def changes(lake: Lake, tables: Iterable[str] | None = None) -> list[Change]:
    """Versions of all tables, latest first."""
    found = [change for name in tables or TABLES for change in read_log(lake.location, name).changes]
    return sorted(found, key=lambda change: (change.at, change.table, change.version), reverse=True)


def snapshot_at(lake: Lake, when: datetime) -> dict[str, int]:
    """The table versions that were current at a time."""
    return {name: read_log(lake.location, name).version_at(when) for name in TABLES}


def snapshot_of_run(lake: Lake, run_id: str) -> dict[str, int]:
    """The table versions that the one run whose id begins so started from. Raises SnapshotGone."""
    found = [row for row in runs(lake) if str(row["run_id"]).startswith(run_id)]
    if len(found) != 1 or not found[0]["snapshot"]:
        raise SnapshotGone(
            f"{run_id!r} is the beginning of {len(found)} runs with a snapshot. See: fakelake catalog history"
        )
    # A table that came with a later program was empty then.
    return {name: 0 for name in TABLES} | {name: v for name, v in found[0]["snapshot"].items() if name in TABLES}


def views_at(lake: Lake, snapshot: Mapping[str, int]) -> str:
    """The views of a past state, as SQL for `duckdb -init`. Raises SnapshotGone if its files were vacuumed."""
    past = lake.at(snapshot)
    try:
        parts = {name: past.parts(name) for name in TABLES}
    except (FileNotFoundError, OSError) as error:
        raise SnapshotGone(_gone(error)) from error
    for name, group in parts.items():
        there = {file.path for file in lake.location.files(name)}
        if missing := [part.path for part in group if f"{name}/{part.path}" not in there]:
            raise SnapshotGone(_gone(f"{name}/{missing[0]}"))
    return plan(past).to_sql()


def _gone(what: object) -> str:
    return f"That state cannot be read any more, {what} was vacuumed. Snapshots that `vacuum --keep` names stay."
