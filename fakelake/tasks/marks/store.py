"""Whether a file carries C2PA credentials at all, from a few of its bytes.

So that c2pa's native reader is loaded, and shown a stranger's bytes, only for the few files that have something to
read.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # C2PA specification 2.2, section A.5
_MOST_BOXES = 100_000
_STILLS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


def media_type(path: Path) -> str | None:
    """The media type of a container that can carry credentials, by its first bytes; None for all others."""
    with path.open("rb") as file:
        head = file.read(16)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return "video/quicktime" if head[8:12] == b"qt  " or head[4:8] != b"ftyp" else "video/mp4"
    if head[:4] == b"RIFF":
        return {b"AVI ": "video/avi", b"WEBP": "image/webp"}.get(head[8:12])
    return next((kind for magic, kind in _STILLS.items() if head.startswith(magic)), None)


def has_store(path: Path) -> bool:
    """The file holds a C2PA manifest store, whole or damaged. Matroska and MPEG streams cannot hold one."""
    kind = media_type(path)
    if kind is None:
        return False
    with path.open("rb") as file:
        if kind.startswith("image/"):
            return b"jumb" in file.read() if kind != "image/png" else b"caBX" in file.read()
        return _in_riff(file) if kind == "video/avi" else _in_boxes(file)


def _in_boxes(file: BinaryIO) -> bool:
    """ISO base media: a `uuid` box of C2PA's at the top level."""
    at = 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(32)
        if len(head) < 8:
            return False
        size, kind, body = int.from_bytes(head[:4], "big"), head[4:8], 8
        if size == 1:
            size, body = int.from_bytes(head[8:16], "big"), 16
        if kind == b"uuid" and head[body : body + 16] == _C2PA_BOX:
            return True
        if size < body:  # 0: to the end of the file
            return False
        at += size
    return False


def _in_riff(file: BinaryIO) -> bool:
    """RIFF: a `C2PA` chunk at the top level."""
    at = 12
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return False
        if head[:4] == b"C2PA":
            return True
        size = int.from_bytes(head[4:], "little")
        at += 8 + size + size % 2
    return False
