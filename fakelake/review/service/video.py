"""All that the page of one video shows, from one publication of the lake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np

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
        if not rows:
            raise NoVideo(video_id)
        facts = facts_of(reader.lake, video_id, connection=connection, verdicts="desk")
        media = media_of(connection, video_id)
        return Record(
            row=rows[0],
            media=media,
            facts=facts,
            tracks=_tracks(connection, video_id, media["recipe_id"], facts) if media else [],
            parts=_told(connection, "part_scores", _PARTS, video_id),
            history=dicts(connection, _HISTORY, [video_id]),
            labels=dicts(connection, _LABELS, [video_id]),
            sources=dicts(connection, _SOURCES, [video_id]),
            trouble=_told(connection, "quarantine", _TROUBLE, video_id),
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
    faces = connection.execute(_FACES, [video_id, recipe_id]).fetchnumpy()  # of hours there are many: no dicts
    numbers, starts = np.unique(faces["track_id"], return_index=True)
    each = max(2, min(CROPS_SHOWN, CROPS_IN_ALL // max(1, len(numbers))))
    tracks = []
    for number, first, end in zip(numbers.tolist(), starts, [*starts[1:], len(faces["frame"])], strict=False):
        own = np.arange(first, end)
        pictured = own[np.asarray(faces["pictured"][own], bool)]
        shown = pictured[spread(len(pictured), each)]
        highest = max(facts.of_track(number), key=lambda w: w.logit, default=None)
        p = facts.reading.p_fake(highest.logit) if highest else None
        tracks.append({
            "track_id": number, "frames": len(own), "from_s": float(faces["pts_s"][own[0]]),
            "to_s": float(faces["pts_s"][own].max()), "face_px": float(np.round(np.median(faces["px"][own]))),
            "highest": p, "band": facts.reading.band(p) if highest else None,
            "shown": [{"frame": int(faces["frame"][at]), "at": float(faces["pts_s"][at])} for at in shown],
        })  # fmt: skip
    worst = facts.verdict.worst_track
    return sorted(tracks, key=lambda row: (row["track_id"] != worst, -(row["highest"] or 0.0), row["track_id"]))


def _told(connection: duckdb.DuckDBPyConnection, table: str, sql: str, video_id: str) -> list[dict[str, Any]]:
    """An answer of a view over a table, which is asked first: of most videos it has nothing, and the view is slow."""
    if not connection.execute(f"SELECT 1 FROM {table} WHERE video_id = ? LIMIT 1", [video_id]).fetchone():
        return []
    return dicts(connection, sql, [video_id])


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
_TROUBLE = f"""
SELECT stage, error, message, remedy, attempts, {_WHEN.format('"at"')} AS "at" FROM open_quarantine
WHERE video_id = ? ORDER BY open_quarantine."at" DESC
"""
_MEDIA = """
SELECT v.* FROM videos AS v LEFT JOIN desk USING (video_id) WHERE v.video_id = ?
ORDER BY v.recipe_id IS DISTINCT FROM desk.recipe_id, v.ingested_at DESC, v.recipe_id LIMIT 1
"""
_FACES = """
SELECT track_id, frame, pts_s, x2 - x1 AS px, pictured IS NOT NULL AS pictured
FROM frames LEFT JOIN (SELECT track_id, frame, true AS pictured FROM crops WHERE video_id = $1 AND recipe_id = $2)
    USING (track_id, frame)
WHERE video_id = $1 AND recipe_id = $2 ORDER BY track_id, frame
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
