"""What an upload is, by its content: asked in a process of its own, which may hang, swell or die without the desk.

python -m fakelake.review.service.uploads.look_at FILE    prints JSON
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from fakelake.tasks.errors import MediaError

PROGRAM = (sys.executable, "-m", "fakelake.review.service.uploads.look_at")
BASE_S, BYTES_A_SECOND = 30.0, 20 << 20  # all of a file is read once, from a slow disk too
MEMORY = 4 << 30
AT_ONCE = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))
EXPORT = "Export the video again as MP4 or WebM, and send that."
CHOOSE = "Choose a video: MP4, MOV, WebM, MKV, AVI and MPEG are taken."


@dataclass(frozen=True, slots=True)
class Seen:
    """extension: without its dot, of the container that was found"""

    container: str
    extension: str


def look_at(path: Path, name: str) -> Seen:
    """Raises MediaError for what is no whole, plain video, with `name` as the file's; as `probe` does, and

    polyglot: a video and something else; unknown_container; too_slow; unreadable: the look itself died
    """
    allowed = BASE_S + path.stat().st_size / BYTES_A_SECOND
    with AT_ONCE:
        try:
            done = subprocess.run(
                [*PROGRAM, str(path)], stdin=subprocess.DEVNULL, capture_output=True, timeout=allowed, check=False
            )
        except subprocess.TimeoutExpired:
            said = f"{name} could not be understood within {allowed:.0f} seconds."
            raise MediaError("probe", "too_slow", said, f"It is damaged, or made to do this. {EXPORT}") from None
    try:
        told = json.loads(done.stdout)
    except ValueError:
        said = f"The look into {name} ended with code {done.returncode}."
        raise MediaError("probe", "unreadable", said, f"It is damaged, or made to do this. {EXPORT}") from None
    if "error" in told:
        said = told["message"].replace(path.name, name)
        raise MediaError("probe", told["error"], said, _REMEDIES.get(told["error"], told["remedy"]))
    return Seen(told["container"], told["extension"])


# The archive's words are "leave it out"; here somebody has just chosen the file.
_REMEDIES = {
    **dict.fromkeys(("not_a_video", "still_picture", "audio_only"), CHOOSE),
    **dict.fromkeys(("empty", "truncated"), "Copy it again from where it came from, and send that."),
    "encrypted": "Ask its owner for an unprotected copy, and send that.",
    "unsupported_codec": EXPORT,
    "no_frames": EXPORT,
}

_HEAD, _TAIL = 4096, 22 + 65_535  # of a ZIP: its last record, and the longest comment after it
_ATOMS = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"uuid"}
_FOREIGN = {
    b"%pdf-": "a PDF", b"<html": "a web page", b"<!doctype": "a web page", b"<script": "a web page",
    b"<svg": "a picture", b"<?php": "a program",
}  # fmt: skip


def whole_look(path: Path) -> Seen:
    """In this process. Raises MediaError."""
    from fakelake.tasks.media_file import display_name
    from fakelake.tasks.probe import probe

    container, name = probe(path).container, display_name(path)
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(max(0, path.stat().st_size - _TAIL))
        tail = file.read()
    extension = _extension(container, head)
    if extension is None:
        said = f"{name} is a video in a container that the desk does not take ({container})."
        raise MediaError("probe", "unknown_container", said, EXPORT)
    also = next((what for sign, what in _FOREIGN.items() if sign in head[:1024].lower()), None)
    if also or not extension or _ends_as_zip(tail):
        said = f"{name} is a video and {also or ('an archive' if extension else 'something else')} at the same time."
        raise MediaError("probe", "polyglot", said, EXPORT)
    return Seen(container, extension)


def _extension(container: str, head: bytes) -> str | None:
    """None: of no container that is taken. "": the file does not begin as that container does."""
    if container.startswith("mov,"):
        return ("mov" if head[8:12] == b"qt  " or head[4:8] != b"ftyp" else "mp4") if head[4:8] in _ATOMS else ""
    if container.startswith("matroska"):
        return ("webm" if b"webm" in head[:64] else "mkv") if head.startswith(b"\x1aE\xdf\xa3") else ""
    if container == "avi":
        return "avi" if head[:4] == b"RIFF" and head[8:11] == b"AVI" else ""
    if container == "mpegts":  # of cameras each packet has four bytes more before it
        return "ts" if head[:1] + head[188:189] == b"GG" or head[4:5] + head[196:197] == b"GG" else ""
    begins = {
        "mpeg": ("mpg", b"\0\0\x01\xba"), "mpegvideo": ("mpg", b"\0\0\x01\xb3"), "flv": ("flv", b"FLV\x01"),
        "asf": ("wmv", b"0&\xb2u\x8ef\xcf\x11"), "ogg": ("ogv", b"OggS"), "gif": ("gif", b"GIF8"),
        "mxf": ("mxf", b"\x06\x0e+4"),
    }.get(container)  # fmt: skip
    return None if begins is None else begins[0] if head.startswith(begins[1]) else ""


def _ends_as_zip(tail: bytes) -> bool:
    """A ZIP is read from its end: the last record, and a comment of the length that it states up to the last byte."""
    at = tail.rfind(b"PK\x05\x06")
    return at >= 0 and len(tail) >= at + 22 and at + 22 + int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail)


def main(path: str) -> None:
    """As far as the operating system lets it: not much memory, no core file, nothing written."""
    import resource

    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(what, (most, most))
    try:
        seen = whole_look(Path(path))
        print(json.dumps({"container": seen.container, "extension": seen.extension}))
    except MediaError as error:
        print(json.dumps({"error": error.error, "message": error.message, "remedy": error.remedy}))


if __name__ == "__main__":
    main(sys.argv[1])
