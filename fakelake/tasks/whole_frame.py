"""Face-only clips come back without detecting again: the whole frame is the face."""

from __future__ import annotations

import numpy as np

from fakelake.models.faces.detector import Detections

WHOLE_FRAME = "whole-frame"


class WholeFrameDetector:
    """A `FaceDetector` whose one box is the frame. Landmarks are not a number: none were looked for."""

    name = WHOLE_FRAME
    sha256 = ""
    batch_size = 32

    def detect(self, frames: np.ndarray) -> list[Detections]:
        """frames: uint8 [B, H, W, 3], BGR."""
        height, width = frames.shape[1:3]
        box = np.array([[0, 0, width, height]], np.float32)
        return [Detections(box, np.ones(1, np.float32), np.full((1, 5, 2), np.nan, np.float32)) for _ in frames]
