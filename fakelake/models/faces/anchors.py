"""RetinaFace's anchors, and the way from the network's three outputs to boxes (Deng et al. 2020, section 3).

The network regresses, for each anchor (cx, cy, w, h): the offset of the box's centre in units of 0.1 w, 0.1 h,
the logarithm of its size in units of 0.2, and five landmark offsets in units of 0.1 w, 0.1 h.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fakelake.models.faces.boxes import by_frame, nms
from fakelake.models.faces.detector import Detections

STRIDES = (8, 16, 32)
ANCHOR_SIZES = ((16, 32), (64, 128), (256, 512))  # px, two a cell, one pair a stride
CENTRE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2


@lru_cache(maxsize=8)
def anchors(height: int, width: int) -> np.ndarray:
    """float32 [A, 4]: cx, cy, w, h in pixels of a height x width frame, in the order of the network's outputs."""
    levels = []
    for stride, sizes in zip(STRIDES, ANCHOR_SIZES, strict=True):
        rows, columns = -(-height // stride), -(-width // stride)
        level = np.empty((rows, columns, len(sizes), 4), np.float32)
        level[..., 0] = ((np.arange(columns) + 0.5) * stride)[None, :, None]
        level[..., 1] = ((np.arange(rows) + 0.5) * stride)[:, None, None]
        level[..., 2] = level[..., 3] = sizes
        levels.append(level.reshape(-1, 4))
    joined = np.concatenate(levels)
    joined.setflags(write=False)  # it is shared by every caller of this size
    return joined


def decode_boxes(offsets: np.ndarray, anchor: np.ndarray) -> np.ndarray:
    """offsets, anchor: float32 [N, 4]. Returns x1 y1 x2 y2 in pixels, float32 [N, 4], unclipped."""
    centre = anchor[:, :2] + offsets[:, :2] * CENTRE_VARIANCE * anchor[:, 2:]
    half = anchor[:, 2:] * np.exp(offsets[:, 2:] * SIZE_VARIANCE) / 2
    return np.concatenate((centre - half, centre + half), axis=1)


def decode_landmarks(offsets: np.ndarray, anchor: np.ndarray) -> np.ndarray:
    """offsets: float32 [N, 10], anchor: float32 [N, 4]. Returns x y in pixels, float32 [N, 5, 2]."""
    return anchor[:, None, :2] + offsets.reshape(-1, 5, 2) * CENTRE_VARIANCE * anchor[:, None, 2:]


def detections(
    box_offsets: np.ndarray,
    scores: np.ndarray,
    landmark_offsets: np.ndarray,
    height: int,
    width: int,
    *,
    min_score: float,
    nms_iou: float,
) -> list[Detections]:
    """The faces of each of B frames of height x width.

    box_offsets: float32 [B, A, 4], scores: float32 [B, A] (probability of a face), landmark_offsets: float32 [B, A, 10]
    """
    # Only the few anchors above the score are decoded, those of all frames at once.
    frame, anchor = np.nonzero(scores > min_score)
    sizes = anchors(height, width)[anchor]
    boxes, scores_of = decode_boxes(box_offsets[frame, anchor], sizes), scores[frame, anchor]
    keep = nms(boxes, scores_of, nms_iou, frame)
    landmarks = decode_landmarks(landmark_offsets[frame[keep], anchor[keep]], sizes[keep])
    return by_frame(Detections(boxes[keep], scores_of[keep], landmarks), frame[keep], len(scores), height, width)
