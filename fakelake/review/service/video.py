"""All that the page of one video shows, from one publication of the lake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from fakelake.catalog.duck import dicts
from fakelake.review.service.problem import NoVideo
from fakelake.review.service.reader import LakeReader
from fakelake.tasks import explain_words as words
from fakelake.tasks.face_strip import spread
from fakelake.tasks.facts import Facts, facts_of

CROPS_SHOWN = 12  # a face
CROPS_IN_ALL = 60

_WHEN = "strftime({} AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M UTC')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """row: of the table `desk`; media: of `videos`, empty where the file could not be read. Lists: the latest first."""

    row: dict[str, Any]
    media: dict[str, Any]
    facts: Facts
    tracks: list[dict[str, Any]]
    parts: list[dict[str, Any]]
    history: list[dict[str, Any]]
    labels: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    trouble: list[dict[str, Any]]

    @property
    def title(self) -> str:
        return self.row["name"] or self.row["video_id"][:12]

    @property
    def scored(self) -> bool:
        return self.facts.verdict.scored


def record_of(reader: LakeReader, video_id: str) -> Record:
    """Raises NoVideo, LakeBusyNow."""
    with reader.asking() as connection:
        rows = dicts(connection, "SELECT * FROM desk WHERE video_id = ?", [video_id])
        trouble = dicts(
            connection,
            f"""SELECT stage, error, message, remedy, attempts, {_WHEN.format('"at"')} AS "at" FROM open_quarantine
            WHERE video_id = ? ORDER BY open_quarantine."at" DESC""",
            [video_id],
        )
        if not rows:
            raise NoVideo(video_id)
        facts = facts_of(reader.lake, video_id, connection=connection, verdicts="desk")
        media = media_of(connection, video_id)
        return Record(
            row=rows[0],
            media=media,
            facts=facts,
            tracks=_tracks(connection, video_id, media["recipe_id"], facts) if media else [],
            parts=dicts(connection, _PARTS, [video_id]),
            history=dicts(connection, _HISTORY, [video_id]),
            labels=dicts(connection, _LABELS, [video_id]),
            sources=dicts(connection, _SOURCES, [video_id]),
            trouble=trouble,
        )


def media_of(connection: duckdb.DuckDBPyConnection, video_id: str) -> dict[str, Any]:
    """The row of `videos` that the verdict is about, else the latest; empty where there is none."""
    found = dicts(connection, _MEDIA, [video_id])
    return found[0] if found else {}


def meaning_of(record: Record) -> list[str]:
    """What the figure means, in sentences for a person; empty without one."""
    if not record.scored:
        return []
    return words.meaning(record.facts.verdict.p_fake, record.facts.reading)


def calibration_of(record: Record) -> list[str]:
    """Where the figure and the thresholds come from, in sentences; empty without one."""
    return words.calibration(record.facts.reading) if record.scored else []


def unjudged(reason: str) -> tuple[str, str, str]:
    """Of a video that is not applicable: a title, what it means, what to do."""
    return next(told for word, told in _UNJUDGED.items() if word in reason)


def _tracks(connection: duckdb.DuckDBPyConnection, video_id: str, recipe_id: str, facts: Facts) -> list[dict[str, Any]]:
    """Faces, the one that decides first, each with its figure and some frames to show."""
    rows = dicts(connection, _TRACKS, [video_id, recipe_id])
    each = max(2, min(CROPS_SHOWN, CROPS_IN_ALL // max(1, len(rows))))
    spots = [(row["track_id"], spot) for row in rows for spot in spread(row["pictures"], each)]
    wanted = [list(column) for column in zip(*spots, strict=True)] or [[], []]
    shown = dicts(connection, _SHOWN, [video_id, recipe_id, *wanted])
    for row in rows:
        highest = max(facts.of_track(row["track_id"]), key=lambda w: w.logit, default=None)
        row["highest"] = facts.reading.p_fake(highest.logit) if highest else None
        row["worst_second"] = highest.start_s if highest else None
        row["band"] = facts.reading.band(row["highest"]) if highest else None
        row["shown"] = [picture for picture in shown if picture["track_id"] == row["track_id"]]
    worst = facts.verdict.worst_track
    return sorted(rows, key=lambda row: (row["track_id"] != worst, -(row["highest"] or 0.0), row["track_id"]))


_UNJUDGED = {  # by what `reason` says (tasks/write_video.py, tasks/score_task.py)
    "too short": (
        "Too short", "A face is there, but never for enough frames on end to be judged.",
        "Upload a longer cut of it, if there is one; or look at it and decide yourself.",
    ),
    "too small": (
        "Faces too small", "Faces are there, but too small to be judged.",
        "Upload it in a higher resolution, if there is one; or look at it and decide yourself.",
    ),
    "no face": (
        "No face", "The detector judges faces, and found none in the frames that it looked at.",
        "Look at it: what is fake about it, if anything, is not a face, or not in these frames.",
    ),
    "": ("Not judged", "There is nothing in it that the detector can judge.", "Look at it and decide yourself."),
}  # fmt: skip
_MEDIA = """
SELECT v.* FROM videos AS v LEFT JOIN desk USING (video_id) WHERE v.video_id = ?
ORDER BY v.recipe_id IS DISTINCT FROM desk.recipe_id, v.ingested_at DESC, v.recipe_id LIMIT 1
"""
_TRACKS = """
SELECT track_id, count(*) AS frames, min(pts_s) AS from_s, max(pts_s) AS to_s, round(median(x2 - x1)) AS face_px,
       count(image_of) AS pictures
FROM frames LEFT JOIN (SELECT track_id, frame, frame AS image_of FROM crops WHERE video_id = $1 AND recipe_id = $2)
    USING (track_id, frame)
WHERE video_id = $1 AND recipe_id = $2 GROUP BY track_id ORDER BY track_id
"""
# spots: which of a face's pictures, in their order, counted from 0.
_SHOWN = """
SELECT track_id, frame, pts_s AS "at" FROM (
    SELECT track_id, frame, pts_s, row_number() OVER (PARTITION BY track_id ORDER BY frame) - 1 AS spot
    FROM frames SEMI JOIN (SELECT track_id, frame FROM crops WHERE video_id = $1 AND recipe_id = $2)
        USING (track_id, frame)
    WHERE video_id = $1 AND recipe_id = $2
) SEMI JOIN (SELECT unnest($3::INT[]) AS track_id, unnest($4::BIGINT[]) AS spot) USING (track_id, spot)
ORDER BY track_id, frame
"""
_PARTS = """
SELECT track_id, part, "drop", largest_drop, largest_second, area FROM part_evidence
WHERE video_id = ? AND part <> 'rest' ORDER BY part_evidence."drop" DESC
"""
_HISTORY = f"""
SELECT model_version, recipe_id, p_fake, worst_second, windows, reason, is_champion,
       {_WHEN.format("scored_at")} AS scored_at
FROM score_history WHERE video_id = ? ORDER BY score_history.scored_at DESC, model_version, recipe_id LIMIT 50
"""
_LABELS = f"""
SELECT label, method, origin, labelled_by, {_WHEN.format("labelled_at")} AS labelled_at, note FROM labels
WHERE video_id = ? ORDER BY labels.labelled_at DESC NULLS LAST, labelled_by LIMIT 50
"""
_SOURCES = f"""
SELECT name, uri, dataset, bytes, {_WHEN.format("seen_at")} AS seen_at FROM sources
WHERE video_id = ? ORDER BY sources.seen_at DESC NULLS LAST, uri LIMIT 20
"""
