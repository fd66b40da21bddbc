"""One piece of work that takes longer than a page may."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from fakelake.review.service.problem import Busy

QUICK, SLOW, MODEL = LANES = "quick", "slow", "model"  # a worker each: who wants to watch waits for no heat map


class TooBusy(Busy):
    """More work waits than the desk takes on."""

    def __init__(self) -> None:
        super().__init__("The desk is busy", "Many tasks are waiting already.", "Try again in some minutes.")


@dataclass(slots=True)
class Job:
    """One thing to make of one video.

    name: with video_id, what it is: asked for again while it waits or runs, it is the same job
    order: what the maker gets, JSON; its `out` is the file that is there when the job is done
    state: waiting, running, done, failed; progress: 0 to 1, None where nobody knows; said: why it failed, for people
    """

    video_id: str
    name: str
    order: Mapping[str, object]
    limit_s: float
    lane: str = SLOW
    urgent: bool = False  # goes before the others of its lane
    state: str = "waiting"
    progress: float | None = None
    said: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def key(self) -> tuple[str, str]:
        return self.video_id, self.name

    @property
    def open(self) -> bool:
        return self.state in ("waiting", "running")
