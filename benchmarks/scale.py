"""How far one driver goes: what an ingest costs beside its videos, by the size of the lake, and videos a day by cores.

    python benchmarks/scale.py [--sizes 1000 10000 100000 1000000] [--core-seconds 8.7 1.9] [--quick]

With generated lakes of each size (scale_lake.py says what is in them and what is thin):

commit       of 64 new videos without its publication, mean of the four between two compactions of pictures, with the
             share of Delta's checkpoints, which come at every 50th commit
publication  new views, as each commit makes them; `look`: whether anything has to be compacted, when nothing has
known, end   start of a run (what the lake knows: `known_to`) and its end (contact sheet, `runs` row). Real row groups
             hold 512 pictures, so the contact sheet's time is a least one
page         first 50 of `review_queue`, in a fresh process: a moderator's, no part of an ingest
merging      of all rows of a video, as often as the product's rules rewrite them on the way to that size: files of
             faces measured once, at full size; `videos` and `sources` in the lake; one publication a turn

Once: the driver's own processor time a video (scale_driver.py). A flow run is at most 200 shards of 64 videos, over
which start and end are spread.

The core seconds a video (`paper`: 150 frames) are from RESULTS.md, "720p, 3 faces a frame", two workers: every frame
searched, 1.10 x 31.2 frames/s; each 8th searched, 4.94 x 31.2. All on a local disk: on S3 each of the requests that a
commit makes takes longer.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import cv2
import numpy as np
import ray
from catalog_queries import ASK
from made_catalog import MadeVideos
from scale_driver import WORKERS, measure_driver
from scale_fit import RUN, SHARD, WORDS, Costs, table
from scale_lake import (
    BYTES,
    CHECKPOINT_EVERY,
    RECIPE_ID,
    ROWS,
    WITH_HISTORY,
    checkpoint,
    filler,
    make_lake,
    settled,
    small_files,
    write_part,
)

from fakelake.catalog import commit as commit_module
from fakelake.catalog.commit import IngestedVideo, commit_videos
from fakelake.catalog.compact import compact_if_needed
from fakelake.catalog.lake import Lake
from fakelake.catalog.merge import merge
from fakelake.catalog.publish import publish, publish_locked
from fakelake.flows.ingest import known_to
from fakelake.flows.ingest_report import record_run, write_contact_sheet
from fakelake.tasks.summary import IngestSummary

CORES = (2, 16, 64, 256, 1024)
COMMITS = 4  # with 64 videos each, the fourth of them brings on a compaction of pictures
NARROW = ("videos", "sources")
PAGE = "SELECT * FROM review_queue LIMIT 50"
RECIPE = SimpleNamespace(recipe_id=RECIPE_ID, to_json=lambda: "{}")
HEADS = (
    "videos",
    "made",
    "commit",
    "publication",
    "look",
    "known",
    "end",
    "page",
    "merging, ms a video",
    "files listed",
)


def measure_lake(
    directory: Path, videos: int, driver: dict[int, float], faces: dict[str, tuple[float, float]]
) -> Costs:
    """Print the figures of one size. faces: what `measure_merge` found."""
    start = time.perf_counter()
    new = COMMITS * SHARD
    made = MadeVideos(videos + new, 3 * (videos + new))
    lake = make_lake(directory / "lake", made, videos)
    shards = [_shard(lake, made, videos + n * SHARD) for n in range(COMMITS)]
    publish(lake)
    made_s = time.perf_counter() - start
    spent = []
    for shard, sources in shards:
        publication: list[np.ndarray] = []
        with patch.object(commit_module, "publish_locked", _timed(publish_locked, publication)):
            whole = _spent(lambda shard=shard, sources=sources: commit_videos(lake, shard, sources))
        look = _spent(lambda: compact_if_needed(lake, 10**9))  # as if nothing were due
        spent.append([whole - publication[0], publication[0], look])
    commit, publication, look = np.mean(spent, axis=0)
    commit += sum(_spent(lambda name=name: checkpoint(lake, name)) for name in WITH_HISTORY) / CHECKPOINT_EVERY
    files = sum(len(lake.parts(name)) for name in (*NARROW, *ROWS))
    known = _seconds(lambda: known_to(lake, RECIPE, False))
    end = _seconds(lambda: _end_of_run(lake))
    page = _ask(lake, PAGE)
    merging = _merging(lake, videos, faces, float(publication[0]))
    cells = [
        f"{videos:,}",
        f"{made_s:.0f}",
        *(f"{clock:.2f} ({busy:.2f})" for clock, busy in (commit, publication, look)),
        *(f"{seconds:.2f}" for seconds in (known, end, page)),
        f"{1000 * merging:.1f}",
        f"{files:,}",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)
    return Costs(videos, driver, float(commit[0]), float(publication[0]), float(look[0]), merging, known + end)


def measure_merge(directory: Path, videos: int) -> dict[str, tuple[float, float]]:
    """Seconds a video of the first merge, of a file a video as ingests of `paper` leave them, and of a later one."""
    lake = Lake.create(directory / "lake")
    pictures = np.random.default_rng(1)
    found = {}
    for name, rows in ROWS.items():
        parts = []
        for i in range(videos):
            same = {"video_id": f"{i:064x}", "attempt_id": uuid.uuid4().hex, "recipe_id": RECIPE_ID}
            made = filler(name, rows, **same, image=pictures.bytes(BYTES[name]))
            parts.append(write_part(lake, name, same["attempt_id"], made))
        start = time.perf_counter()
        halves = [merge(lake, parts[: videos // 2]), merge(lake, parts[videos // 2 :])]
        between = time.perf_counter()
        merge(lake, halves)
        found[name] = (between - start) / videos, (time.perf_counter() - between) / videos
    return found


def _merging(lake: Lake, videos: int, faces: dict[str, tuple[float, float]], publication: float) -> float:
    """Seconds a video of all merges that its rows go through, and of the publications after them."""
    total = publication / small_files("crops")
    for name in (*ROWS, *NARROW):
        times = settled(videos, name)[1]
        if name in NARROW:
            first = again = _seconds(lambda name=name: merge(lake, lake.parts(name))) / videos
        else:
            first, again = faces[name]
        total += min(times, 1) * first + max(0, times - 1) * again
    return total


def _shard(lake: Lake, made: MadeVideos, first: int) -> tuple[list[IngestedVideo], list[dict]]:
    """64 videos as workers leave them: parts written, nothing committed."""
    at = np.arange(first, first + SHARD)
    image = cv2.imencode(".jpg", np.full((112, 112, 3), 128, np.uint8))[1].tobytes()
    videos = []
    for row in made.videos(at).to_pylist():
        row.update(run_id="measured", status="ready", reason=None)
        same = {name: row[name] for name in ("video_id", "attempt_id", "recipe_id")}
        parts = [write_part(lake, name, row["attempt_id"], filler(name, 3, **same, image=image)) for name in ROWS]
        videos.append(IngestedVideo(row, parts))
    return videos, made.sources(at).to_pylist()


def _end_of_run(lake: Lake) -> None:
    """What `report_run` does, less Prefect's artifacts."""
    summary = IngestSummary(run_id="measured", lake=lake.location.root, recipe="", recipe_id=RECIPE_ID, ready=1)
    with lake.connect() as connection:
        connection.execute("SELECT avg(frames) FROM videos WHERE recipe_id = ?", [RECIPE_ID]).fetchone()
    write_contact_sheet(lake, summary)
    record_run(lake, summary, RECIPE, {}, datetime.now(UTC))


