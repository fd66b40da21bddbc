"""A picture as an encoder takes it: luma and two planes of colour, as they were decoded, until something is pasted."""

from __future__ import annotations

from dataclasses import dataclass

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from fakelake.tasks import color
from fakelake.tasks.color import Coding
from fakelake.tasks.frame import Frame
from fakelake.tasks.upright_video import BT709, fitted, to_yuv420p

_BT709 = Coding(matrix=1, full_range=False, transfer=1)


@dataclass(slots=True)
class Planes:
    """y uint8 [H, W]; u, v uint8 [H/2, W/2]; H and W are even. May be written into."""

    y: np.ndarray
    u: np.ndarray
    v: np.ndarray
    coding: Coding

    def part(self, x1: int, y1: int, x2: int, y2: int) -> np.ndarray:
        """Pixels of a rectangle with even corners inside the picture -> uint8 [h, w, 3] BGR."""
        luma, (u, v) = self.y[y1:y2, x1:x2], (p[y1 // 2 : y2 // 2, x1 // 2 : x2 // 2] for p in (self.u, self.v))
        size = x2 - x1, y2 - y1
        wide = [cv2.resize(np.ascontiguousarray(p), size, interpolation=cv2.INTER_LINEAR) for p in (u, v)]
        return color.from_codes(cv2.merge([np.ascontiguousarray(luma), *wide]), self.coding)

    def frame(self) -> av.VideoFrame:
        """yuv420p, for the encoder."""
        height, width = self.y.shape
        whole = np.concatenate([self.y.ravel(), self.u.ravel(), self.v.ravel()]).reshape(height * 3 // 2, width)
        return av.VideoFrame.from_ndarray(whole, format="yuv420p")


class PlaneReader:
    """The planes of one video's frames, all of one size and coding: those of its first frame.

    Pictures of 8 bit 4:2:0 come as they were decoded, not one code changed. Others (10 bit, 4:4:4, HDR, odd sides, a
    change in mid-stream) are converted to BT.709.
    """

    def __init__(self, first: Frame, width: int, height: int) -> None:
        self._size, self._reformatter = (width, height), VideoReformatter()
        self._own = first.planes() is not None and (first.width, first.height) == (width, height)
        self.coding = first.coding if self._own else _BT709
        self.marks = _said(first) if self._own else dict(BT709)

    def read(self, frame: Frame) -> Planes:
        if self._own and frame.coding == self.coding and (frame.width, frame.height) == self._size:
            stored = frame.planes()
            if stored is not None:
                return Planes(*stored, self.coding)
        picture = fitted(frame.full(), *self._size)[0]
        if self._own:  # an exception in a video that has another coding
            return self._converted(picture)
        made = to_yuv420p(picture, self._reformatter).to_ndarray()
        width, height = self._size[0] + self._size[0] % 2, self._size[1] + self._size[1] % 2
        y, colours = made[:height], made[height:].reshape(2, height // 2, width // 2)
        return Planes(np.ascontiguousarray(y), colours[0].copy(), colours[1].copy(), self.coding)

    def _converted(self, picture: np.ndarray) -> Planes:
        codes = np.clip(color.to_codes(picture, self.coding) + 0.5, 0, 255).astype(np.uint8)
        y, u, v = cv2.split(codes)
        half = (picture.shape[1] // 2, picture.shape[0] // 2)
        u, v = (cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in (u, v))
        return Planes(y, u, v, self.coding)


def _said(frame: Frame) -> dict[str, int]:
    """The picture's own marks; what it leaves unsaid about its matrix and range, as it is read here."""
    marks = frame.marks
    coding = frame.coding
    return {**marks, "colorspace": coding.matrix, "color_range": 2 if coding.full_range else 1}
