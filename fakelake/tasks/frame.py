"""One decoded picture, upright, of which only the asked-for pixels are converted."""

from __future__ import annotations

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from fakelake.tasks import color
from fakelake.tasks.orientation import Orientation


class Frame:
    """One decoded picture. It stays valid when later ones are decoded; pixels are converted only on demand.

    index: 0-based presentation index in the whole video. pts_s: seconds from the video's first frame.
    width, height: upright size of this very picture, which may differ from the video's in mid-stream.
    """

    __slots__ = ("_orientation", "_picture", "_reformatter", "height", "index", "pts_s", "width")

    def __init__(
        self, picture: av.VideoFrame, index: int, pts_s: float, reformatter: VideoReformatter, orientation: Orientation
    ) -> None:
        self.index, self.pts_s = index, pts_s
        self._picture, self._reformatter, self._orientation = picture, reformatter, orientation
        self.width, self.height = self._orientation.size(picture.width, picture.height)

    def small(self, long_side: int) -> tuple[np.ndarray, float]:
        """The upright picture with its longer side at most `long_side` -> (uint8 [h, w, 3] BGR, scale = small / full).

        Never enlarged. The shorter side is rounded to whole pixels, which `scale` does not tell.
        """
        scale = min(1.0, long_side / max(self.width, self.height))
        width = max(1, round(self._picture.width * scale))
        height = max(1, round(self._picture.height * scale))
        return self._orientation.upright(color.small(self._picture, width, height, self._reformatter)), scale

    def region(self, x1: int, y1: int, x2: int, y2: int, *, halved: bool = False) -> np.ndarray:
        """Upright pixels [y1, y2) x [x1, x2) -> uint8 [y2-y1, x2-x1, 3] BGR; the edge goes on beyond the picture.

        With `halved` and even sides, each 2x2 pixels come as one; this is quick where the corners are even too.
        """
        if x2 <= x1 or y2 <= y1:
            raise ValueError(f"a region needs a positive size, not {x1, y1, x2, y2}")
        # The nearest pixels inside, at least one each way.
        in_x1, in_y1 = min(max(x1, 0), self.width - 1), min(max(y1, 0), self.height - 1)
        in_x2, in_y2 = max(min(x2, self.width), in_x1 + 1), max(min(y2, self.height), in_y1 + 1)
        stored = self._orientation.stored_rectangle(in_x1, in_y1, in_x2, in_y2, self.width, self.height)
        if halved and any(at % 2 for at in (x1, y1, x2, y2, in_x1, in_y1, in_x2, in_y2, *stored)):
            return color.shrink(self.region(x1, y1, x2, y2), (x2 - x1) // 2, (y2 - y1) // 2)
        pixels = self._orientation.upright(color.region(self._picture, *stored, halved=halved))
        left = min(max(in_x1 - x1, 0), x2 - x1 - (in_x2 - in_x1))
        top = min(max(in_y1 - y1, 0), y2 - y1 - (in_y2 - in_y1))
        right, bottom = x2 - x1 - (in_x2 - in_x1) - left, y2 - y1 - (in_y2 - in_y1) - top
        if left or top or right or bottom:
            sides = (side // 2 if halved else side for side in (top, bottom, left, right))
            pixels = cv2.copyMakeBorder(pixels, *sides, cv2.BORDER_REPLICATE)
        return pixels

    def full(self) -> np.ndarray:
        """The whole upright picture -> uint8 [H, W, 3] BGR."""
        return self.region(0, 0, self.width, self.height)

    @property
    def coding(self) -> color.Coding:
        """What the numbers of the stored picture mean."""
        return color.coding_of(self._picture)

    @property
    def marks(self) -> dict[str, int]:
        """The picture's colour marks by their names in PyAV, as the stream has them (2: not said)."""
        names = ("colorspace", "color_range", "color_primaries", "color_trc")
        return {name: int(getattr(self._picture, name)) for name in names}

    def planes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Upright Y, Cb and Cr just as decoded: copies, uint8 [H, W] and twice [H/2, W/2]. None: see `color.planes`."""
        stored = color.planes(self._picture)
        if stored is None:
            return None
        y, u, v = (np.array(self._orientation.upright(plane)) for plane in stored)
        return y, u, v
