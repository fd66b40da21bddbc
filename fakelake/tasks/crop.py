"""Square face pictures out of a frame: geometry, JPEG, and how sharp they are."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Region = Callable[..., np.ndarray]  # `Frame.region`

EVEN_FROM = 200  # px


def square(box: np.ndarray, margin: float) -> tuple[int, int, int, int]:
    """Square around the centre of `box` (x1 y1 x2 y2): its longer side plus `margin` of it on each side.

    Large ones have even corners: those can be converted at half size, and one pixel more or less does not show there.
    """
    x1, y1, x2, y2 = box.tolist()
    side = max(2, round(max(x2 - x1, y2 - y1) * (1 + 2 * margin)))
    grid = 2 if side >= EVEN_FROM else 1
    side = grid * round(side / grid)
    left, top = (grid * round((middle - side) / 2 / grid) for middle in (x1 + x2, y1 + y2))
    return left, top, left + side, top + side


def picture(region: Region, window: tuple[int, int, int, int], px: int) -> np.ndarray:
    """The window of a frame as uint8 [px,px,3] BGR; beyond the frame's edge its last pixels are repeated."""
    side = window[2] - window[0]
    halved = side >= 2 * px and side % 2 == 0
    cut = region(*window, halved=halved)
    # Means over an area, taken twice, would blur; after halving a little shrinking more needs no other means.
    area = cut.shape[0] > (1.5 if halved else 1) * px
    return cv2.resize(cut, (px, px), interpolation=cv2.INTER_AREA if area else cv2.INTER_LINEAR)


def jpeg(image: np.ndarray, quality: int) -> bytes:
    """uint8 [H,W,3] BGR as JPEG bytes."""
    return cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))[1].tobytes()


def sharpness(image: np.ndarray) -> float:
    """Variance of the Laplacian of a 112 px grey copy: comparable between crop sizes; under about 20 looks blurred."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    if grey.shape != (112, 112):
        grey = cv2.resize(grey, (112, 112), interpolation=cv2.INTER_AREA)
    return float(cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))[1][0, 0] ** 2)


def inside(box: np.ndarray, window: tuple[int, int, int, int]) -> bool:
    """Whether the whole box lies in the window."""
    return bool(box[0] >= window[0] and box[1] >= window[1] and box[2] <= window[2] and box[3] <= window[3])
