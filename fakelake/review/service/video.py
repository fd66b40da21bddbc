"""All that the page of one video shows, from one publication of the lake."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import duckdb

from fakelake.catalog.duck import dicts
from fakelake.review.service.reader import LakeReader, NoVideo
from fakelake.tasks import explain_words as words
from fakelake.tasks.face_strip import spread
from fakelake.tasks.facts import Facts, NotScored, facts_of
from fakelake.tasks.overlay_faces import NEAR_S, looked_until

CROPS_SHOWN = 12  # a face
CROPS_IN_ALL = 60
ROWS_DRAWN = 200_000  # boxes that a page takes: two hours of one face at 25 frames a second

_WHEN = "strftime({} AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M UTC')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """row: of the table `desk`. facts: None where nothing scored it. Lists of dicts are rows, the latest first."""

    row: dict[str, Any]
    media: dict[str, Any]
    facts: Facts | None
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
        return self.facts is not None and self.facts.verdict.scored


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
            raise NoVideo(f"The lake has no video {video_id[:12]}.")
        facts = None
        with suppress(NotScored):
            facts = facts_of(reader.lake, video_id, connection=connection, verdicts="desk")
        recipe_id = rows[0]["recipe_id"]
        media = dicts(
            connection,
            "SELECT * FROM videos WHERE video_id = ? ORDER BY recipe_id IS DISTINCT FROM ?, ingested_at DESC LIMIT 1",
            [video_id, recipe_id],
        )
        return Record(
            row=rows[0],
            media=media[0] if media else {},
            facts=facts,
            tracks=_tracks(connection, video_id, media[0]["recipe_id"], facts) if media else [],
            parts=dicts(connection, _PARTS, [video_id]),
            history=dicts(connection, _HISTORY, [video_id]),
            labels=dicts(connection, _LABELS, [video_id]),
            sources=dicts(connection, _SOURCES, [video_id]),
            trouble=trouble,
        )


def meaning_of(record: Record) -> list[str]:
    """What the figure means, in sentences for a person; empty without one."""
    if not record.scored:
        return []
    facts = record.facts
    return words.meaning(facts.verdict.p_fake, facts.reading)


def calibration_of(record: Record) -> list[str]:
    """Where the figure and the thresholds come from, in sentences; empty without one."""
    return words.calibration(record.facts.reading) if record.scored else []


def unjudged(reason: str) -> tuple[str, str, str]:
    """Of a video that is not applicable: a title, what it means, what to do."""
    return next(told for word, told in _UNJUDGED.items() if word in reason)


def boxes_of(reader: LakeReader, video_id: str) -> dict[str, Any]:
    """Every face of every frame with its own score over time, for drawing over the picture; numbers only.

    tracks: [{id, windows: [[start_s, end_s, p_fake, band]], t: [s], box: [x1, y1, x2, y2, ...]}]; t counts from the
    first picture, boxes are pixels of the upright frame of width x height; seen: whether the face was measured in
    the frame, or stands between two measurements. until_s: the recipe looked no further; null: it looked at all.
    by_marks: the video's band is that of its marks, and no face's own.
    Raises NoVideo, LakeBusyNow.
    """
    with reader.asking() as connection:
        media = dicts(
            connection,
            """SELECT v.recipe_id, width, height, fps FROM videos AS v LEFT JOIN desk USING (video_id)
            WHERE v.video_id = ? ORDER BY v.recipe_id IS DISTINCT FROM desk.recipe_id, v.ingested_at DESC LIMIT 1""",
            [video_id],
        )
        if not media:
            raise NoVideo(f"The lake has no video {video_id[:12]}.")
        try:
            facts = facts_of(reader.lake, video_id, connection=connection, verdicts="desk")
        except NotScored:
            facts = None
        rows = connection.execute(
            f"""SELECT track_id, pts_s, x1, y1, x2, y2, coalesce(detected, true) FROM frames
            WHERE video_id = ? AND recipe_id = ? ORDER BY frame, track_id LIMIT {ROWS_DRAWN}""",
            [video_id, media[0]["recipe_id"]],
        ).fetchnumpy()
        pts = connection.execute(
            "SELECT max(pts_s), max(frame) FROM frames WHERE video_id = ? AND recipe_id = ?",
            [video_id, media[0]["recipe_id"]],
        ).fetchone()
    names = list(rows)
    tracks = []
    for track in sorted(set(rows["track_id"].tolist())):
        own = rows["track_id"] == track
        columns = [rows[name][own] for name in names]
        tracks.append(
            {
                "id": track,
                **_said(facts, track),
                "t": [round(float(t), 4) for t in columns[1]],
                "box": [round(float(v), 1) for box in zip(*columns[2:6], strict=True) for v in box],
                "seen": [int(seen) for seen in columns[6]],
            }
        )
    until = looked_until(facts) if facts else None
    return {
        "width": media[0]["width"],
        "height": media[0]["height"],
        "fps": media[0]["fps"],
        "near_s": NEAR_S,
        "until_s": pts[0] if until is not None and pts[0] is not None and pts[1] + 1 >= until else None,
        "cut": len(rows["track_id"]) == ROWS_DRAWN,
        "by_marks": facts is not None and facts.by_marks,
        "tracks": tracks,
    }


def _said(facts: Facts | None, track: int) -> dict[str, Any]:
    """What the model says of one face over time."""
    if facts is None or facts.reading is None:
        return {"windows": []}
    reading = facts.reading
    windows = []
    for window in facts.of_track(track):
        p = reading.p_fake(window.logit)
        windows.append([round(window.start_s, 3), round(window.end_s, 3), round(p, 4), reading.band(p)])
    return {"windows": windows}


def _tracks(
    connection: duckdb.DuckDBPyConnection, video_id: str, recipe_id: str, facts: Facts | None
) -> list[dict[str, Any]]:
    """Faces, the one that decides first, each with its figure and some frames to show."""
    rows = dicts(
        connection,
        """SELECT track_id, count(*) AS frames, min(pts_s) AS from_s, max(pts_s) AS to_s,
               round(median(x2 - x1)) AS face_px, list(frame ORDER BY frame) AS numbers,
               list(pts_s ORDER BY frame) AS times
        FROM frames WHERE video_id = ? AND recipe_id = ? GROUP BY track_id ORDER BY track_id""",
        [video_id, recipe_id],
    )
    pictures = {
        (track, frame)
        for track, frame in connection.execute(
            "SELECT track_id, frame FROM crops WHERE video_id = ? AND recipe_id = ?", [video_id, recipe_id]
        ).fetchall()
    }
    each = max(2, min(CROPS_SHOWN, CROPS_IN_ALL // max(1, len(rows))))
    for row in rows:
        highest = max(facts.of_track(row["track_id"]), key=lambda w: w.logit, default=None) if facts else None
        row["highest"] = facts.reading.p_fake(highest.logit) if highest else None
        row["worst_second"] = highest.start_s if highest else None
        row["band"] = facts.reading.band(row["highest"]) if highest else None
        there = [
            (frame, at)
            for frame, at in zip(row.pop("numbers"), row.pop("times"), strict=True)
            if (row["track_id"], frame) in pictures
        ]
        row["shown"] = [{"frame": there[i][0], "at": there[i][1]} for i in spread(len(there), each)] if there else []
    worst = facts.verdict.worst_track if facts and facts.verdict.scored else None
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
