"""Small lakes for tests: videos with a few rows, written the way an ingest writes them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import uuid
from pathlib import Path

import duckdb
import pyarrow as pa

from fakelake.catalog.commit import IngestedVideo
from fakelake.catalog.lake import Lake
from fakelake.catalog.parts import PartWriter

ROOT = Path(__file__).parents[2]
RECIPE = "r1"


def video_id(i: int) -> str:
    return f"{i:064x}"


def write_video(
    lake: Lake, i: int, *, rows: int = 3, recipe: str = RECIPE, attempt: str | None = None
) -> IngestedVideo:
    """The parts of one attempt at video `i`, with `rows` frames, crops and portraits; nothing is committed."""
    attempt = attempt or uuid.uuid4().hex
    same = {
        "video_id": [video_id(i)] * rows,
        "track_id": [0] * rows,
        "frame": list(range(rows)),
        "recipe_id": [recipe] * rows,
        "attempt_id": [attempt] * rows,
    }
    pictures = [b"\xff\xd8" + bytes([i % 256, n % 256]) for n in range(rows)]
    tables = {
        "crops": {**same, "image": pictures, "crop_px": [112] * rows},
        "portraits": {**same, "image": pictures, "clip_id": ["c"] * rows, "window": [[0, 0, 9, 9]] * rows},
        "frames": {
            **same,
            "pts_s": [n / 25 for n in range(rows)],
            "x1": [float(i)] * rows,
            "landmarks": [[float(n) for n in range(10)]] * rows,
        },
    }
    parts = []
    for name, columns in tables.items():
        with PartWriter(lake.location, name, attempt) as writer:
            writer.write(pa.table(columns))
            parts.append(writer.close())
    row = {"video_id": video_id(i), "recipe_id": recipe, "attempt_id": attempt, "status": "ready", "dataset": "made"}
    return IngestedVideo({**row, "frames_with_face": rows}, parts)


def source(i: int, **other: object) -> dict[str, object]:
    return {"uri": f"file:///in/{i}.mp4", "name": f"{i}.mp4", "video_id": video_id(i), "dataset": "made", **other}


def trouble(i: int, **other: object) -> dict[str, object]:
    row = {
        "uri": f"file:///in/{i}.mp4",
        "stage": "probe",
        "error": "not_a_video",
        "recipe_id": RECIPE,
        "dataset": "made",
    }
    return {**row, **other}


def ask(file: str | Path, sql: str) -> list[tuple]:
    """What a bare DuckDB shell in read-only mode would answer."""
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def count(lake: Lake, view: str) -> int:
    with lake.connect() as connection:
        return connection.execute(f"SELECT count(*) FROM {view}").fetchone()[0]


def start(code: str, *arguments: object, **environment: str) -> subprocess.Popen:
    """Another process that runs `code` with `sys.argv[1:] == arguments`."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen, timeout: float = 600) -> str:
    """Its output; fails with its errors if it did not end well."""
    out, errors = process.communicate(timeout=timeout)
    assert process.returncode == 0, errors
    return out
