"""What model versions said of videos: committing it exactly once, and which version speaks for the lake.

The key is (video_id, recipe_id, model, model_version). All rows of a key go in by one Delta commit, so a key is in
the lake whole or not at all, and a run that died is finished by running it again. Nothing is ever overwritten:
another version, or another recipe, adds rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from fakelake.catalog.lake import Lake, from_rows
from fakelake.catalog.lock import lake_lock
from fakelake.catalog.once import commit_once
from fakelake.catalog.parts import RowsRefused, conform
from fakelake.catalog.publish import publish_locked
from fakelake.catalog.schemas import TABLES

DETECTOR = "detector"
AGGREGATIONS = ("mean", "max", "top")
_VIDEO = ["video_id", "recipe_id"]
_KEY = [*_VIDEO, "model", "model_version"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How the logits of a model version are read: the row of `calibrations` that counts."""

    model: str
    model_version: str
    calibration_id: str
    aggregation: str
    temperature: float
    alpha: float | None
    fake_at: float | None
    suspicious_at: float
    authentic: int | None
    fake: int | None
    refused: str | None
    split_id: str | None
    run_id: str | None
    at: datetime


def commit_scores(lake: Lake, rows: pa.Table | Sequence[Mapping[str, object]]) -> int:
    """Add the scores of whole videos and publish; return how many (video, recipe, version) are new.

    Left out, without a word: keys that are there already, videos that were forgotten, and those that the lake does
    not have under that recipe. `scored_at` defaults to now. Safe from several processes and after a crash at any
    point. Raises RowsRefused (nothing is committed then), LakeBusy, LeaseLost.
    """
    table = _checked(rows if isinstance(rows, pa.Table) else from_rows("scores", _dated(rows)))
    with lake_lock(lake.location) as held:
        added = commit_once(lake, held, "scores", table, _KEY)
        publish_locked(lake, held)  # even of nothing new: an earlier run may have died before it published
    return added


def scored_keys(lake: Lake, model: str, model_version: str) -> set[tuple[str, str]]:
    """(video_id, recipe_id) of everything this version has looked at, scored or found too short to be."""
    where = (pc.field("model") == model) & (pc.field("model_version") == model_version)
    keys = lake.read("scores", _VIDEO, where).group_by(_VIDEO).aggregate([])
    return set(zip(keys["video_id"].to_pylist(), keys["recipe_id"].to_pylist(), strict=True))


def champion(lake: Lake) -> str | None:
    """The detector's version that speaks for the lake: the latest one promoted; None before the first."""
    promoted = (pc.field("model") == DETECTOR) & (pc.field("outcome") == "promoted")
    rows = lake.read("promotions", ["model_version", "at"], promoted).to_pylist()
    return max(rows, key=lambda row: (row["at"], row["model_version"]))["model_version"] if rows else None


def latest_calibration(lake: Lake, model_version: str, model: str = DETECTOR) -> Calibration | None:
    """The calibration that counts for a version; None if it has none."""
    where = (pc.field("model") == model) & (pc.field("model_version") == model_version)
    rows = lake.read("calibrations", where=where).to_pylist()
    latest = max(rows, key=lambda row: (row["at"], row["calibration_id"])) if rows else None
    return Calibration(**latest) if latest else None


def _dated(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    now = datetime.now(UTC)
    return [{"scored_at": now, **row} for row in rows]


def _checked(rows: pa.Table) -> pa.Table:
    """The rows in the table's form. Raises RowsRefused for what no model can have meant."""
    spec = TABLES["scores"]
    if "scored_at" not in rows.column_names:
        now = pa.scalar(datetime.now(UTC), spec.schema.field("scored_at").type)
        rows = rows.append_column("scored_at", pa.repeat(now, len(rows)))
    table = conform(spec, rows)
    scored, said = pc.is_valid(table["logit"]), pc.is_valid(table["reason"])
    if _any(pc.equal(scored, said)):
        raise RowsRefused("scores: a row has either a logit or the reason why there is none; some have both or neither")
    if _any(pc.invert(pc.is_finite(table["logit"]))):
        raise RowsRefused(
            "scores: a logit is not a finite number. The model is broken (NaN in its weights?): train it again."
        )
    place = pc.and_(pc.is_valid(table["track_id"]), pc.is_valid(table["window"]))
    if _any(pc.not_equal(place, scored)):
        raise RowsRefused("scores: a row with a logit needs track_id and window, a row with a reason has neither")
    windows = table.group_by([*_KEY, "track_id", "window"]).aggregate([([], "count_all")])
    if _any(pc.greater(windows["count_all"], 1)):
        raise RowsRefused("scores: a window of a video is there twice")
    kinds = windows.append_column("scored", pc.is_valid(windows["track_id"]))
    kinds = kinds.group_by(_KEY).aggregate([("scored", "count_distinct")])
    if _any(pc.greater(kinds["scored_count_distinct"], 1)):
        raise RowsRefused("scores: a video has logits and also a reason why it has none")
    return table


def _any(condition: pa.ChunkedArray) -> bool:
    return pc.any(condition).as_py() or False
