"""The times of a video's frames, read from its packets without decoding."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from fakelake.tasks.segments import Keyframe

# All-intra footage has a keyframe per frame; cuts are wanted every few seconds, so this many of them are plenty.
MAX_KEYFRAMES = 2048

_VFR_TOLERANCE = 0.1  # of the median interval; rounding to the time base is allowed beside it


@dataclass(frozen=True, slots=True)
class Timeline:
    """frames: shown pictures; pts: int64 [frames], ascending, or None where packets carry no usable times."""

    frames: int
    pts: np.ndarray | None
    keyframes: tuple[Keyframe, ...]  # the first is always frame 0, be it a keyframe or not
    fps: float
    vfr: bool
    duration_s: float


def read_timeline(packets: Iterable[av.Packet], time_base: Fraction, nominal_fps: float) -> Timeline:
    """Read every packet once; 8 bytes a frame are kept.

    Packets that an edit list hides (`is_discard`) are not shown and do not count.
    """
    pts, timed = array("q"), True
    keys: list[tuple[int, int | None]] = []
    last_dts: int | None = None
    for packet in packets:
        if packet.is_discard:
            continue
        timed = timed and packet.pts is not None
        pts.append(packet.pts if timed else 0)
        if packet.dts is not None:  # going back in time, it was pasted together from several recordings
            timed = timed and (last_dts is None or packet.dts >= last_dts)
            last_dts = packet.dts
        if packet.is_keyframe and packet.pts is not None:
            keys.append((packet.pts, packet.dts))
    shown = np.sort(np.frombuffer(pts, np.int64))
    if not timed or not len(shown) or (np.diff(shown) == 0).any():
        return untimed(len(pts), nominal_fps)
    return _timed(shown, keys, time_base, nominal_fps)


def untimed(frames: int, nominal_fps: float) -> Timeline:
    """Raw streams, some AVI files, pasted recordings: the n-th picture is shown at n / fps."""
    start = (Keyframe(frame=0, pts=0, pts_s=0.0),)
    return Timeline(frames, None, start, nominal_fps, vfr=False, duration_s=frames / nominal_fps)


def _timed(shown: np.ndarray, keys: list[tuple[int, int | None]], time_base: Fraction, nominal_fps: float) -> Timeline:
    first, last, tick = int(shown[0]), int(shown[-1]), float(time_base)
    intervals = np.diff(shown)
    median = float(np.median(intervals)) if len(intervals) else 1 / (nominal_fps * tick)
    duration_s = (last - first + median) * tick  # the last picture is shown for as long as most are
    return Timeline(
        frames=len(shown),
        pts=shown,
        keyframes=_keyframes(shown, keys, tick),
        fps=len(shown) / duration_s,
        vfr=_is_vfr(intervals, median),
        duration_s=duration_s,
    )


def _is_vfr(intervals: np.ndarray, median: float) -> bool:
    """More than one interval in a hundred is off the median by a tenth and by more than rounding (1.5 ticks)."""
    off = np.abs(intervals - median) > max(_VFR_TOLERANCE * median, 1.5)
    return bool(off.sum() * 100 > len(intervals)) if len(intervals) > 1 else False


def _keyframes(shown: np.ndarray, keys: list[tuple[int, int | None]], tick: float) -> tuple[Keyframe, ...]:
    first = int(shown[0])
    apart = (int(shown[-1]) - first) / MAX_KEYFRAMES
    kept = [Keyframe(frame=0, pts=first, pts_s=0.0)]
    for pts, dts in sorted(keys):
        if pts == first:
            kept[0] = Keyframe(frame=0, pts=first, pts_s=0.0, dts=dts)
        elif pts - kept[-1].pts >= apart:
            frame = int(np.searchsorted(shown, pts))
            kept.append(Keyframe(frame=frame, pts=pts, pts_s=(pts - first) * tick, dts=dts))
    return tuple(kept)
