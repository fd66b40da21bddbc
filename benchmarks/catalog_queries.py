"""Each question of the moderators' cookbook on a catalog of 100,000 videos and 10 million face rows.

    python benchmarks/catalog_queries.py [--videos 100000] [--faces 10000000] [--directory DIR] [--repeat 5]

Every measurement is a fresh process that opens catalog.duckdb read-only, asks and takes all rows; the time counts from
opening the file. Printed are medians, against 0.3 s compacted and 1 s before compaction, and beside them the CPU
seconds: where others keep the cores busy, these say what the query itself takes.

"Before compaction" is the worst moment between two automatic compactions, which are looked for after each shard and
come at 256 small files in a table with a file a video, at 64 in a table with a file a shard, and here it is the worst
moment of all tables at once: the bulk in files that earlier compactions made (full ones of 256 MiB, and halves,
quarters, ... of that, which wait for as much again), and 255 files of one video each in `frames`, 63 files of a shard
of 64 videos each in `videos`, `sources`, `quarantine`, `labels` and `scores`. Two versions of the detector have scored
every video. "Compacted" is that lake after `fakelake catalog
compact`.

A track's faces are of about one size and sharpness, as they are in real videos; the numbers are random and compress
worse.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from made_catalog import MadeVideos, models

from fakelake.catalog import delta
from fakelake.catalog.compact import TARGET_BYTES, compact
from fakelake.catalog.lake import Lake
from fakelake.catalog.parts import Part, PartWriter
from fakelake.catalog.publish import publish

COOKBOOK = Path(__file__).parents[1] / "fakelake" / "catalog" / "cookbook.sql"
LIMIT_COMPACTED_S, LIMIT_BEFORE_S = 0.3, 1.0
SMALL_FILES, SMALL_FILES_NARROW, SHARD = 255, 63, 64
BYTES_A_FACE = 60  # of the random numbers made here

ASK = """
import json, sys, time
import duckdb
start, busy = time.perf_counter(), time.process_time()
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    rows = connection.execute(sys.argv[2]).fetchall()
print(json.dumps([time.perf_counter() - start, time.process_time() - busy, len(rows)]))
"""


def make_lake(root: Path, videos: int, faces: int) -> Lake:
    """A lake at the worst moment between two compactions."""
    lake = Lake.create(root)
    made = MadeVideos(videos, faces)
    everything = np.arange(videos)
    small_videos = min(SMALL_FILES, videos // 4)
    bulk, rest = everything[: videos - small_videos], everything[videos - small_videos :]
    parts = [_part(lake, "frames", name, made.faces(group)) for name, group in _bulk_files(made, bulk)]
    parts += [_part(lake, "frames", made.attempt_id[i], made.faces(np.array([i]))) for i in rest if made.rows[i]]
    delta.commit(lake.location, "frames", parts)
    shards = min(SMALL_FILES_NARROW * SHARD, videos // 2)
    for table in ("sources", "quarantine", "labels", "videos"):
        rows = getattr(made, table)
        parts = [_part(lake, table, _compacted(), iter([rows(everything[: videos - shards])]))]
        for at in range(videos - shards, videos, SHARD):
            parts.append(_part(lake, table, uuid.uuid4().hex, iter([rows(everything[at : at + SHARD])])))
        delta.commit(lake.location, table, [part for part in parts if part.rows])
    parts = [_part(lake, "scores", _compacted(), iter([made.scores(group, version)]))
             for version, group in (("1", everything), ("2", everything[: videos - shards]))]  # fmt: skip
    for at in range(videos - shards, videos, SHARD):
        parts.append(_part(lake, "scores", uuid.uuid4().hex, iter([made.scores(everything[at : at + SHARD], "2")])))
    delta.commit(lake.location, "scores", [part for part in parts if part.rows])
    calibrations, promotions = models()
    for table, rows in (
        ("near_matches", made.near_matches()), ("part_scores", made.part_scores(everything)),
        ("calibrations", calibrations), ("promotions", promotions),
    ):  # fmt: skip
        lake.append(table, rows, publish=False)
    publish(lake)
    return lake


def _bulk_files(made: MadeVideos, bulk: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Full files, then halves, quarters, ... as compactions of like sizes leave them."""
    a_file = int(TARGET_BYTES / BYTES_A_FACE / max(1.0, made.rows[bulk].mean()))
    at = 0
    while len(bulk) - at > 1.5 * a_file:
        yield _compacted(), bulk[at : at + a_file]
        at += a_file
    while len(bulk) - at > 2 * SMALL_FILES:
        half = (len(bulk) - at) // 2
        yield _compacted(), bulk[at : at + half]
        at += half
    yield _compacted(), bulk[at:]


