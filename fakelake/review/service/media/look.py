"""What one look at a video's file told: written by the maker, read by the desk, with no decoder in sight."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

LOOK = "look.json"  # among the results of a video


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """path, identity: of the file whose bytes were found to be the video's; None where they lie on S3.

    mime: of a file that browsers play as it is; else None, and `why` they do not
    offset_s: to be added to the lake's pts_s for a player's currentTime, in the file itself
    width, height: of the upright picture, pixels; frames, duration_s: of the whole video
    """

    path: str | None
    identity: list[int] | None
    mime: str | None
    why: str | None
    offset_s: float
    width: int
    height: int
    frames: int
    duration_s: float

    def write(self, out: Path) -> None:
        out.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Look | None:
        """None where there is none, or one of another version of this program."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None


def identity(status: os.stat_result) -> list[int]:
    """What tells a file from any other, and from itself after a change: nobody can set the last one back."""
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
