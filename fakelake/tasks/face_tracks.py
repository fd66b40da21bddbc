"""The crops of a lake as tracks to be read clip by clip, straight from the row groups that hold them."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs
import pyarrow.parquet as pq

from fakelake.catalog import duck
from fakelake.catalog.lake import Lake, one_of
from fakelake.tasks.crop import square

LEAST_FRAMES = 5  # crops of a face, under which it is too short to say anything
LONGEST_GAP_S = 1.0  # between two crops of one window: sampled footage is cut there
GROUPS_KEPT = 4  # decoded row groups in memory


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


class CropReader:
    """Reads and decodes crops. Cheap to pickle: files are opened where it is used."""

    def __init__(self, lake: Lake) -> None:
        self.location = lake.location
        self._reset()

    def _reset(self) -> None:
        self._filesystem: pyarrow.fs.FileSystem | None = None
        self._files: dict[str, tuple[pq.ParquetFile, np.ndarray]] = {}
        self._groups: OrderedDict[tuple[str, int], pa.ChunkedArray] = OrderedDict()

    def __getstate__(self) -> dict:
        return {"location": self.location}

    def __setstate__(self, state: dict) -> None:
        self.location = state["location"]
        self._reset()

    def read(self, track: FaceTrack, window: slice, px: int) -> np.ndarray:
        """uint8 [T, px, px, 3] RGB. Raises ValueError with the video's id where a picture cannot be decoded."""
        return np.stack([self._picture(track, int(row), px) for row in track.rows[window]])

    def _picture(self, track: FaceTrack, row: int, px: int) -> np.ndarray:
        data = self._bytes(track.file, row)
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if len(data) else None
        if picture is None:
            raise ValueError(
                f"A crop of video {track.video_id} (row {row} of {track.file}) is no picture. "
                "Run: fakelake catalog check"
            )
        if picture.shape[0] != px:
            shrink = picture.shape[0] > px
            picture = cv2.resize(picture, (px, px), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR)
        return picture

    def _bytes(self, path: str, row: int) -> memoryview:
        file, ends = self._open(path)
        group = int(np.searchsorted(ends, row, side="right"))
        key = (path, group)
        if key not in self._groups:
            self._groups[key] = file.read_row_group(group, columns=["image"], use_threads=False).column(0)
            while len(self._groups) > GROUPS_KEPT:
                self._groups.popitem(last=False)
        self._groups.move_to_end(key)
        return self._groups[key][row - int(ends[group - 1] if group else 0)].as_buffer()

    def _open(self, path: str) -> tuple[pq.ParquetFile, np.ndarray]:
        if path not in self._files:
            if self._filesystem is None:
                self._filesystem, _ = duck.arrow_filesystem(self.location)
            if len(self._files) >= 64:
                self._files.pop(next(iter(self._files)))[0].close(force=True)
            file = pq.ParquetFile(self._filesystem.open_input_file(path))
            counts = [file.metadata.row_group(n).num_rows for n in range(file.metadata.num_row_groups)]
            self._files[path] = file, np.cumsum(counts)
        return self._files[path]


def face_tracks(lake: Lake, recipe_id: str, margin: float, video_ids: Collection[str]) -> list[FaceTrack]:
    """Tracks with crops of the given videos under one recipe, by video and track.

    margin: the recipe's crop margin, which tells where in the full frame a crop lies
    """
    boxes = _boxes(lake, recipe_id, video_ids)
    tracks = []
    for file, rows in _crop_rows(lake, recipe_id, video_ids):
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
class _Boxes:
    """Face rows of one video, sorted by track and frame."""

    keys: np.ndarray  # [n, 2] track, frame
    pts_s: np.ndarray
    corners: np.ndarray  # [n, 4]
    landmarks: np.ndarray  # [n, 5, 2], pixels of the full frame

    def on_crops(self, track_id: int, frames: np.ndarray, margin: float, px: int) -> tuple[np.ndarray, np.ndarray]:
        """pts_s [n] and landmarks [n, 5, 2] in pixels of the crop."""
        first, last = np.searchsorted(self.keys[:, 0], [track_id, track_id + 1])
        at = first + np.searchsorted(self.keys[first:last, 1], frames)
        windows = np.array([square(box, margin) for box in self.corners[at]], np.float32)
        scale = px / (windows[:, 2] - windows[:, 0])
        moved = (self.landmarks[at] - windows[:, None, :2]) * scale[:, None, None]
        return self.pts_s[at], moved.astype(np.float32)


def _boxes(lake: Lake, recipe_id: str, video_ids: Collection[str]) -> dict[str, _Boxes]:
    columns = ["video_id", "track_id", "frame", "pts_s", "x1", "y1", "x2", "y2", "landmarks"]
    rows = lake.read("frames", columns, _of(recipe_id, video_ids)).combine_chunks()
    rows = rows.sort_by([("video_id", "ascending"), ("track_id", "ascending"), ("frame", "ascending")])
    videos = rows["video_id"].to_numpy(zero_copy_only=False)
    found = {}
    for part in np.split(np.arange(len(videos)), np.flatnonzero(videos[1:] != videos[:-1]) + 1):
        if len(part):
            found[str(videos[part[0]])] = _boxes_of(rows.slice(int(part[0]), len(part)))
    return found


def _boxes_of(rows: pa.Table) -> _Boxes:
    # A face clip has no landmarks: null, or NaN in older lakes.
    points = [p if p is not None else [np.nan] * 10 for p in rows["landmarks"].to_pylist()]
    return _Boxes(
        keys=np.stack([rows["track_id"].to_numpy(), rows["frame"].to_numpy()], 1),
        pts_s=rows["pts_s"].to_numpy(),
        corners=np.stack([rows[name].to_numpy() for name in ("x1", "y1", "x2", "y2")], 1),
        landmarks=np.asarray(points, np.float32).reshape(-1, 5, 2),
    )


def _crop_rows(lake: Lake, recipe_id: str, video_ids: Collection[str]) -> Iterator[tuple[str, pa.Table]]:
    """Each file of `crops` that holds any of the videos, with the row numbers of theirs; no picture is read."""
    filesystem, root = duck.arrow_filesystem(lake.location)
    wanted = _of(recipe_id, video_ids)
    for part in lake.parts("crops"):
        path = f"{root}/crops/{part.path}"
        columns = ["video_id", "track_id", "frame", "crop_px", "recipe_id"]
        with pq.ParquetFile(filesystem.open_input_file(path)) as file:
            rows = file.read(columns=columns)
        rows = rows.append_column("row", pa.array(np.arange(len(rows)))).filter(wanted)
        if len(rows):
            yield path, rows.combine_chunks()


def _of(recipe_id: str, video_ids: Collection[str]) -> pc.Expression:
    return one_of("video_id", video_ids) & (pc.field("recipe_id") == recipe_id)
