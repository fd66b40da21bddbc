"""The faces of a whole video, each followed through it as an ingest follows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from fakelake.catalog.recipe import Recipe
from fakelake.models.faces.detector import FaceDetector
from fakelake.tasks.decode import Decoder, decode
from fakelake.tasks.face_stream import FaceStream
from fakelake.tasks.frame import Frame
from fakelake.tasks.probe import VideoInfo
from fakelake.tasks.scratch import scratch
from fakelake.tasks.spool import Spool, read_spool
from fakelake.tasks.track import join_tracklets

# No crops are cut; every tenth frame is searched whole, on the others the network looks where faces were.
FOLLOWING = Recipe(name="swap", search_every=10, crop_window=0, crop_every=1, portrait_px=0)
LEAST_FRAMES = 5  # and at least this share of the longest track's, or it is no face to choose between
LEAST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class FollowedFace:
    """One face of one shot, row by row in order of time; short losses are filled in between.

    frames: int64 [n], consecutive; pts_s: float64 [n]
    boxes: float32 [n, 4], x1 y1 x2 y2; landmarks: float32 [n, 5, 2], both in pixels of the upright frame
    sharpness: float32 [n], NaN where it was not measured
    """

    track_id: int
    frames: np.ndarray
    pts_s: np.ndarray
    boxes: np.ndarray
    landmarks: np.ndarray
    sharpness: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def told(self) -> str:
        """For people who have to choose one."""
        x1, y1, x2, y2 = self.boxes[len(self) // 2]
        return (
            f"track {self.track_id}: {self.pts_s[0]:.1f} to {self.pts_s[-1]:.1f} s, {max(x2 - x1, y2 - y1):.0f} px "
            f"tall, around x {(x1 + x2) / 2:.0f}, y {(y1 + y2) / 2:.0f}"
        )


def follow_faces(
    path: Path, info: VideoInfo, detector: FaceDetector, recipe: Recipe = FOLLOWING, *, threads: int = 1,
    on_frame: Callable[[int, int], None] | None = None,
) -> list[FollowedFace]:  # fmt: skip
    """The faces of a video by track, without those that pass by. Memory: some 100 bytes a face and frame.

    recipe: how to look and follow; its `max_frames` counts. Raises MediaError where nothing can be decoded.
    """
    frames_in_all = min(info.frames, recipe.max_frames or info.frames)
    with scratch() as directory, closing(decode(path, info, threads=threads)) as frames:
        with Spool(directory) as spool:
            seen = FaceStream(detector, recipe, spool).run(_kept(frames, recipe, frames_in_all, on_frame))
        rows = read_spool(directory, "frames")
        join = {"least_iou": recipe.track_iou, "gap_s": recipe.track_gap_s}
        tracks = join_tracklets(seen.tracklets, seen.cuts, **join)
        faces = [_face(rows, track, tracks) for track in sorted(set(tracks.values()))]
    longest = max(map(len, faces), default=0)
    return [face for face in faces if len(face) >= max(min(LEAST_FRAMES, longest), LEAST_SHARE * longest)]


def _kept(
    frames: Decoder, recipe: Recipe, count: int, on_frame: Callable[[int, int], None] | None
) -> Iterator[tuple[Frame, int]]:
    for frame in frames:
        if recipe.max_frames is not None and frame.index >= recipe.max_frames:
            return
        if on_frame:
            on_frame(frame.index + 1, count)
        yield frame, frame.index


def _face(rows: pa.Table, track: int, tracks: dict[tuple[int, int], int]) -> FollowedFace:
    mine = np.flatnonzero(np.isin(rows["tracklet"].to_numpy(), [t for (_, t), of in tracks.items() if of == track]))
    frames = rows["frame"].to_numpy()[mine]
    mine = mine[np.argsort(frames, kind="stable")]
    picked = rows.take(pa.array(mine)).combine_chunks()
    corners = np.stack([picked[name].to_numpy() for name in ("x1", "y1", "x2", "y2")], 1)
    points = picked["landmarks"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, 10)
    sharpness = picked["sharpness"].to_numpy(zero_copy_only=False).astype(np.float32)
    frames = picked["frame"].to_numpy()
    whole = np.arange(frames[0], frames[-1] + 1)
    there = np.isin(whole, frames)
    blank = np.full(len(whole), np.nan, np.float32)
    blank[there] = sharpness
    return FollowedFace(
        track, whole, np.interp(whole, frames, picked["pts_s"].to_numpy()), _between(whole, frames, corners),
        _between(whole, frames, points).reshape(-1, 5, 2), blank,
    )  # fmt: skip


def _between(wanted: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(wanted, known, column) for column in values.T], 1).astype(np.float32)


def one_face(faces: Iterable[FollowedFace], track: int | None) -> FollowedFace | list[FollowedFace]:
    """The face that is meant; a list of those there are where that is not clear."""
    faces = list(faces)
    if track is None:
        return faces[0] if len(faces) == 1 else faces
    return next((face for face in faces if face.track_id == track), faces)
