"""Faces on every frame of a video without searching every frame whole.

Every n-th frame is searched whole. On every frame the network then looks at a small window around each face
that the searches before and after it found, and a face is reported only where the network saw it on that
very frame. What this gives up: a face that comes and goes between two searches.

A 64 px window costs a 50th of a 640 x 360 frame and shows a small face at a size the network is sure of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from fakelake.models.faces.boxes import by_frame, iou, joined, nms, taken
from fakelake.models.faces.detector import Detections, FaceDetector

# The side of the picture the network gets, for windows of at least so many pixels of the frame. On 2,054 faces of
# real clips, 64 px for all missed 2.0 % of what a whole search finds (large profiles), these 0.5 %.
WINDOWS = ((128, 96), (0, 64))
CONTEXT = 1.8  # side of a window over the longer side of its face
CENTRAL = 0.3  # a window's own face has its centre within this share of the side from the window's
SAME_FACE_IOU = 0.3  # least overlap of one face in two searches
DUPLICATE_IOU = 0.4
OUTSIDE_BGR = (104, 117, 123)  # the mean colour: the network sees what it sees beyond a whole frame's edge


def follow(
    detector: FaceDetector, frames: Iterable[np.ndarray], search_every: int, *, sure: float = 0.7
) -> Iterator[Detections]:
    """One Detections per frame, in order, at most `search_every` frames behind the input.

    frames: uint8 [H, W, 3], BGR, consecutive; their size may change. Searched whole are frames 0, n, 2n, ...,
    the last one, and those on both sides of a change of size. With n = 1 it is a plain search of each frame.
    sure:   the score that a search must give a face. Windows accept any score of the detector, whose `min_score`
    should be lower (half): where a face was a moment ago, less evidence is enough.
    """
    run: list[np.ndarray] = []  # run[0] has been searched, with the result `before`
    before = Detections.empty()
    for frame in frames:
        if run and frame.shape != run[0].shape:
            yield from _run(detector, run, before, _search(detector, run[-1], sure), ends=True)
            run = []
        run.append(frame)
        if len(run) == 1:
            before = _search(detector, frame, sure)
        elif len(run) == search_every + 1:
            after = _search(detector, frame, sure)
            yield from _run(detector, run, before, after) if search_every > 1 else (before,)
            run, before = [frame], after
    if run:
        after = _search(detector, run[-1], sure) if len(run) > 1 else before
        yield from _run(detector, run, before, after, ends=True) if search_every > 1 else (before,)


def _search(detector: FaceDetector, frame: np.ndarray, sure: float) -> Detections:
    found = detector.detect(frame[None])[0]
    return taken(found, found.scores > sure)


def _run(
    detector: FaceDetector, run: list[np.ndarray], before: Detections, after: Detections, *, ends: bool = False
) -> Iterator[Detections]:
    """The frames from one searched frame up to the next; that one too where the run `ends`, else it starts the next."""
    last = len(run) - 1
    frames = run if ends else run[:-1]
    expected = [expected_boxes(before.boxes, after.boxes, t / max(last, 1)) for t in range(len(frames))]
    for t, found in enumerate(look(detector, frames, expected)):
        searched = before if t == 0 else after if t == last else None
        yield found if searched is None else _with_missed(found, searched)


def expected_boxes(before: np.ndarray, after: np.ndarray, share: float) -> np.ndarray:
    """Where faces may be at `share` (0..1) of the way from one search to the next.

    before: float32 [N, 4], after: float32 [M, 4], x1 y1 x2 y2. A face of both is interpolated, one of either stays
    where it was. Returns float32 [max(N, M)..N+M, 4].
    """
    overlap = iou(before, after)
    boxes, unmatched = [], set(range(len(after)))
    for i, box in enumerate(before):
        best = max(unmatched, key=lambda j, i=i: overlap[i, j], default=None)
        if best is not None and overlap[i, best] > SAME_FACE_IOU:
            unmatched.remove(best)
            box = box * (1 - share) + after[best] * share
        boxes.append(box)
    boxes += [after[j] for j in sorted(unmatched)]
    return np.array(boxes, np.float32).reshape(-1, 4)


def look(detector: FaceDetector, frames: list[np.ndarray], expected: list[np.ndarray]) -> list[Detections]:
    """What the network sees in windows around `expected` (float32 [N, 4] a frame) on frames of one size."""
    by_size: dict[int, list[tuple[int, int, int, int]]] = defaultdict(list)
    for t, boxes in enumerate(expected):
        for box in boxes:
            left, top, side = _square(box)
            by_size[next(size for least, size in WINDOWS if side >= least)].append((t, left, top, side))
    seen = [_look_at(detector, frames, np.array(windows), size) for size, windows in by_size.items()]
    faces, _ = joined([found for found, _ in seen])
    frame = np.concatenate([np.zeros(0, int), *(frame for _, frame in seen)])
    keep = nms(faces.boxes, faces.scores, DUPLICATE_IOU, frame)
    return by_frame(taken(faces, keep), frame[keep], len(frames), *frames[0].shape[:2])


def _look_at(
    detector: FaceDetector, frames: list[np.ndarray], windows: np.ndarray, size: int
) -> tuple[Detections, np.ndarray]:
    """The faces in windows (int [N, 4]: index of the frame, left, top, side), in pixels of the frame; and their frames.

    Of each window only what is near its middle: a neighbour has a window of its own.
    """
    found = detector.detect(np.stack([_tile(frames[t], left, top, side, size) for t, left, top, side in windows]))
    faces, window = joined(found)
    off_centre = np.abs((faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2 - size / 2).max(axis=1)
    own = off_centre < CENTRAL * size
    faces, window = taken(faces, own), windows[window[own]]
    corner, scale = window[:, None, 1:3].astype(np.float32), (window[:, 3] / size).astype(np.float32)[:, None, None]
    boxes = (faces.boxes.reshape(-1, 2, 2) * scale + corner).reshape(-1, 4)
    return Detections(boxes, faces.scores, faces.landmarks * scale + corner), window[:, 0]


def _square(box: np.ndarray) -> tuple[int, int, int]:
    """Left, top and side, in whole pixels, of the window around a face."""
    x1, y1, x2, y2 = box.tolist()
    side = max(2, round(CONTEXT * max(x2 - x1, y2 - y1)))
    return round((x1 + x2 - side) / 2), round((y1 + y2 - side) / 2), side


def _tile(frame: np.ndarray, left: int, top: int, side: int, size: int) -> np.ndarray:
    """uint8 [size, size, 3]: the window, scaled."""
    height, width = frame.shape[:2]
    tile = frame[max(top, 0) : min(top + side, height), max(left, 0) : min(left + side, width)]
    if tile.shape[:2] != (side, side):
        above, below = max(-top, 0), max(top + side - height, 0)
        before, behind = max(-left, 0), max(left + side - width, 0)
        tile = cv2.copyMakeBorder(tile, above, below, before, behind, cv2.BORDER_CONSTANT, value=OUTSIDE_BGR)
    return cv2.resize(tile, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_LINEAR)


def _with_missed(found: Detections, searched: Detections) -> Detections:
    """`found` in windows, and what only the search of the whole frame saw; best score first."""
    # Windows measure faces slightly tighter than searches do: preferring them keeps a track's boxes of one kind.
    missed = iou(searched.boxes, found.boxes).max(axis=1, initial=0) <= DUPLICATE_IOU
    faces, _ = joined([found, taken(searched, missed)])
    return taken(faces, np.argsort(-faces.scores, kind="stable"))
