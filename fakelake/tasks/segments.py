"""Where a video may be cut into pieces that decode on their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakelake.tasks.probe import VideoInfo


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A picture at which decoding can begin.

    frame: its 0-based presentation index in the whole video; pts, dts: in the stream's time base (dts None where
    the container has none); pts_s: seconds from the video's first presented frame.
    """

    frame: int
    pts: int
    pts_s: float
    dts: int | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames [first_frame, end_frame) of a video, which are those with start_pts <= pts < end_pts.

    None stands for the video's own start or end. Leading pictures of an open GOP are shown before the keyframe that
    they follow in the file: they belong to the segment before.
    """

    index: int
    first_frame: int
    end_frame: int | None
    start_pts: int | None
    end_pts: int | None


def plan_segments(info: VideoInfo, seconds: float) -> list[Segment]:
    """Cut a video at keyframes into pieces of at least `seconds`; the last may be as short as half of that.

    A video whose packets carry no trustworthy times has one keyframe on record, its start, and stays whole.
    """
    if seconds <= 0:
        raise ValueError(f"a segment must last longer than {seconds} s")
    cuts = [info.segments_at[0]]
    for key in info.segments_at[1:]:
        if key.pts_s - cuts[-1].pts_s >= seconds and info.duration_s - key.pts_s >= seconds / 2:
            cuts.append(key)
    ends = [*cuts[1:], None]
    return [
        Segment(
            index=n,
            first_frame=key.frame,
            end_frame=end.frame if end else None,
            start_pts=key.pts if n else None,
            end_pts=end.pts if end else None,
        )
        for n, (key, end) in enumerate(zip(cuts, ends, strict=True))
    ]
