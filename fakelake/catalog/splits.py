"""Splits in the lake: what a person may train on and test on, written once under the hash of what it was made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow.compute as pc

from fakelake.catalog.lake import Lake
from fakelake.catalog.lock import lake_lock
from fakelake.catalog.publish import publish_locked


class SplitNotFound(LookupError):
    """No split, or several, with that id. The message lists those there are."""


def store_split(lake: Lake, rows: Sequence[Mapping[str, object]]) -> bool:
    """Append the rows of one split. False, and nothing done, if the lake has a split of that id already."""
    split_id = rows[0]["split_id"]
    with lake_lock(lake.location) as held:
        if lake.read("splits", ["split_id"], pc.field("split_id") == split_id).num_rows:
            return False
        lake.commit_part(lake.write_rows("splits", rows), held)
        publish_locked(lake, held)
    return True


def split_ids(lake: Lake) -> list[str]:
    """Sorted; not in order of making, which the table does not keep."""
    return sorted(pc.unique(lake.read("splits", ["split_id"]).column(0)).to_pylist())


def find_split(lake: Lake, prefix: str) -> str:
    """The one split whose id begins so. Raises SplitNotFound."""
    known = split_ids(lake)
    found = [split_id for split_id in known if split_id.startswith(prefix)]
    if len(found) != 1:
        there = ", ".join(found or known) or "none; make one with `fakelake splits make`"
        raise SplitNotFound(f"{prefix!r} is the beginning of {len(found)} splits. There are: {there}.")
    return found[0]


def read_split(lake: Lake, split_id: str) -> tuple[dict[str, str], dict[str, str]]:
    """video_id -> part, and video_id -> group."""
    rows = lake.read("splits", ["video_id", "part", "group_id"], pc.field("split_id") == split_id).to_pylist()
    return {row["video_id"]: row["part"] for row in rows}, {row["video_id"]: row["group_id"] for row in rows}


def lineage(lake: Lake, split_id: str) -> list[str]:
    """The split, that which it extends, and so on to the one that began anew."""
    line = [split_id]
    while True:
        rows = lake.read("splits", ["extends"], pc.field("split_id") == line[-1])
        before = pc.unique(rows.column(0).drop_null()).to_pylist()
        if not before or before[0] in line:
            return line
        line.append(before[0])
