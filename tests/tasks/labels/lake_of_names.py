"""A lake that knows videos by name only: rows of `videos` and `sources`, no pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

from fakelake.catalog.commit import IngestedVideo, commit_videos
from fakelake.catalog.lake import Lake


def video_id(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()


def lake_of(root: Path, names: list[str], *, under: str = "/data", dataset: str | None = None, **columns) -> Lake:
    """A lake at `root`, made if it is not there, with a committed video per name, which stands in for its bytes."""
    lake = Lake.open(root, create=True)
    videos, sources = [], []
    for name in names:
        row = {"video_id": video_id(name), "recipe_id": "r", "attempt_id": uuid4().hex, "status": "ready"}
        videos.append(IngestedVideo({**row, "dataset": dataset, **columns}))
        uri = "file://" + quote(f"{under}/{name}".encode("utf-8", "surrogateescape"))
        sources.append({"uri": uri, "name": name.rsplit("/", 1)[-1], "video_id": row["video_id"], "dataset": dataset})
    commit_videos(lake, videos, sources)
    return lake
