"""What one video costs the driver of an ingest: processor time in its own process, while workers only wait.

The product's driver and pool on a real Ray, with calls and answers of full size, but calls that sleep in the place
of reading a video: workers that worked would take the cores from the driver, and waiting costs it nothing. A pool of
many cores is imitated by telling it so: it then hands Ray two calls for each of them and looks through all of these at
every turn, which is what grows with a cluster. Ray's workers are few either way, so answers come one or two at a time;
on a large cluster a busy driver takes more at a turn, and each for less.
"""

from __future__ import annotations

import hashlib
import resource
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from unittest.mock import patch

from fakelake.catalog.commit import IngestedVideo
from fakelake.catalog.location import LakeLocation
from fakelake.catalog.parts import Part
from fakelake.catalog.recipe import paper
from fakelake.flows import ingest_driver
from fakelake.infra.ray_pool import RayPool
from fakelake.infra.settings import Settings
from fakelake.tasks.discover import Discovery
from fakelake.tasks.ingest_task import SegmentJob
from fakelake.tasks.probe import VideoInfo
from fakelake.tasks.read_video import Examined
from fakelake.tasks.segments import Keyframe
from fakelake.tasks.source_file import SourceFile
from fakelake.tasks.write_video import WrittenVideo

WORKERS = 4
WORK_S = 0.01


@dataclass(frozen=True, slots=True)
class DriverCost:
    """Of one video: processor seconds of the driver, and seconds by the clock with these workers."""

    cpu_s: float
    wall_s: float


class WidePool(RayPool):
    """A pool that believes in `cores` cores."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        super().__init__(cpus_per_task=1)

    def _count_slots(self) -> int:
        return self._cores


def examine(source: SourceFile) -> Examined:
    info = VideoInfo(
        container="mov,mp4,m4a,3gp,3g2,mj2", codec="h264", pix_fmt="yuv420p", width=1280, height=720, rotation=0,
        fps=25.0, vfr=False, frames=250, duration_s=10.0, bytes=source.bytes, has_audio=True, cut_short=False,
        timed=True, time_base=Fraction(1, 12_800), segments_at=(Keyframe(0, 0, 0.0, 0),),
    )  # fmt: skip
    return Examined(source, hashlib.sha256(source.uri.encode()).hexdigest(), info)


def read(job: SegmentJob) -> WrittenVideo:
    time.sleep(WORK_S)
    info = job.info
    row = {
        "video_id": job.video_id, "recipe_id": job.recipe.recipe_id, "attempt_id": job.attempt_id,
        "dataset": job.source.dataset, "container": info.container, "codec": info.codec, "pix_fmt": info.pix_fmt,
        "width": info.width, "height": info.height, "rotation": info.rotation, "fps": info.fps, "vfr": info.vfr,
        "frames": info.frames, "duration_s": info.duration_s, "bytes": info.bytes, "has_audio": info.has_audio,
        "phash": "0123456789abcdef" * 8, "provenance": None, "frames_read": 150, "frames_with_face": 150, "tracks": 1,
        "status": "ready", "reason": None,
    }  # fmt: skip
    tables = ("frames", "crops", "portraits")
    parts = [Part(table, f"{job.attempt_id}-0.parquet", 150, 100_000) for table in tables]
    seconds = Counter({"decode": 1.0, "detect": 1.0, "encode": 1.0})
    return WrittenVideo(IngestedVideo(row, parts), None, seconds, 150)


def measure_driver(cores: int, videos: int) -> DriverCost:
    """Ray is up, with WORKERS cores. Workers start, and import what they need, before any clock runs."""
    _drive(cores, 4 * WORKERS)
    return _drive(cores, videos)


def _drive(cores: int, videos: int) -> DriverCost:
    here = f"file:///archive/{uuid.uuid4().hex}"
    found = Discovery([SourceFile(uri=f"{here}/{i:07}.mp4", dataset="a", bytes=9, mtime_ns=i) for i in range(videos)])
    known = ingest_driver.Known(set(), set(), {})
    pool = WidePool(cores)
    with patch.multiple(ingest_driver, examine_task=examine, read_task=read):
        location = LakeLocation.from_str("nowhere")  # no call reads or writes a file
        driver = ingest_driver.IngestDriver(location, paper(), Settings(), pool, found, known, "run")
        start, busy = time.perf_counter(), _cpu_s()
        done = sum(len(shard.videos) for shard in driver.shards(64))
        cost = DriverCost((_cpu_s() - busy) / videos, (time.perf_counter() - start) / videos)
    if done != videos:
        raise RuntimeError(f"{done} of {videos} videos came back: {driver.counts}")
    return cost


def _cpu_s() -> float:
    """Of all threads of this process, Ray's among them."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
