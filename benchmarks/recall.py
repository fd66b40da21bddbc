"""How many of the known faces were found, by size class of the face in the video's own pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fakelake.models.faces.boxes import iou

CLASSES = ("24-48", "48-96", ">96")  # px, longer side
BORDERS = (48, 96)
LEAST_IOU = 0.4


@dataclass(frozen=True, slots=True)
class Recall:
    """hit, known: int [3] faces of each class; false: boxes that are no known face; iou: mean of the hits."""

    hit: np.ndarray
    known: np.ndarray
    false: int
    frames: int
    iou: float

    @property
    def share(self) -> np.ndarray:
        """float [3]; nan for a class without a face."""
        return np.where(self.known > 0, self.hit / np.maximum(self.known, 1), np.nan)

    @property
    def over_48(self) -> float:
        return float(self.hit[1:].sum() / self.known[1:].sum())


def recall(known: Sequence[np.ndarray], found: Sequence[Sequence[np.ndarray]]) -> Recall:
    """known: of each file float32 [frames, faces, 4]; found: of each file, float32 [N, 4] a frame."""
    hit, total, false, frames, overlaps = np.zeros(3, int), np.zeros(3, int), 0, 0, []
    for faces, file in zip(known, found, strict=True):
        for truth, boxes in zip(faces, file, strict=True):
            size = np.digitize((truth[:, 2:] - truth[:, :2]).max(axis=1), BORDERS)
            overlap = iou(truth, boxes)
            best = overlap.max(axis=1, initial=0)
            total += np.bincount(size, minlength=3)
            hit += np.bincount(size[best >= LEAST_IOU], minlength=3)
            false += int((overlap.max(axis=0, initial=0) < LEAST_IOU).sum())
            overlaps.append(best[best >= LEAST_IOU])
            frames += 1
    return Recall(hit, total, false, frames, float(np.concatenate(overlaps).mean()) if overlaps else 0.0)
