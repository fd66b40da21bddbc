"""The banner that people can see: a strip that says the picture is synthetic."""

from __future__ import annotations

import cv2
import numpy as np

TEXT = "SYNTHETIC"
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw(picture: np.ndarray, text: str = TEXT) -> np.ndarray:
    """uint8 [H, W, 3] BGR -> the same array, with a dark strip along its lower edge and `text` on it, drawn in place.

    The strip is 1/14 of the height, at least 18 pixels, and the text no wider than the picture. Raises ValueError for
    text that the font lacks.
    """
    if not text.isascii() or not text.isprintable() or not text.strip():
        raise ValueError(f"A banner's text is printable ASCII, not {text!r}.")
    height, width = picture.shape[:2]
    strip = picture[height - min(height, max(18, height // 14)) :]
    strip //= 4
    (wide, high), _ = cv2.getTextSize(text, _FONT, 1.0, 2)
    scale = min(0.6 * len(strip) / high, 0.92 * width / wide)
    thickness = max(1, round(2 * scale))
    (wide, high), _ = cv2.getTextSize(text, _FONT, scale, thickness)
    at = (width - wide) // 2, (len(strip) + high) // 2
    cv2.putText(strip, text, at, _FONT, scale, (255, 255, 255), thickness, cv2.LINE_AA)
    return picture
