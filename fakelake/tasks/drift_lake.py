"""Both sides of a comparison for drift, read from the lake: what the champion was trained beside, what came lately."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from fakelake.catalog.lake import Lake
from fakelake.catalog.scores import DETECTOR
from fakelake.catalog.training_swaps import DATASET
from fakelake.tasks.drift import WITH, WITHOUT, Side

# One row a video, however many recipes it has: it counts from its first ingest on, with what was measured under the
# recipe whose scores count, else under its first. On videos that the champion learnt from its logits are further from
# 0 than on any that it has not seen, so the reference's scores leave them out.
QUERY = """
WITH chosen AS (
    SELECT video_id, recipe_id, coalesce(codec, 'unknown') AS codec, status = 'no_face' AS faceless,
           min(ingested_at) OVER (PARTITION BY video_id) AS came
    FROM videos LEFT JOIN (SELECT video_id, recipe_id AS counts FROM champion_recipes) USING (video_id)
    WHERE dataset IS DISTINCT FROM $swaps
    QUALIFY row_number() OVER (
        PARTITION BY video_id ORDER BY coalesce(recipe_id = counts, false) DESC, ingested_at, recipe_id
    ) = 1
), sided AS (
    SELECT * EXCLUDE (came), came > $trained_at AS recent FROM chosen WHERE came <= $trained_at OR came > $since
), faces AS (
    SELECT video_id, recipe_id, median(y2 - y1) FILTER (isfinite(y2 - y1)) AS face_height,
           median(sharpness) FILTER (isfinite(sharpness)) AS sharpness
    FROM frames SEMI JOIN sided USING (video_id, recipe_id) GROUP BY video_id, recipe_id
), scored AS (
    SELECT video_id, recipe_id, logit FROM video_scores
    WHERE is_champion AND video_id NOT IN (SELECT video_id FROM splits WHERE split_id = $split AND part = 'train')
)
SELECT recent, codec, faceless, face_height::DOUBLE AS face_height, sharpness::DOUBLE AS sharpness, logit
FROM sided LEFT JOIN faces USING (video_id, recipe_id) LEFT JOIN scored USING (video_id, recipe_id)
"""


class NoReference(LookupError):
    """There is no training that the lake's videos could be compared with; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The champion's training: its version, when it started, and the split that it learnt from."""

    model_version: str
    started_at: datetime
    split_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """reference: videos that came until the training; recent: those that came after `since`."""

    training: Training
    since: datetime
    reference: Side
    recent: Side


def read_sides(lake: Lake, days: float, now: datetime) -> Sides:
    """The videos of the champion's training and those of the last `days` since then, training swaps left out.

    Raises NoReference, ValueError.
    """
    if not days > 0:
        raise ValueError(f"--days {days:g}: the recent videos are those of more than 0 days.")
    training = training_of_champion(lake)
    since = max(training.started_at, now - timedelta(days=days))
    values = {"swaps": DATASET, "trained_at": training.started_at, "since": since, "split": training.split_id}
    with lake.connect() as connection:
        rows = connection.execute(QUERY, values).to_arrow_table()
    reference, recent = (rows.filter(mask) for mask in (pc.invert(rows["recent"]), rows["recent"]))
    return Sides(training=training, since=since, reference=side_of(reference), recent=side_of(recent))


def training_of_champion(lake: Lake) -> Training:
    """From `runs`: the latest training of the champion's version before its promotion. Raises NoReference."""
    is_it = (pc.field("model") == DETECTOR) & (pc.field("outcome") == "promoted")
    promotions = lake.read("promotions", ["at", "model_version"], is_it).to_pylist()
    if not promotions:
        raise NoReference(
            "This lake has no champion, so there is no training to compare with. Train one: fakelake train detector"
        )
    promoted_at, version = max((row["at"], row["model_version"]) for row in promotions)  # as the view champion has it
    where = (pc.field("flow") == f"train_{DETECTOR}") & (pc.field("started_at") <= promoted_at)
    rows = lake.read("runs", ["summary", "started_at"], where).to_pylist()
    told = [(row["started_at"], json.loads(row["summary"] or "{}")) for row in rows]
    trainings = [
        Training(model_version=version, started_at=started, split_id=summary.get("split_id"))
        for started, summary in told
        if summary.get("model_version") == version
    ]
    if not trainings:
        raise NoReference(
            f"The lake has no record of how its champion, detector version {version}, was trained: that was on another "
            "lake. Train one here, and what comes in later can be compared: fakelake train detector"
        )
    return max(trainings, key=lambda training: training.started_at)


def side_of(rows: pa.Table) -> Side:
    """A side from the query's rows, one a video."""
    values = {name: rows[name].drop_null().to_numpy() for name in ("logit", "face_height", "sharpness")}
    codecs = {each["values"]: each["counts"] for each in rows["codec"].value_counts().to_pylist()}
    faceless = pc.sum(rows["faceless"], min_count=0).as_py()
    faces = {WITH: len(rows) - faceless, WITHOUT: faceless}
    return Side(
        scores=values["logit"], face_heights=values["face_height"], sharpness=values["sharpness"], faces=faces,
        codecs=codecs,
    )  # fmt: skip
