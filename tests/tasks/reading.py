"""A clip through all that a worker does with it, without Ray, Prefect or a commit."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq

from fakelake.catalog.location import LakeLocation
from fakelake.catalog.recipe import Recipe
from fakelake.tasks.ingest_task import SegmentJob
from fakelake.tasks.read_video import SegmentRead, examine, read_segment
from fakelake.tasks.segments import plan_segments
from fakelake.tasks.source_file import SourceFile, uri_of
from fakelake.tasks.write_video import WrittenVideo, write_video

QUICK = {"preset": "ultrafast"}  # for the encoder


def small_recipe(**changes: Any) -> Recipe:
    """The paper's recipe on fewer and smaller frames."""
    return Recipe(**{"name": "test", "max_frames": 24, "detect_px": 320, "portrait_px": 64, **changes})


def source_of(path: Path, dataset: str | None = None) -> SourceFile:
    """A source as discovery makes it."""
    info = path.stat()
    return SourceFile(uri=uri_of(path), dataset=dataset, bytes=info.st_size, mtime_ns=info.st_mtime_ns)


def segment_jobs(path: Path, lake: Path, seconds: float) -> list[SegmentJob]:
    """What workers get to read a whole file in segments of `seconds`, as it arrives there."""
    examined = examine(source_of(path, "news"))
    segments = plan_segments(examined.info, seconds)
    of_all = (LakeLocation.from_str(lake), examined.source, examined.video_id, examined.info)
    recipe = small_recipe(max_frames=None)
    made = [SegmentJob(*of_all, segment, len(segments), recipe, "attempt", 1, "cpu") for segment in segments]
    return pickle.loads(pickle.dumps(made))


@dataclass(frozen=True)
class ReadClip:
    """What a worker made of one clip: its `videos` row and the rows of its parts, in the order of the files."""

    video: dict
    frames: list[dict]
    crops: list[dict]
    portraits: list[dict]
    read: list[SegmentRead]
    written: WrittenVideo

    def boxes(self, track: int = 0) -> np.ndarray:
        """x1 y1 x2 y2 of a track, [N, 4]."""
        return np.array([[r[c] for c in ("x1", "y1", "x2", "y2")] for r in self.frames if r["track_id"] == track])

    def track_frames(self, track: int = 0) -> list[int]:
        return [r["frame"] for r in self.frames if r["track_id"] == track]


def read_clip(path: Path, folder: Path, recipe: Recipe | None = None, segment_s: float = float("inf")) -> ReadClip:
    """Examine, read in segments of `segment_s` and write into a lake directory below `folder`."""
    recipe = recipe or small_recipe()
    lake = LakeLocation.from_str(folder / "lake")
    source = source_of(path)
    examined = examine(source)
    if isinstance(examined.info, Exception):
        raise examined.info
    read, spools = [], []
    for segment in plan_segments(examined.info, segment_s):
        spools.append(folder / "spool" / str(segment.index))
        read.append(read_segment(source, examined.info, segment, recipe, spools[-1], threads=1, device="cpu"))
    written = write_video(lake, source, examined.video_id, examined.info, recipe, "attempt", read, spools)
    rows = {p.table: pq.read_table(lake.path(p.table, p.path)).to_pylist() for p in written.video.parts}
    tables = [rows.get(name, []) for name in ("frames", "crops", "portraits")]
    return ReadClip(written.video.row, *tables, read, written)


def pictures_of(path: Path, count: int | None = None) -> list[np.ndarray]:
    """The first `count` pictures, BGR [H, W, 3] each."""
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="bgr24") for f in islice(container.decode(video=0), count)]
