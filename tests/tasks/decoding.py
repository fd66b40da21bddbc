"""Decoding as tests want it: all frames at once, and each as something to compare."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from fakelake.tasks.decode import Frame, decode
from fakelake.tasks.probe import probe
from fakelake.tasks.segments import plan_segments


def frames_of(path: Path, **how) -> list[Frame]:
    return list(decode(path, probe(path), **how))


def identity(frame: Frame) -> tuple[int, float, int, int, str]:
    """Number, time, size, and a hash of the decoded picture's planes (as decoded, before any conversion)."""
    digest = hashlib.blake2b(digest_size=8)
    for plane, component in zip(frame._picture.planes, frame._picture.format.components, strict=False):
        rows = np.frombuffer(plane, np.uint8, plane.line_size * plane.height).reshape(plane.height, plane.line_size)
        digest.update(np.ascontiguousarray(rows[:, : plane.width * ((component.bits + 7) // 8)]))
    return frame.index, round(frame.pts_s, 6), frame.width, frame.height, digest.hexdigest()


def assert_segments_equal_whole(path: Path, seconds: float) -> int:
    """Decode whole and in segments of about `seconds`; returns how many segments there were."""
    info = probe(path)
    segments = plan_segments(info, seconds)
    if len(segments) > 1:  # with one segment both are the same call
        whole = [identity(frame) for frame in decode(path, info)]
        pieces = [[identity(frame) for frame in decode(path, info, segment)] for segment in segments]
        assert [frame for piece in pieces for frame in piece] == whole
        for segment, piece in zip(segments, pieces, strict=True):
            assert all(segment.first_frame <= f[0] and f[0] < (segment.end_frame or info.frames) for f in piece)
    return len(segments)
