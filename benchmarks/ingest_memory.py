"""Peak memory of one worker process, on a short and on a long video, read whole and in the recipe's segments."""

from __future__ import annotations

import tempfile
import time
import uuid
from dataclasses import replace
from pathlib import Path

import ray
from mosaics import lengthen, make_mosaics
from verdict import Verdict, at_most

from fakelake.catalog.lake import Lake
from fakelake.catalog.recipe import Recipe, archive
from fakelake.tasks.discover import discover
from fakelake.tasks.ingest_task import SegmentJob, examine_task, read_task, write_task
from fakelake.tasks.segments import plan_segments

MOST_MIB = 1024
MOST_GROWTH_MIB = 64  # what the allocator's mood makes from run to run


def measure(directory: Path, minutes: tuple[float, float]) -> list[Verdict]:
    """A talking head at 1280x720 under the archive recipe."""
    (mosaic,) = make_mosaics(directory, "talk", (1280, 720), 1, 240)
    base = archive()
    ways = {"whole": replace(base, segment_s=1e9), f"in segments of {base.segment_s:.0f} s": base}
    verdicts = []
    for way, recipe in ways.items():
        peaks = []
        for length in minutes:
            video = lengthen(mosaic.path, 60 * length, directory / f"talk-{length:g}min.mp4")
            start = time.perf_counter()
            peaks.append(_peak_of_ingest(video, recipe))
            seconds = time.perf_counter() - start
            print(f"{length:g} minutes {way}: {peaks[-1]:.0f} MiB at most in one worker ({seconds:.0f} s)", flush=True)
        short, long = minutes
        verdicts.append(at_most(f"worker memory, {long:g} minutes {way}", peaks[1], MOST_MIB, " MiB"))
        claim = f"worker memory, {long:g} minutes over {short:g} minutes, {way}"
        verdicts.append(at_most(claim, peaks[1] - peaks[0], MOST_GROWTH_MIB, " MiB"))
    return verdicts


def _peak_of_ingest(video: Path, recipe: Recipe) -> float:
    """MiB, the largest of all workers that had a share in the video; each call has a worker of its own."""
    fresh_worker = ray.remote(num_cpus=1, max_calls=1, max_retries=0)(_with_peak)
    with tempfile.TemporaryDirectory(prefix="fakelake-benchmark-") as directory:
        lake = Lake.create(Path(directory) / "lake")
        (source,) = discover([str(video)]).sources
        examined, peak = ray.get(fresh_worker.remote(examine_task, source))
        segments = plan_segments(examined.info, recipe.segment_s)
        attempt = uuid.uuid4().hex
        jobs = [
            SegmentJob(
                lake.location, source, examined.video_id, examined.info, segment, len(segments), recipe, attempt,
                threads=1, device="cpu",
            )
            for segment in segments
        ]  # fmt: skip
        done = ray.get([fresh_worker.remote(read_task, job) for job in jobs])
        if len(jobs) > 1:
            done.append(ray.get(fresh_worker.remote(write_task, jobs[0], [read for read, _ in done])))
        return max(peak, *(mib for _, mib in done))


def _with_peak(function, *arguments) -> tuple[object, float]:
    """The function's value, and the most memory in MiB that this process has held in RAM since it began."""
    value = function(*arguments)
    status = Path("/proc/self/status").read_text()
    peak_kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return value, int(peak_kib) / 1024
