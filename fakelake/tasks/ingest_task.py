"""The three calls of an ingest that run on workers: examine a file, read a segment, write a long video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fakelake.catalog.location import LakeLocation
from fakelake.catalog.recipe import Recipe
from fakelake.catalog.staging import clear_staged, collect_staged, stage
from fakelake.tasks.probe import VideoInfo
from fakelake.tasks.read_video import Examined, SegmentRead, examine, read_segment
from fakelake.tasks.scratch import scratch
from fakelake.tasks.segments import Segment
from fakelake.tasks.source_file import SourceFile
from fakelake.tasks.write_video import WrittenVideo, write_video


@dataclass(frozen=True, slots=True)
class SegmentJob:
    """All that a worker needs to read one of `segments` segments of a video."""

    location: LakeLocation
    source: SourceFile
    video_id: str
    info: VideoInfo
    segment: Segment
    segments: int
    recipe: Recipe
    attempt_id: str
    threads: int
    device: str


def examine_task(source: SourceFile) -> Examined:
    """See `read_video.examine`."""
    return examine(source)


def read_task(job: SegmentJob) -> WrittenVideo | tuple[SegmentRead, str]:
    """Read one segment. A video of one segment is written at once; else its rows are staged in the lake."""
    with scratch() as directory:
        spool = directory / "spool"
        read = read_segment(
            job.source, job.info, job.segment, job.recipe, spool, threads=job.threads, device=job.device
        )  # fmt: skip
        if job.segments == 1:
            return _write(job, [read], [spool])
        return read, stage(job.location, job.attempt_id, job.segment.index, spool)


def write_task(job: SegmentJob, read: list[tuple[SegmentRead, str]]) -> WrittenVideo:
    """Join the staged segments of a long video into its parts, and clear the staging."""
    with scratch() as directory:
        spools = [collect_staged(job.location, staged, directory) for _, staged in read]
        written = _write(job, [r for r, _ in read], spools)
    clear_staged(job.location, job.attempt_id)
    return written


def _write(job: SegmentJob, read: list[SegmentRead], spools: list[Path]) -> WrittenVideo:
    return write_video(
        job.location, job.source, job.video_id, job.info, job.recipe, job.attempt_id, read, spools
    )  # fmt: skip
