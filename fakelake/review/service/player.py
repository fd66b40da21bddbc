"""What the player draws over a video: every face of every frame with its own score, and how far the recipe looked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fakelake.review.service.problem import NoVideo
from fakelake.review.service.reader import LakeReader
from fakelake.review.service.video import media_of
from fakelake.tasks.facts import Facts, NotScored, facts_of
from fakelake.tasks.overlay_faces import NEAR_S

ROWS_DRAWN = 200_000  # boxes that a page takes: two hours of one face at 25 frames a second


def boxes_of(reader: LakeReader, video_id: str) -> dict[str, Any]:
    """Every face of every frame with its own score over time, for drawing over the picture; numbers only.

    tracks: [{id, windows: [[start_s, end_s, p_fake, band]], t: [s], box: [x1, y1, x2, y2, ...]}]; t counts from the
    first picture, boxes are pixels of the upright frame of width x height; seen: whether the face was measured in
    the frame, or stands between two measurements. until_s: the recipe looked no further; null: to the end. cut: there
    are more faces than are told.
    by_marks: the video's band is that of its marks, and no face's own.
    Raises NoVideo, LakeBusyNow.
    """
    with reader.asking() as connection:
        media = media_of(connection, video_id)
        if not media:
            raise NoVideo(video_id)
        try:
            facts = facts_of(reader.lake, video_id, connection=connection, verdicts="desk")
        except NotScored:  # a swap that was made for training
            facts = None
        rows = connection.execute(
            f"""SELECT track_id, pts_s, x1, y1, x2, y2, coalesce(detected, true) FROM frames
            WHERE video_id = ? AND recipe_id = ? ORDER BY frame, track_id LIMIT {ROWS_DRAWN}""",
            [video_id, media["recipe_id"]],
        ).fetchnumpy()
    names = list(rows)
    tracks = []
    for track in sorted(set(rows["track_id"].tolist())):
        own = rows["track_id"] == track
        columns = [rows[name][own] for name in names]
        tracks.append(
            {
                "id": track,
                **_said(facts, track),
                "t": np.round(columns[1].astype(float), 4).tolist(),
                "box": np.round(np.stack(columns[2:6], 1).astype(float), 1).ravel().tolist(),
                "seen": columns[6].astype(int).tolist(),
            }
        )
    return {
        "width": media["width"],
        "height": media["height"],
        "fps": media["fps"],
        "near_s": NEAR_S,
        "until_s": looked_until_s(media, float(rows["pts_s"].max(initial=0.0))),
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


def looked_until_s(media: Mapping[str, Any], seen_s: float = 0.0) -> float | None:
    """Seconds from the first picture, at least `seen_s`; None: to the end, or nobody knows.

    media: a row of `videos`. As the view `verdicts` says it in words (catalog/sql/05_looked_only.sql).
    """
    read, frames, duration = media.get("frames_read"), media.get("frames"), float(media.get("duration_s") or 0.0)
    if not read or not frames or read >= 0.95 * frames:
        return None
    until = max(seen_s, duration * read / frames)
    return until if duration - until > 0.5 else None
