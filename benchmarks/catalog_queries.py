"""Each question of the moderators' cookbook on a catalog of 100,000 videos and 10 million face rows.

    python benchmarks/catalog_queries.py [--videos 100000] [--faces 10000000] [--directory DIR] [--repeat 5]

Every measurement is a fresh process that opens catalog.duckdb read-only, asks and takes all rows; the time counts from
opening the file. Printed are medians, against 0.3 s compacted and 1 s before compaction, and beside them the CPU
seconds: where others keep the cores busy, these say what the query itself takes.

"Before compaction" is the worst moment between two automatic compactions, which are looked for after each shard and
come at 256 small files in a table with a file a video, at 64 in a table with a file a shard, and here it is the worst
moment of all tables at once: the bulk in files that earlier compactions made (full ones of 256 MiB, and halves,
quarters, ... of that, which wait for as much again), and 255 files of one video each in `frames`, 63 files of a shard
of 64 videos each in `videos`, `sources`, `quarantine` and `labels`. "Compacted" is that lake after `fakelake catalog
compact`.

A track's faces are of about one size and sharpness, as they are in real videos; the numbers are random and compress
worse.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from fakelake.catalog import delta
from fakelake.catalog.compact import TARGET_BYTES, compact
from fakelake.catalog.lake import Lake
from fakelake.catalog.parts import Part, PartWriter
from fakelake.catalog.publish import publish

COOKBOOK = Path(__file__).parents[1] / "fakelake" / "catalog" / "cookbook.sql"
LIMIT_COMPACTED_S, LIMIT_BEFORE_S = 0.3, 1.0
SMALL_FILES, SMALL_FILES_NARROW, SHARD = 255, 63, 64
BYTES_A_FACE = 60  # of the random numbers made here
START = datetime(2026, 1, 1, tzinfo=UTC)
DATASETS = ["newsroom", "uploads", "archive-2019", "celebdf", "interviews"]

ASK = """
import json, sys, time
import duckdb
start, busy = time.perf_counter(), time.process_time()
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    rows = connection.execute(sys.argv[2]).fetchall()
print(json.dumps([time.perf_counter() - start, time.process_time() - busy, len(rows)]))
"""


class MadeVideos:
    """Columns of n videos, in the order in which they were ingested."""

    def __init__(self, n: int, faces: int, seed: int = 1) -> None:
        random = np.random.default_rng(seed)
        self.random = random
        self.n = n
        self.video_id = np.array([hashlib.sha256(b"%d" % i).hexdigest() for i in range(n)])
        self.attempt_id = np.array([uuid.UUID(int=i + 1).hex for i in range(n)])
        self.no_face = random.random(n) < 0.04
        weight = np.where(self.no_face, 0, random.gamma(2.0, 1.0, n) + 0.05)
        self.rows = np.floor(weight * faces / weight.sum()).astype(np.int64)
        self.rows[np.flatnonzero(~self.no_face)[0]] += faces - self.rows.sum()
        self.no_face |= self.rows == 0
        self.tracks = np.where(self.rows > 0, 1 + (self.rows // 90) + random.integers(0, 2, n) * (self.rows > 1), 0)
        self.dataset = np.array(DATASETS)[random.integers(0, len(DATASETS), n)]
        self.name = np.array([f"{d}-{i:06}.mp4" for i, d in enumerate(self.dataset)])
        self.name[n // 2] = "interview.mp4"
        self.no_face[n // 2] = False

    def videos(self, at: np.ndarray) -> pa.Table:
        n = len(at)
        rows = self.rows[at]
        return pa.table(
            {
                "video_id": self.video_id[at],
                "recipe_id": ["0123456789abcdef"] * n,
                "attempt_id": self.attempt_id[at],
                "dataset": self.dataset[at],
                "container": ["mp4"] * n,
                "codec": ["h264"] * n,
                "width": pa.array([1280] * n, pa.int32()),
                "height": pa.array([720] * n, pa.int32()),
                "fps": [25.0] * n,
                "frames": rows * 3,
                "duration_s": rows * 3 / 25 + 1,
                "bytes": rows * 30_000,
                "phash": [
                    "".join(f"{word:016x}" for word in words) for words in self.random.integers(0, 2**63, (n, 8))
                ],
                "frames_read": rows * 3,
                "frames_with_face": rows,
                "tracks": pa.array(self.tracks[at], pa.int32()),
                "status": np.where(self.no_face[at], "no_face", "ready"),
                "reason": [
                    f"no face in {r * 3} frames" if none else None
                    for r, none in zip(rows, self.no_face[at], strict=True)
                ],
                "run_id": ["run"] * n,
                "ingested_at": [START + timedelta(seconds=int(i) * 20) for i in at],
            }
        )

    def sources(self, at: np.ndarray) -> pa.Table:
        twice = at[at % 50 == 0]
        both = np.r_[at, twice]
        folder = np.r_[np.full(len(at), "archive"), np.full(len(twice), "copies")]
        return pa.table(
            {
                "uri": [f"file:///{f}/{self.dataset[i]}/{self.name[i]}" for f, i in zip(folder, both, strict=True)],
                "name": self.name[both],
                "video_id": self.video_id[both],
                "dataset": self.dataset[both],
                "bytes": self.rows[both] * 30_000,
                "mtime_ns": both * 10**9,
                "run_id": ["run"] * len(both),
                "seen_at": [START + timedelta(seconds=int(i) * 20) for i in both],
            }
        )

    def quarantine(self, at: np.ndarray) -> pa.Table:
        bad = at[at % 20 == 7]
        errors = np.array(["truncated", "not_a_video", "encrypted", "deadline", "audio_only"])[bad // 20 % 5]
        return pa.table(
            {
                "uri": [f"file:///archive/broken/{i:06}.mp4" for i in bad],
                "dataset": self.dataset[bad],
                "stage": ["probe"] * len(bad),
                "error": errors,
                "message": [f"{e} at byte {i * 1000}" for e, i in zip(errors, bad, strict=True)],
                "remedy": ["Copy the file again from its origin."] * len(bad),
                "frames_kept": [0] * len(bad),
                "lasting": [True] * len(bad),
                "recipe_id": ["0123456789abcdef"] * len(bad),
                "at": [START + timedelta(seconds=int(i) * 20) for i in bad],
            }
        )

    def labels(self, at: np.ndarray) -> pa.Table:
        listed, disputed = at[at % 3 == 0], at[at % 300 == 0]
        both = np.r_[listed, disputed]
        person = np.r_[np.zeros(len(listed), bool), np.ones(len(disputed), bool)]
        return pa.table(
            {
                "video_id": self.video_id[both],
                "label": np.where((both % 2 == 0) != person, "fake", "real"),
                "origin": np.where(person, "moderator", "dataset"),
                "labelled_by": np.where(person, "moderator-7", "List_of_testing_videos.txt"),
                "labelled_at": [START + timedelta(seconds=int(i) * 20) for i in both],
            }
        )

    def faces(self, at: np.ndarray) -> Iterator[pa.Table]:
        """Frames rows of some videos, sorted by video, track and frame, in tables of about a million rows."""
        at = at[np.argsort(self.video_id[at])]
        cuts = np.searchsorted(np.cumsum(self.rows[at]), np.arange(1_000_000, self.rows[at].sum() + 1, 1_000_000))
        for chunk in np.split(at, cuts):
            if self.rows[chunk].sum():
                yield self._faces(chunk)

    def _faces(self, at: np.ndarray) -> pa.Table:
        rows = self.rows[at]
        n = int(rows.sum())
        nth = np.arange(n) - np.repeat(np.cumsum(rows) - rows, rows)
        per_track = np.repeat(np.maximum(1, -(-rows // np.maximum(1, self.tracks[at]))), rows)
        frame = (nth % per_track) * 3
        per_video = nth // per_track
        track = np.repeat(np.cumsum(self.tracks[at] + 1), rows) + per_video  # a number for each track of the chunk
        tracks = int(track.max()) + 1
        size = (self.random.gamma(3.0, 40.0, tracks) + 20).astype(np.float32)[track]
        size *= self.random.normal(1.0, 0.04, n).astype(np.float32)
        sharpness = self.random.gamma(2.0, 150.0, tracks)[track] * self.random.lognormal(0.0, 0.2, n)
        left, top = (self.random.random((2, n)) * 900).astype(np.float32).round(2)
        marks = (left[:, None] + self.random.random((n, 10), np.float32) * size[:, None]).round(2)
        repeated = pa.array(np.repeat(np.arange(len(at), dtype=np.int32), rows))
        return pa.table(
            {
                "video_id": pa.array(self.video_id[at]).take(repeated),
                "track_id": pa.array(per_video, pa.int32()),
                "frame": frame,
                "pts_s": frame / 25,
                "x1": left,
                "y1": top,
                "x2": (left + size).round(2),
                "y2": (top + size * np.float32(1.2)).round(2),
                "landmarks": pa.FixedSizeListArray.from_arrays(pa.array(marks.ravel()), 10),
                "det_score": self.random.random(n, np.float32) * np.float32(0.3) + np.float32(0.7),
                "detected": pa.array(frame % 9 == 0),
                "sharpness": sharpness.astype(np.float32),
                "recipe_id": pa.array(["0123456789abcdef"]).take(pa.array(np.zeros(n, np.int32))),
                "attempt_id": pa.array(self.attempt_id[at]).take(repeated),
            }
        )


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
    counts = {name: len(delta.parts_of(lake.table(name), name)) for name in ("frames", "videos", "sources", "labels")}
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
