"""Rows of what a model said of videos, each key committed whole and once."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from fakelake.catalog import delta
from fakelake.catalog.failpoint import failpoint
from fakelake.catalog.forget import forgotten
from fakelake.catalog.lake import Lake, one_of
from fakelake.catalog.lock import Held
from fakelake.catalog.schemas import TABLES

_VIDEO = ["video_id", "recipe_id"]


def commit_once(lake: Lake, held: Held, name: str, rows: pa.Table, key: Sequence[str]) -> int:
    """Add the rows whose key the table does not have yet, in one Delta commit; return how many keys those are.

    rows: in the table's form, nothing of the key null; key: columns, video_id and recipe_id among them. Left out as
    well: videos that were forgotten, and those that the lake does not have under that recipe. Raises LeaseLost.
    """
    for _ in range(delta.ROUNDS):
        version, new = _news(lake, name, rows, list(key))
        if not len(new):
            return 0
        part = lake.write_rows(name, new.sort_by([(column, "ascending") for column in TABLES[name].sort_by]))
        failpoint("before_commit")
        try:
            # The lock keeps writers apart. Should a lease on S3 be lost unnoticed, the commit goes through only on the
            # very version in which the keys were found missing.
            lake.commit_part(part, held, at_version=version)
        except delta.TableMoved:
            lake.location.delete(f"{name}/{part.path}")
            continue
        failpoint("rows_committed")
        return len(new.group_by(list(key)).aggregate([]))
    raise delta.TableMoved(f"{name} changed under every one of our commits: is the lock of this lake honoured by all?")


def _news(lake: Lake, name: str, rows: pa.Table, key: list[str]) -> tuple[int, pa.Table]:
    """The table's version now, and the rows of videos the lake has and of keys that the table has not."""
    table = lake.table(name)
    ids = pc.unique(rows["video_id"]).to_pylist()
    known = lake.read("videos", _VIDEO, one_of("video_id", ids))
    there = lake.read_parts(delta.parts_of(table, name), name, key, one_of("video_id", ids))
    never = pa.array(sorted(forgotten(lake, ids)), pa.string())
    # A join gives no order and takes no list columns: fine here, the file is sorted before it is written.
    new = rows.filter(pc.invert(pc.is_in(rows["video_id"], never)))
    new = new.join(known.group_by(_VIDEO).aggregate([]), _VIDEO, join_type="left semi")
    return table.version(), new.join(there.group_by(key).aggregate([]), key, join_type="left anti")
