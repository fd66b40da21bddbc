"""Which frame of the whole video a decoded picture is, and when it is shown."""

from __future__ import annotations

from fakelake.tasks.probe import VideoInfo


class FrameClock:
    """Numbers pictures so that a segment and the whole video give the same number to the same picture.

    Pictures are counted from the latest keyframe at or before them, whose own number the probe counted in packets.
    So a picture lost to damage shifts numbers only up to the next keyframe, in either way of decoding.
    """

    def __init__(self, info: VideoInfo) -> None:
        self._info = info
        self._tick = float(info.time_base) if info.timed else 1 / info.fps
        self._next = 0  # the keyframe after the latest one
        self._number = -1
        self._last_pts: int | None = None

    def read(self, pts: int | None) -> tuple[int, int] | None:
        """(number, pts) of the next picture out of the decoder.

        None: it does not fit, being shown before its predecessor or one more than there were packets for.
        """
        if not self._info.timed:
            self._number += 1
            return self._number, self._number
        if pts is None:
            pts = 0 if self._last_pts is None else self._last_pts + max(1, round(1 / (self._info.fps * self._tick)))
        if self._last_pts is not None and pts <= self._last_pts:
            return None
        keyframes, number = self._info.segments_at, self._number + 1
        while self._next < len(keyframes) and keyframes[self._next].pts <= pts:
            key = keyframes[self._next]
            number = key.frame if key.pts == pts else key.frame + 1
            self._next += 1
        if self._next < len(keyframes) and number >= keyframes[self._next].frame:
            return None
        self._number, self._last_pts = number, pts
        return number, pts

    def seconds(self, pts: int) -> float:
        """From the video's first picture."""
        return (pts - self._info.segments_at[0].pts) * self._tick