def _compacted() -> str:
    return f"compact-{uuid.uuid4().hex}"


def _part(lake: Lake, table: str, name: str, rows: Iterator[pa.Table]) -> Part:
    with PartWriter(lake.location, table, name) as writer:
        for each in rows:
            writer.write(each)
        return writer.close()


def cookbook() -> dict[str, str]:
    """Question -> SQL."""
    parts = re.split(r"^-- name: (.*)$", COOKBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {name.strip(): sql.strip() for name, sql in zip(parts[::2], parts[1::2], strict=True)}


def measure(lake: Lake, repeat: int) -> dict[str, tuple[float, float, int]]:
    """Question -> median seconds, median seconds of all cores together, and how many rows the answer has."""
    found = {}
    for name, sql in cookbook().items():
        seconds, busy = [], []
        for _ in range(repeat):
            command = [sys.executable, "-c", ASK, str(lake.location.path("catalog.duckdb")), sql]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            second, core_second, rows = json.loads(out)
            seconds.append(second)
            busy.append(core_second)
        found[name] = statistics.median(seconds), statistics.median(busy), rows
    return found


def layout(lake: Lake) -> str:
    counts = {name: len(delta.parts_of(lake.table(name), name)) for name in ("frames", "videos", "scores")}
    return ", ".join(f"{n} files of {name}" for name, n in counts.items())


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--videos", type=int, default=100_000)
    options.add_argument("--faces", type=int, default=10_000_000)
    options.add_argument("--repeat", type=int, default=5)
    options.add_argument("--directory", help="where to make the lake, and leave it; default: a temporary directory")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="fakelake-") as scratch:
        root = Path(chosen.directory or scratch, "lake")
        start = time.perf_counter()
        lake = Lake.open(root) if root.exists() else make_lake(root, chosen.videos, chosen.faces)
        print(f"{chosen.videos:,} videos, {chosen.faces:,} face rows, made in {time.perf_counter() - start:.0f} s")
        print(f"before compaction: {layout(lake)}")
        before = measure(lake, chosen.repeat)
        start = time.perf_counter()
        compact(lake)
        print(f"compacted in {time.perf_counter() - start:.0f} s: {layout(lake)}\n")
        after = measure(lake, chosen.repeat)
    print(f"{'':<58}  {'before compaction':>20} {'compacted':>20}")
    print(f"{'median':<58}  {'seconds':>11} {'CPU s':>8} {'seconds':>11} {'CPU s':>8} {'rows':>5}")
    failed = 0
    for name, (seconds, busy, rows) in after.items():
        seconds_before, busy_before, _ = before[name]
        good = seconds < LIMIT_COMPACTED_S and seconds_before < LIMIT_BEFORE_S
        failed += not good
        times = f"{seconds_before:>11.3f} {busy_before:>8.3f} {seconds:>11.3f} {busy:>8.3f}"
        print(f"{name:<58}  {times} {rows:>5} {'PASS' if good else 'FAIL'}")
    print(f"\nlimits: {LIMIT_BEFORE_S} s before, {LIMIT_COMPACTED_S} s compacted; {failed} of {len(after)} miss them")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
