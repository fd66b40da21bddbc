"""What an ingest costs beside its videos: handing out work, and committing what came of it."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import av
from ingest_run import ingest, warm_up
from mosaics import FPS, source_clips
from verdict import Verdict, at_most

from fakelake.catalog.recipe import paper
from fakelake.infra.ray_pool import RayPool
from fakelake.tasks.prepare import resolve_detector

MOST_MS = 5.0
MOST_SHARE = 0.05
SHARD = 64
CLIP_FRAMES = 40


def nothing(item: int) -> int:
    return item


def measure_orchestration(items: int) -> list[Verdict]:
    """Each item goes to a worker twice, as a video does: to be examined, and to be read."""
    _empty(200)
    seconds = _empty(items)
    print(f"{items} items, two calls each, in {seconds:.1f} s")
    return [at_most(f"orchestration of {items} empty work items, a video", 1000 * seconds / items, MOST_MS, " ms")]


def _empty(items: int) -> float:
    pool = RayPool(cpus_per_task=1)
    start, waiting, finished = time.perf_counter(), iter(range(items)), 0
    while finished < items:
        while pool.hungry and (item := next(waiting, None)) is not None:
            pool.submit(("examine", item), nothing, item, deadline_s=60)
        for done in pool.wait():
            stage, item = done.key
            if stage == "examine":
                pool.submit(("read", item), nothing, item, deadline_s=60, first=True)
            else:
                finished += 1
    seconds = time.perf_counter() - start
    pool.close()
    return seconds


def measure_commit(directory: Path, clips: int) -> list[Verdict]:
    """Short clips are the hardest case: a commit costs the same whatever the length of its videos."""
    paths = _short_clips(directory / f"short-{CLIP_FRAMES}", clips)
    recipe = paper().with_weights(resolve_detector(paper().detector))
    warm_up(paths[:2], recipe)
    run = ingest(paths, recipe, shard_videos=SHARD)
    commit, work = sum(run.commits), sum(run.stages.values())
    commits = ", ".join(f"{seconds:.2f}" for seconds in run.commits)
    print(f"{clips} clips of {CLIP_FRAMES} frames, {run.faces} faces: {run.seconds:.1f} s, {work:.1f} core seconds of")
    print(f"decode, detect and encode; commits of {SHARD} videos took {commits} s")
    words = f"commit share of the time with shards of {SHARD} videos of {CLIP_FRAMES} frames"
    return [
        at_most(f"{words}, of core seconds", 100 * commit / (commit + work), 100 * MOST_SHARE, " %"),
        at_most(f"{words}, of wall time", 100 * commit / run.seconds, 100 * MOST_SHARE, " %"),
    ]


def _short_clips(directory: Path, count: int) -> list[Path]:
    """`count` videos of CLIP_FRAMES frames, cut from real clips one after the other until there are enough."""
    paths = [directory / f"{n:04d}.mp4" for n in range(count)]
    if not all(path.exists() for path in paths):
        directory.mkdir(parents=True, exist_ok=True)
        clips = source_clips(directory.parent, CLIP_FRAMES)
        for n, path in enumerate(paths):
            _cut(clips[n % len(clips)].path, n // len(clips), path)
    return paths


def _cut(source: Path, turn: int, path: Path) -> None:
    """Frames turn, turn + 1, ... of the clip, so that no two cuts have the same bytes."""
    partial = path.with_suffix(".tmp.mp4")
    with av.open(str(source)) as video, av.open(str(partial), "w") as out:
        frames = [f for f, _ in zip(video.decode(video=0), range(turn + CLIP_FRAMES), strict=False)][turn:]
        stream = out.add_stream("libx264", rate=FPS, options={"crf": "20", "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        for n, frame in enumerate(frames):
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    partial.replace(path)
