"""Which parts of a face a model version read: committing it exactly once, and reading it back.

The key is (video_id, track_id, recipe_id, model, model_version, generator_version): one face, measured once by one
detector through the parts of one generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow.compute as pc

from fakelake.catalog.lake import Lake, from_rows
from fakelake.catalog.lock import lake_lock
from fakelake.catalog.once import commit_once
from fakelake.catalog.parts import RowsRefused
from fakelake.catalog.publish import publish_locked

KEY = ("video_id", "track_id", "recipe_id", "model", "model_version", "generator_version")


def commit_part_scores(lake: Lake, rows: Sequence[Mapping[str, object]]) -> int:
    """Add what was measured of whole faces and publish; return how many faces are new.

    Left out, without a word: faces that are there already, videos that were forgotten, and those that the lake does
    not have under that recipe. Raises RowsRefused (nothing is committed then), LakeBusy, LeaseLost.
    """
    table = from_rows("part_scores", rows)
    for column in (*KEY, "window", "drop"):
        if table[column].null_count:
            raise RowsRefused(f"part_scores: {table[column].null_count} rows have no {column}")
    if not pc.all(pc.is_finite(table["drop"]), min_count=0).as_py():
        raise RowsRefused("part_scores: a drop is not a finite number. The detector is broken (NaN in its weights?)")
    with lake_lock(lake.location) as held:
        added = commit_once(lake, held, "part_scores", table, KEY)
        publish_locked(lake, held)  # even of nothing new: an earlier run may have died before it published
    return added


def part_scores_of(lake: Lake, key: Mapping[str, object]) -> list[dict]:
    """The rows of one face. key: a value for each column of KEY."""
    where = pc.scalar(True)
    for column in KEY:
        where &= pc.field(column) == key[column]
    return lake.read("part_scores", where=where).to_pylist()


def faces_with_parts(lake: Lake, model: str, model_version: str, generator_version: str) -> set[tuple[str, str, int]]:
    """(video_id, recipe_id, track_id) of all that were measured by these two."""
    where = (pc.field("model") == model) & (pc.field("model_version") == model_version)
    where &= pc.field("generator_version") == generator_version
    columns = ["video_id", "recipe_id", "track_id"]
    rows = lake.read("part_scores", columns, where).group_by(columns).aggregate([])
    return set(zip(*(rows[column].to_pylist() for column in columns), strict=True))
