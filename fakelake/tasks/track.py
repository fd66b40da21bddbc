"""Faces to tracks: match consecutive detections, break at cuts, join what was lost for a moment.

Matching looks at two consecutive detection frames only, so a video may be processed in segments: each gives
tracklets, and `join_tracklets` makes tracks of them, across segment borders and short gaps alike.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(slots=True)
class Tracklet:
    """A run of matched detections. Boxes are x1 y1 x2 y2 in pixels of the full upright frame."""

    segment: int
    local_id: int
    first_frame: int
    first_pts_s: float
    first_box: np.ndarray
    last_frame: int
    last_pts_s: float
    last_box: np.ndarray
    rows: int = 0


def iou_matrix(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of every box of `a` [N,4] with every box of `b` [M,4] -> [N,M]."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = np.clip(bottom_right - top_left, 0, None).prod(axis=2)
    area_a = (a[:, 2:] - a[:, :2]).prod(axis=1)
    area_b = (b[:, 2:] - b[:, :2]).prod(axis=1)
    return overlap / np.maximum(area_a[:, None] + area_b[None, :] - overlap, 1e-9)


def match(before: np.ndarray, after: np.ndarray, least_iou: float) -> dict[int, int]:
    """Best-first one-to-one matching of two box sets -> {index in `after`: index in `before`}."""
    if not len(before) or not len(after):
        return {}
    overlap = iou_matrix(before, after)
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for flat in np.argsort(-overlap, axis=None, kind="stable"):
        i, j = divmod(int(flat), len(after))
        if overlap[i, j] < least_iou:
            break
        if i not in taken and j not in pairs:
            pairs[j] = i
            taken.add(i)
    return pairs


def colour_histogram(small: np.ndarray) -> np.ndarray:
    """Normalised hue-saturation-value histogram (8x4x8 bins) of a BGR frame, float32 [256]."""
    thumb = cv2.resize(small, (64, 36), interpolation=cv2.INTER_AREA)
    hist = cv2.calcHist([cv2.cvtColor(thumb, cv2.COLOR_BGR2HSV)], [0, 1, 2], None, [8, 4, 8], [0, 180, 0, 256, 0, 256])
    return (hist / hist.sum()).ravel().astype(np.float32)


def is_cut(before: np.ndarray, after: np.ndarray, threshold: float) -> bool:
    """Bhattacharyya distance of two colour histograms above `threshold`."""
    return cv2.compareHist(before, after, cv2.HISTCMP_BHATTACHARYYA) > threshold


def join_tracklets(
    tracklets: Sequence[Tracklet], cuts: Sequence[int], *, least_iou: float, gap_s: float
) -> dict[tuple[int, int], int]:
    """Track of each tracklet -> {(segment, local_id): track_id}, numbered by first appearance, then left to right.

    A tracklet goes on as another one when that starts within `gap_s`, overlaps the last box enough and no cut
    (the first frame after it, in `cuts`) lies between.
    """
    order = sorted(tracklets, key=lambda t: (t.first_frame, float(t.first_box[0]), float(t.first_box[1])))
    cut_frames = np.array(sorted(cuts), dtype=np.int64)
    track_of: dict[tuple[int, int], int] = {}
    ends: list[Tracklet] = []  # of each track, while something may still go on as it
    tracks = itertools.count()
    for first_frame, group in itertools.groupby(order, key=lambda t: t.first_frame):
        starting = list(group)
        ends = [e for e in ends if starting[0].first_pts_s - e.last_pts_s <= gap_s]
        free = [
            e for e in ends if e.last_frame < first_frame and not _cut_between(cut_frames, e.last_frame, first_frame)
        ]
        # All that starts here is matched at once, so that of two faces each goes on as its own.
        pairs = match(np.array([e.last_box for e in free]), np.array([t.first_box for t in starting]), least_iou)
        for j, t in enumerate(starting):
            before = free[pairs[j]] if j in pairs else None
            track = next(tracks) if before is None else track_of[before.segment, before.local_id]
            track_of[t.segment, t.local_id] = track
            ends = [e for e in ends if e is not before] + [t]
    return track_of


def _cut_between(cuts: np.ndarray, last: int, first: int) -> bool:
    return bool(np.searchsorted(cuts, last, side="right") < np.searchsorted(cuts, first, side="right"))