def _ask(lake: Lake, sql: str) -> float:
    command = [sys.executable, "-c", ASK, str(lake.location.path("catalog.duckdb")), sql]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(out.splitlines()[-1])[0]  # above it DuckDB draws its progress in a long query


def _seconds(call: Callable[[], object]) -> float:
    return float(_spent(call)[0])


def _timed(function: Callable, spent: list[np.ndarray]) -> Callable:
    """The function, which notes what each call of it took."""

    def timed(*arguments: object) -> None:
        spent.append(_spent(lambda: function(*arguments)))

    return timed


def _spent(call: Callable[[], object]) -> np.ndarray:
    """Seconds by the clock, and of processor time."""
    start, busy = time.perf_counter(), time.process_time()
    call()
    return np.array([time.perf_counter() - start, time.process_time() - busy])


def _drivers(all_cores: tuple[int, ...], videos: int) -> dict[int, float]:
    ray.init(address="local", num_cpus=WORKERS, log_to_driver=False, include_dashboard=False, logging_level="ERROR")
    costs = {}
    for cores in all_cores:
        cost = measure_driver(cores, videos)
        costs[cores] = cost.cpu_s
        print(f"driver, calls for {cores} cores: {1000 * cost.cpu_s:.2f} ms of processor time a video, over "
              f"{1000 * cost.wall_s:.1f} ms by the clock", flush=True)  # fmt: skip
    ray.shutdown()
    return costs


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    options.add_argument("--core-seconds", type=float, nargs="+", default=[8.7, 1.9], help="of a worker, a video")
    options.add_argument("--quick", action="store_true", help="a smoke run; its figures say nothing")
    asked = options.parse_args()
    sizes = [1_000] if asked.quick else sorted(asked.sizes)
    start = time.perf_counter()
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores\n", flush=True)
    driver = _drivers((2, 256) if asked.quick else (2, 64, 256, 1024), 100 if asked.quick else 2_000)
    with tempfile.TemporaryDirectory(prefix="fakelake-benchmark-") as directory:
        faces = measure_merge(Path(directory), 32 if asked.quick else small_files("crops"))
    for name, (first, again) in faces.items():
        print(f"merging {name}: first {1000 * first:.2f} ms a video, later {1000 * again:.2f} ms", flush=True)
    print(f"\nseconds (in brackets: of processor time); a commit is {SHARD} videos\n")
    print(f"| {' | '.join(HEADS)} |\n|{'---|' * len(HEADS)}", flush=True)
    costs = []
    for videos in sizes:
        with tempfile.TemporaryDirectory(prefix="fakelake-benchmark-") as directory:
            costs.append(measure_lake(Path(directory), videos, driver, faces))
    print(f"\nthe driver's milliseconds a video, by the size of the lake ({CORES[-1]} cores, runs of {RUN:,} videos):")
    for each in costs:
        parts = ", ".join(f"{name} {1000 * s:.2f}" for name, s in each.parts(CORES[-1]).items())
        print(f"{each.videos:>12,}: {parts}")
    for worker_s in asked.core_seconds:
        print(f"\nVideos a day, {worker_s:g} core seconds a video, one driver:\n\n{table(costs, CORES, worker_s)}")
    print("\n" + "\n".join(f"{name}: {words}" for name, words in WORDS.items()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\nload {os.getloadavg()[0]:.1f}, {time.perf_counter() - start:.0f} s, {peak:.1f} GiB at its highest")


if __name__ == "__main__":
    main()
