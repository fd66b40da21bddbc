"""Perceptual hash of a video, for near-duplicates: the same footage re-encoded or resized hashes alike."""

from __future__ import annotations

import cv2
import numpy as np

SAMPLE_SECONDS = (0.0, 1.0, 2.0, 4.0)


def frame_hash(image: np.ndarray) -> int:
    """64-bit DCT hash of a BGR picture: the 8x8 lowest frequencies of a 32x32 grey copy against their median."""
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    low = cv2.dct(grey.astype(np.float32))[:8, :8].ravel()
    bits = low > np.median(low[1:])
    return int("".join("1" if b else "0" for b in bits), 2)


class VideoHash:
    """Collects the hashes of the first frame at or after 0, 1, 2 and 4 s."""

    def __init__(self) -> None:
        self._hashes: list[int] = []

    def wants(self, pts_s: float) -> bool:
        return len(self._hashes) < len(SAMPLE_SECONDS) and pts_s >= SAMPLE_SECONDS[len(self._hashes)]

    def add(self, image: np.ndarray) -> None:
        self._hashes.append(frame_hash(image))

    def hex(self) -> str:
        """16 hex digits a sample, as many samples as the video was long for."""
        return "".join(f"{h:016x}" for h in self._hashes)
