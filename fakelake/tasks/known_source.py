"""The bytes of a video that the lake knows, wherever one of its sources still holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow.compute as pc

from fakelake.catalog.lake import Lake
from fakelake.catalog.training_swaps import SCHEME
from fakelake.tasks.errors import MediaError
from fakelake.tasks.source_file import SourceFile, local_file, path_of, shown

BLOCK = 4 << 20
TRIED = 5  # places that a message names


class SourceUnfit(Exception):
    """No place holds the bytes of the video any more, or they cannot be played; the text names the files."""


@contextmanager
def known_file(lake: Lake, video_id: str) -> Iterator[Path]:
    """A readable local path whose bytes are the video's: the latest place that has them. Raises SourceUnfit."""
    rows = lake.read("sources", where=pc.field("video_id") == video_id).to_pylist()
    rows.sort(key=lambda row: (row["seen_at"] is not None, row["seen_at"], row["uri"]), reverse=True)
    wrong = []
    for row in rows:
        if row["uri"].startswith(SCHEME):
            raise SourceUnfit(f"{row['name']}, {video_id[:12]}, was made for training. There is no video of it.")
        with ExitStack() as stack:
            try:
                path = stack.enter_context(local_file(_source(row)))
                found = _sha256(path)
            except (MediaError, OSError) as error:
                wrong.append(f"{_place(row['uri'])}: {error.message if isinstance(error, MediaError) else error}")
                continue
            if found != video_id:
                wrong.append(f"{_place(row['uri'])}: it holds other bytes now (sha256 {found[:12]}...)")
                continue
            yield path
            return
    more = [f"and {len(wrong) - TRIED} more places"] if len(wrong) > TRIED else []
    raise SourceUnfit(
        "\n  ".join([f"The bytes of video {video_id[:12]} are not where the lake saw them:", *wrong[:TRIED], *more])
        + "\nPut the file back, or ingest it from where it is now: the same bytes are the same video."
    )


def _source(row: dict) -> SourceFile:
    """As it is now, so that a touched file of the same bytes will do. Raises OSError, MediaError."""
    size, mtime = row["bytes"], row["mtime_ns"]
    if row["uri"].startswith("file://"):
        path = path_of(row["uri"])
        if path.is_file():  # what is not there is for `local_file` to tell
            size, mtime = path.stat().st_size, path.stat().st_mtime_ns
    return SourceFile(uri=row["uri"], dataset=row["dataset"], bytes=size, mtime_ns=mtime)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _place(uri: str) -> str:
    return shown(path_of(uri)) if uri.startswith("file://") else uri
