"""A place in the lake for the rows of a long video's segments, until the whole video can be written."""

from __future__ import annotations

from pathlib import Path

from fakelake.catalog.location import LakeLocation

STAGING = "_staging"


def stage(location: LakeLocation, attempt_id: str, segment: int, spool: Path) -> str:
    """Move a segment's spooled files into the lake. Returns their prefix below the lake's root."""
    prefix = f"{STAGING}/{attempt_id}/{segment:05d}"
    for file in sorted(spool.iterdir()):
        location.upload(file, f"{prefix}/{file.name}")
    return prefix


def collect_staged(location: LakeLocation, prefix: str, scratch: Path) -> Path:
    """A local directory with a segment's files: the staged ones themselves, or copies of them from S3 in `scratch`."""
    if location.is_local:
        return location.path(prefix)
    target = scratch / prefix
    target.mkdir(parents=True, exist_ok=True)
    for stored in location.files(prefix):
        location.download(stored.path, target / Path(stored.path).name)
    return target


def clear_staged(location: LakeLocation, attempt_id: str) -> None:
    """Remove what an attempt staged; `vacuum` removes what a killed one left."""
    for stored in list(location.files(f"{STAGING}/{attempt_id}")):
        location.delete(stored.path)
