"""The desk's cache of what was made of videos: a folder a video, the oldest makes room.

All of it can be made again: it lies beside the desk's own tables, not in the lake.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from fakelake.review.service.media.job import Job
from fakelake.review.service.media.look import LOOK, Look, identity
from fakelake.review.service.problem import NoVideo
from fakelake.review.service.reader import reader
from fakelake.tasks.source_file import path_of

MOST_BYTES = 20 << 30  # of all results together
LEFT_S = 24 * 3600  # no maker takes so long
PLACES = 20  # of one video that are looked at
_ID = re.compile(r"[0-9a-f]{64}")

SOURCES = "SELECT uri, bytes FROM sources WHERE video_id = ? ORDER BY seen_at DESC NULLS LAST, uri LIMIT ?"


def folder(video_id: str) -> Path:
    """Of one video's results. Raises ValueError for what is no id: nothing else names a path here."""
    if not _ID.fullmatch(video_id):
        raise ValueError("a video is named by the 64 hex digits of its sha256")
    return _cache() / video_id


def known(video_id: str) -> dict[str, object]:
    """The video's row of the table `desk` (service/reader.py). Raises NoVideo."""
    found = reader().rows("SELECT * EXCLUDE (place) FROM desk WHERE video_id = ?", [video_id])
    if not found:
        raise NoVideo(video_id)
    return found[0]


def looked(video_id: str) -> Look | None:
    """What the last look told, if its file still is the same and the lake still knows it; None: look again."""
    look = Look.read(folder(video_id) / LOOK)
    if look is None:
        return None
    uris = [row["uri"] for row in places(video_id, reader().loaded_at)]
    if look.path is None:
        return look if any(uri.startswith("s3://") for uri in uris) else None
    if look.path not in [str(path_of(uri)) for uri in uris if uri.startswith("file://")]:
        return None
    with suppress(OSError):
        if identity(os.stat(look.path)) == look.identity:  # noqa: PTH116
            return look
    return None


@lru_cache(maxsize=512)
def places(video_id: str, loaded_at: float) -> list[dict[str, object]]:
    """Where the lake of a publication saw a video: asked once, not at each part that a player fetches."""
    return reader().rows(SOURCES, [video_id, PLACES])


def used(path: Path) -> Path:
    """What is looked at stays longest."""
    with suppress(OSError):
        os.utime(path)
    return path


def drop(video_id: str) -> None:
    """All results of a video: when it is forgotten, or its upload deleted."""
    shutil.rmtree(folder(video_id), ignore_errors=True)


def drop_unknown() -> int:
    """Results of videos that the lake knows no more, by whatever way they were forgotten; returns how many."""
    there = {row["video_id"] for row in reader().rows("SELECT video_id FROM desk")}
    gone = [each for each in _cache().glob("*") if each.name not in there]
    for each in gone:
        shutil.rmtree(each, ignore_errors=True)
    return len(gone)


class Tidy:
    """Told of each job that ended; looks through all of the cache at most once in `every_s`."""

    def __init__(self, every_s: float = 60.0) -> None:
        self._every_s, self._looked_at = every_s, float("-inf")
        self._lock = threading.Lock()

    def __call__(self, job: Job) -> None:
        drop_stale(job)
        with self._lock:
            now = time.monotonic()
            if now - self._looked_at < self._every_s:
                return
            self._looked_at = now
        make_room(Path(job.order["out"]))


def drop_stale(job: Job) -> None:
    """Results before this one of the same kind go, and all of a video that was forgotten while its job ran.

    Case files from before a heat map go too: they would have it now.
    """
    try:
        known(job.video_id)
    except NoVideo:
        drop(job.video_id)
    if job.state == "done" and "/" not in job.name:
        out = Path(job.order["out"])
        stale = [*out.parent.glob(f"{job.order['kind']}-*{out.suffix}")]
        if job.order["kind"] == "explain":
            stale += out.parent.glob("case-*.zip")
        for other in stale:
            if other != out:
                other.unlink(missing_ok=True)


def make_room(kept: Path | None = None, most: int = MOST_BYTES) -> None:
    """The oldest results beyond `most` go, but never `kept`; also halves of results that a killed maker left."""
    files = []
    for place, _, names in os.walk(_cache()):
        for name in names:
            path = Path(place, name)
            with suppress(OSError):
                status = path.stat()
                if name.startswith(".") and time.time() - status.st_mtime > LEFT_S:
                    path.unlink()  # half a result, of a maker that was killed
                else:
                    files.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= most:
            return
        if path != kept:
            path.unlink(missing_ok=True)
            total -= size


def _cache() -> Path:
    return Path(settings.DESK_DIR) / "cache"
