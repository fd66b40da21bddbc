"""fakelake's own ingest of a few files, timed from the first submit to the last written part, and what it found."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from fakelake.catalog.commit import IngestedVideo, commit_videos
from fakelake.catalog.compact import compact_if_needed
from fakelake.catalog.lake import Lake
from fakelake.catalog.recipe import Recipe
from fakelake.flows.ingest_driver import IngestDriver, Known
from fakelake.infra.ray_pool import RayPool
from fakelake.infra.settings import Settings
from fakelake.tasks.discover import discover
from fakelake.tasks.source_file import uri_of

WARM_FRAMES = 24


@dataclass(slots=True)
class IngestRun:
    """boxes: of each file, float32 [N, 4] a frame; stages: core seconds in workers; commits: seconds of each."""

    frames: int = 0
    faces: int = 0
    seconds: float = 0.0
    stages: Counter[str] = field(default_factory=Counter)
    commits: list[float] = field(default_factory=list)
    boxes: list[list[np.ndarray]] = field(default_factory=list)

    @property
    def fps(self) -> float:
        return self.frames / self.seconds


def warm_up(paths: Sequence[Path], recipe: Recipe) -> None:
    """Let each worker import what it needs and load the detector as `recipe` wants it."""
    ingest(paths, replace(recipe, max_frames=WARM_FRAMES))


def ingest(paths: Sequence[Path], recipe: Recipe, *, shard_videos: int | None = None) -> IngestRun:
    """Into a lake of its own, which is thrown away. Without `shard_videos` nothing is committed."""
    with tempfile.TemporaryDirectory(prefix="fakelake-benchmark-") as directory:
        lake = Lake.create(Path(directory) / "lake")
        pool = RayPool(cpus_per_task=1)
        found = discover([str(path) for path in paths])
        driver = IngestDriver(lake.location, recipe, Settings(), pool, found, Known(set(), set(), {}), "benchmark")
        run, uris, written = IngestRun(), {}, {}
        start = time.perf_counter()
        for shard in driver.shards(shard_videos or len(paths)):
            uris |= {source["video_id"]: source["uri"] for source in shard.sources}
            before = time.perf_counter()
            if shard_videos:
                commit_videos(lake, shard.videos, shard.sources, shard.quarantine)
                compact_if_needed(lake, Settings().compact_after)
                run.commits.append(time.perf_counter() - before)
            else:
                written |= {uris[video.row["video_id"]]: video for video in shard.videos}
        run.seconds = time.perf_counter() - start
        if driver.quarantined:
            raise RuntimeError(f"{len(driver.quarantined)} of the videos could not be read: {driver.quarantined}")
        run.frames, run.faces, run.stages = driver.counts["frames"], driver.counts["faces"], driver.seconds
        if not shard_videos:
            run.boxes = [_boxes(lake, written[uri_of(path)]) for path in paths]
        return run


def _boxes(lake: Lake, video: IngestedVideo) -> list[np.ndarray]:
    """float32 [N, 4] for each frame of the video, out of the part that its attempt wrote."""
    boxes = [[] for _ in range(video.row["frames_read"])]
    for part in video.parts:
        if part.table == "frames":
            rows = pq.read_table(lake.location.path("frames", part.path), columns=["frame", "x1", "y1", "x2", "y2"])
            for frame, *box in zip(*(column.to_pylist() for column in rows.columns), strict=True):
                boxes[frame].append(box)
    return [np.array(found, np.float32).reshape(-1, 4) for found in boxes]
