"""What is done with boxes whatever network they come from. Boxes are float32 [N, 4], x1 y1 x2 y2 in pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fakelake.models.faces.detector import Detections


def area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of each of N boxes with each of M: float32 [N, M]."""
    size = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    both = np.prod(np.clip(size, 0, None), axis=2)
    return both / (area(a)[:, None] + area(b)[None, :] - both)


def nms(boxes: np.ndarray, scores: np.ndarray, most_iou: float, frame: np.ndarray) -> np.ndarray:
    """Greedy non-maximum suppression: a box goes when a better one of its frame overlaps it by more than `most_iou`.

    scores: float32 [N], frame: int [N]. Returns the indices kept, best score first.
    """
    areas = area(boxes)
    order = np.argsort(-scores, kind="stable")
    keep = []
    while order.size:
        best, order = order[0], order[1:]
        keep.append(best)
        size = np.minimum(boxes[best, 2:], boxes[order, 2:]) - np.maximum(boxes[best, :2], boxes[order, :2])
        both = np.clip(size[:, 0], 0, None) * np.clip(size[:, 1], 0, None)
        order = order[(both <= most_iou * (areas[best] + areas[order] - both)) | (frame[order] != frame[best])]
    return np.array(keep, dtype=np.intp)


def joined(parts: Sequence[Detections]) -> tuple[Detections, np.ndarray]:
    """The faces of all parts in one Detections, and which part each came from (int [N])."""
    parts = [Detections.empty(), *parts]
    arrays = (np.concatenate([getattr(part, name) for part in parts]) for name in ("boxes", "scores", "landmarks"))
    return Detections(*arrays), np.repeat(np.arange(-1, len(parts) - 1), [len(part) for part in parts])


def taken(faces: Detections, which: np.ndarray) -> Detections:
    """The faces that an index or mask array names."""
    return Detections(faces.boxes[which], faces.scores[which], faces.landmarks[which])


def by_frame(faces: Detections, frame: np.ndarray, frames: int, height: int, width: int) -> list[Detections]:
    """One Detections for each of `frames` frames, in the order given, clipped to height x width; none lies outside."""
    boxes = np.clip(faces.boxes, 0, np.array((width, height, width, height), np.float32))
    inside = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    faces = Detections(boxes, faces.scores, faces.landmarks)
    return [taken(faces, np.flatnonzero((frame == t) & inside)) for t in range(frames)]
