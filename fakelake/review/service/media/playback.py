"""From a video's id to a file that a browser plays: the video itself where browsers can, else a copy made for them.

Nothing but an id ever comes from a person. The bytes must be those of the id: a job hashes the file once, and from
then on its identity (device, inode, size, times of change) vouches for it, on the open file at each request.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fakelake.catalog.training_swaps import SCHEME
from fakelake.review.service.media import results
from fakelake.review.service.media.cache import folder, known, looked, places, used
from fakelake.review.service.media.job import QUICK, Job
from fakelake.review.service.media.jobs import jobs
from fakelake.review.service.media.look import LOOK, Look, identity
from fakelake.review.service.problem import Problem
from fakelake.review.service.reader import reader
from fakelake.tasks.source_file import path_of

LOOK_S, BYTES_A_SECOND = 300.0, 20e6  # a slow disk's
GONE, CHANGED, UNFIT = 404, 409, 422
NOT_THERE = "not where the lake saw them"  # in the words of tasks/known_source.py


class Unplayable(Problem):
    """There is nothing to play. status: GONE, CHANGED or UNFIT."""

    def __init__(self, status: int, title: str, said: str, todo: str) -> None:
        super().__init__(title, said, todo, status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Playback:
    """state: waiting or running (progress: 0 to 1, None where nobody knows), or ready: then path and mime are there.

    copy: it is one made for browsers. offset_s: to be added to the lake's pts_s for currentTime; None: not known yet
    """

    state: str
    progress: float | None = None
    path: Path | None = None
    mime: str | None = None
    copy: bool = False
    offset_s: float | None = None
    look: Look | None = None


def playback(video_id: str, before_look: Callable[[], None] = lambda: None) -> Playback:
    """What there is to play now; what is not there yet is begun. Raises NoVideo, Unplayable, TooBusy.

    before_look: called where the file is about to be read from end to end; may raise, and nothing is begun then.
    A copy that is there is played in any case: somebody's browser could not play the file itself.
    """
    video, look = known(video_id), looked(video_id)
    if look is None:
        return Playback(state=_look(video, before_look).state)
    out = results.path_of(video_id, "copy")
    if look.mime is not None and not out.exists():
        return Playback(
            state="ready", progress=1.0, path=Path(look.path), mime=look.mime, offset_s=look.offset_s, look=look
        )
    before = jobs().find(video_id, out.name)
    if before is not None and before.state == "failed" and not out.exists():
        raise Unplayable(
            UNFIT, "This video cannot be shown in a browser", f"{_sentence(look.why)} {before.said}",
            "Look at its faces instead, or play the file in another player.",
        )  # fmt: skip
    job = results.ask(video_id, "copy")
    if job is not None:
        return Playback(state=job.state, progress=job.progress, copy=True, offset_s=0.0, look=look)
    return Playback(state="ready", progress=1.0, path=used(out), mime="video/mp4", copy=True, offset_s=0.0, look=look)


def ask_copy(video_id: str) -> Job | None:
    """A copy for a browser that cannot play the file itself; None: it is there. Raises as `playback`."""
    if looked(video_id) is None:
        return _look(known(video_id))
    return results.ask(video_id, "copy")


def opened(played: Playback) -> tuple[BinaryIO, int]:
    """The open file of a ready playback, and its size. Raises Unplayable where it has changed meanwhile."""
    try:
        file = os.fdopen(os.open(played.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
    except OSError:
        raise _gone() from None
    status = os.fstat(file.fileno())
    if not played.copy and identity(status) != played.look.identity:
        file.close()
        raise _changed()
    return file, status.st_size


def _look(video: Mapping[str, object], before_look: Callable[[], None] = lambda: None) -> Job:
    """Begin a look, or return the one under way. One that failed is not tried again before a file changes."""
    video_id = video["video_id"]
    found = places(video_id, reader().loaded_at)
    if any(row["uri"].startswith(SCHEME) for row in found):
        raise Unplayable(
            GONE, "There is no video of this", "It was made for training, and only its faces were kept.",
            "Look at its faces.",
        )  # fmt: skip
    if not found:
        if video["band"] == "failed":  # the verdict says why, and what to do
            raise Unplayable(GONE, "There is nothing to play", str(video["reason"] or ""), "")
        raise Unplayable(GONE, "There is no file of this video", "", "Ingest it again: the same bytes are it.")
    local = [path_of(row["uri"]) for row in found if row["uri"].startswith("file://")]
    there = []
    for path in local:
        with suppress(OSError):
            there.append((str(path), identity(path.stat())))
    if not there and len(local) == len(found):
        raise _gone()
    out = folder(video_id) / LOOK
    before = jobs().find(video_id, out.name)
    if before is not None and before.order["there"] == there:
        if before.state == "failed":
            raise _changed() if NOT_THERE in before.said else Unplayable(
                UNFIT, "This video cannot be played", before.said, "Look at its faces, or ingest the file again."
            )  # fmt: skip
        if before.open:
            return before
    before_look()
    limit = LOOK_S + max(float(row["bytes"] or 0) for row in found) / BYTES_A_SECOND
    order = {
        "kind": "look", "video_id": video_id, "lake": reader().lake.location.root, "out": str(out), "there": there,
    }  # fmt: skip
    return jobs().ask(Job(video_id, out.name, order, limit, QUICK, urgent=True))


def _gone() -> Unplayable:
    return Unplayable(
        GONE, "The file of this video is gone", "It is no longer where the lake saw it. Faces, scores and labels stay.",
        "Put the file back, or ingest it from where it is now: the same bytes are the same video.",
    )  # fmt: skip


def _changed() -> Unplayable:
    return Unplayable(
        CHANGED, "The file of this video has changed",
        "It holds other bytes than those that were scored, or it may not be read, and so it is not shown.",
        "Put the old file back, or ingest the new one: it is another video.",
    )  # fmt: skip


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""
