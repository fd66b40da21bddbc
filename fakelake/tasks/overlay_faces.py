"""Which faces to draw on a frame: the lake's boxes in order of time, each with its own track's score at that moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from fakelake.catalog.duck import quote
from fakelake.tasks.facts import Facts, Reading, Window

ROWS_AT_ONCE = 8192
UNNAMED = "unnamed"
NEAR_S = 0.25  # outside of a window by no more than this, its score still stands without its time

_BOXES = """
SELECT frame, track_id, x1, y1, x2, y2, coalesce(detected, true) FROM frames
WHERE video_id = ? AND recipe_id = ? ORDER BY frame, track_id
"""


@dataclass(frozen=True, slots=True)
class Face:
    """box: x1 y1 x2 y2, pixels of the upright frame. measured: False where the box stands between two detections."""

    track_id: int
    box: tuple[float, float, float, float]
    measured: bool


@dataclass(frozen=True, slots=True)
class Said:
    """band, p_fake: of the window at hand, None where the face has no score; at_s: its time, where it is another.

    band UNNAMED: the video is called what its marks say, so that a face's own band would contradict it.
    """

    band: str | None
    p_fake: float | None
    at_s: float | None = None


class FaceRows:
    """The boxes of one video in order of time; however many, a few thousand of them are in memory.

    stride: of the recipe, which looks at every n-th frame only: in between, the last boxes stand, not `measured`.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, video_id: str, recipe_id: str, stride: int, spill: Path
    ) -> None:
        connection.execute(f"SET memory_limit = '512MB'; SET temp_directory = {quote(str(spill))}")
        batches = connection.execute(_BOXES, [video_id, recipe_id]).to_arrow_reader(ROWS_AT_ONCE)
        self._rows = (row for batch in batches for row in zip(*(c.to_pylist() for c in batch.columns), strict=True))
        self._next = next(self._rows, None)
        self._stride, self._held = stride, []

    def at(self, frame: int) -> list[Face]:
        """Faces of a frame; frames have to be asked for in order."""
        if frame % self._stride:
            return [Face(face.track_id, face.box, False) for face in self._held]
        faces = []
        while self._next is not None and self._next[0] <= frame:
            number, track_id, *box, detected = self._next
            if number == frame:
                faces.append(Face(track_id, tuple(box), bool(detected)))
            self._next = next(self._rows, None)
        self._held = faces
        return faces


class TrackScores:
    """The windows of each track, to be asked what they say of a moment."""

    def __init__(self, windows: Sequence[Window], reading: Reading, named: bool = True) -> None:
        self._reading, self._named = reading, named
        tracks: dict[int, list[Window]] = {}
        for window in windows:
            tracks.setdefault(window.track_id, []).append(window)
        self._tracks = {track: sorted(of, key=lambda window: window.start_s) for track, of in tracks.items()}
        self._starts = {track: np.array([window.start_s for window in of]) for track, of in self._tracks.items()}

    def at(self, track_id: int, seconds: float) -> Said:
        """The window that holds the moment, else the nearest one of the same face."""
        windows = self._tracks.get(track_id)
        if windows is None:
            return Said(None, None)
        place = int(np.searchsorted(self._starts[track_id], seconds + 1e-6, side="right"))
        near = windows[max(place - 1, 0) : place + 1]
        window = min(near, key=lambda w: _distance(w, seconds))
        p = self._reading.p_fake(window.logit)
        away = _distance(window, seconds) > NEAR_S
        return Said(self._reading.band(p) if self._named else UNNAMED, p, window.start_s if away else None)


def looked_until(facts: Facts) -> int | None:
    """The first frame that the recipe did not look at; None: it looked at all of them, or nobody knows."""
    recipe = facts.recipe
    return None if recipe is None or recipe.max_frames is None else (recipe.max_frames - 1) * recipe.stride + 1


def labelled(rows: FaceRows, scores: TrackScores, frame: int, seconds: float) -> Iterator[tuple[Face, Said]]:
    """Every face of a frame with its own score."""
    for face in rows.at(frame):
        yield face, scores.at(face.track_id, seconds)


def _distance(window: Window, seconds: float) -> float:
    return max(window.start_s - seconds, seconds - window.end_s, 0.0)
