"""The crops of a lake as tracks to be read clip by clip, straight from the row groups that hold them."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.fs

from fakelake.catalog.lake import Lake
from fakelake.tasks.crop import square
from fakelake.tasks.picture_reader import PictureReader, of_recipe, picture_rows

LEAST_FRAMES = 5  # crops of a face, under which it is too short to say anything
LONGEST_GAP_S = 1.0  # between two crops of one window: sampled footage is cut there


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """One face of one video, its crops in order of time.

    file, rows: where the pictures lie, by row number, int64 [n]
    frames: int64 [n]; pts_s: float64 [n], seconds
    landmarks:  float32 [n, 5, 2], x and y in pixels of the crop as it is stored, NaN where not known
    side: of the stored crops, pixels
    """

    video_id: str
    track_id: int
    file: str
    rows: np.ndarray
    frames: np.ndarray
    pts_s: np.ndarray
    landmarks: np.ndarray
    side: int

    def __len__(self) -> int:
        return len(self.rows)

    def runs(self, least: int = LEAST_FRAMES) -> list[slice]:
        """Pieces of at least so many crops without a gap in them: outside of these nothing can be said."""
        edges = [0, *(np.flatnonzero(np.diff(self.pts_s) > LONGEST_GAP_S) + 1).tolist(), len(self)]
        return [slice(start, end) for start, end in itertools.pairwise(edges) if end - start >= least]

    def landmarks_at(self, window: slice, px: int) -> np.ndarray:
        """float32 [T, 5, 2] in pixels of crops that were read at `px`."""
        return self.landmarks[window] * np.float32(px / self.side)

    def windows(self, length: int, most: int | None = None) -> list[slice]:
        """Consecutive windows of `length` crops; a rest counts from half a window or, alone, LEAST_FRAMES on.

        most: so many at most, spread over the track
        """
        least = min(LEAST_FRAMES, length)
        found = []
        for run in self.runs():
            for at in range(run.start, run.stop, length):
                got = min(length, run.stop - at)
                if got >= least and (at == run.start or got >= length / 2):
                    found.append(slice(at, at + got))
        if most is not None and len(found) > most:
            found = [found[i] for i in np.linspace(0, len(found) - 1, most).round().astype(int)]
        return found


class CropReader(PictureReader):
    """Reads crops of tracks."""

    def read(self, track: FaceTrack, window: slice, px: int) -> np.ndarray:
        """uint8 [T, px, px, 3] RGB. Raises ValueError with the video's id where a picture cannot be decoded."""
        return np.stack([self.picture(track.video_id, track.file, int(row), px) for row in track.rows[window]])


def face_tracks(lake: Lake, recipe_id: str, margin: float, video_ids: Collection[str]) -> list[FaceTrack]:
    """Tracks with crops of the given videos under one recipe, by video and track.

    margin: the recipe's crop margin, which tells where in the full frame a crop lies
    """
    boxes = face_boxes(lake, recipe_id, video_ids)
    tracks = []
    for file, rows in picture_rows(lake, "crops", ("video_id", "track_id", "frame", "crop_px"), recipe_id, video_ids):
        columns = [rows[name].to_numpy() for name in ("row", "track_id", "frame")]
        videos = rows["video_id"].to_numpy(zero_copy_only=False)
        sides = rows["crop_px"].to_numpy()
        number, track, frame = columns
        order = np.lexsort((frame, track, videos))
        changes = (
            np.flatnonzero((videos[order][1:] != videos[order][:-1]) | (track[order][1:] != track[order][:-1])) + 1
        )
        for members in np.split(order, changes):
            video_id, track_id = str(videos[members[0]]), int(track[members[0]])
            side = int(sides[members[0]])
            pts, landmarks = boxes[video_id].on_crops(track_id, frame[members], margin, side)
            tracks.append(FaceTrack(video_id, track_id, file, number[members], frame[members], pts, landmarks, side))
    return sorted(tracks, key=lambda t: (t.video_id, t.track_id))


@dataclass(frozen=True, slots=True)
class FaceBoxes:
    """Face rows of one video, sorted by track and frame."""

    keys: np.ndarray  # [n, 2] track, frame
    pts_s: np.ndarray
    corners: np.ndarray  # [n, 4]
    landmarks: np.ndarray  # [n, 5, 2], pixels of the full frame

    def rows_of(self, track_id: int, frames: np.ndarray) -> np.ndarray:
        """Where these frames of a track are, int64 [n]."""
        first, last = np.searchsorted(self.keys[:, 0], [track_id, track_id + 1])
        return first + np.searchsorted(self.keys[first:last, 1], frames)

    def on_crops(self, track_id: int, frames: np.ndarray, margin: float, px: int) -> tuple[np.ndarray, np.ndarray]:
        """pts_s [n] and landmarks [n, 5, 2] in pixels of the crop."""
        at = self.rows_of(track_id, frames)
        windows = np.array([square(box, margin) for box in self.corners[at]], np.float32)
        scale = px / (windows[:, 2] - windows[:, 0])
        moved = (self.landmarks[at] - windows[:, None, :2]) * scale[:, None, None]
        return self.pts_s[at], moved.astype(np.float32)


def face_boxes(lake: Lake, recipe_id: str, video_ids: Collection[str]) -> dict[str, FaceBoxes]:
    """Of each of these videos."""
    columns = ["video_id", "track_id", "frame", "pts_s", "x1", "y1", "x2", "y2", "landmarks"]
    rows = lake.read("frames", columns, of_recipe(recipe_id, video_ids)).combine_chunks()
    rows = rows.sort_by([("video_id", "ascending"), ("track_id", "ascending"), ("frame", "ascending")])
    videos = rows["video_id"].to_numpy(zero_copy_only=False)
    found = {}
    for part in np.split(np.arange(len(videos)), np.flatnonzero(videos[1:] != videos[:-1]) + 1):
        if len(part):
            found[str(videos[part[0]])] = _boxes_of(rows.slice(int(part[0]), len(part)))
    return found


def _boxes_of(rows: pa.Table) -> FaceBoxes:
    # A face clip has no landmarks: null, or NaN in older lakes.
    points = [p if p is not None else [np.nan] * 10 for p in rows["landmarks"].to_pylist()]
    return FaceBoxes(
        keys=np.stack([rows["track_id"].to_numpy(), rows["frame"].to_numpy()], 1),
        pts_s=rows["pts_s"].to_numpy(),
        corners=np.stack([rows[name].to_numpy() for name in ("x1", "y1", "x2", "y2")], 1),
        landmarks=np.asarray(points, np.float32).reshape(-1, 5, 2),
    )
