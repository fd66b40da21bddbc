"""The turn and mirror that a container asks a player to apply, as array operations and as a map of rectangles."""

from __future__ import annotations

from dataclasses import dataclass

import av
import cv2
import numpy as np


@dataclass(frozen=True, slots=True)
class Orientation:
    """upright = flip_y(flip_x(transpose(stored))), each step only where its flag is set: all eight cases."""

    transposed: bool = False
    flip_x: bool = False  # left <-> right, after the transposition
    flip_y: bool = False  # top <-> bottom, after the transposition

    @property
    def rotation(self) -> int:
        """Clockwise degrees from the stored to the upright picture; of a mirrored one, after mirroring left-right."""
        return _DEGREES[self.transposed, self.flip_x, self.flip_y]

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Upright (width, height) of a stored picture."""
        return (height, width) if self.transposed else (width, height)

    def upright(self, picture: np.ndarray) -> np.ndarray:
        """picture: [h, w, 3] as stored -> contiguous [H, W, 3] upright."""
        if self.transposed:
            picture = cv2.transpose(picture)
        if self.flip_x and self.flip_y:
            return cv2.flip(picture, -1)
        if self.flip_x:
            return cv2.flip(picture, 1)
        if self.flip_y:
            return cv2.flip(picture, 0)
        return picture

    def stored_rectangle(
        self, x1: int, y1: int, x2: int, y2: int, width: int, height: int
    ) -> tuple[int, int, int, int]:
        """The stored rectangle that shows as the upright one; width and height are the upright picture's."""
        if self.flip_x:
            x1, x2 = width - x2, width - x1
        if self.flip_y:
            y1, y2 = height - y2, height - y1
        return (y1, x1, y2, x2) if self.transposed else (x1, y1, x2, y2)


_DEGREES = {
    (False, False, False): 0,
    (True, True, False): 90,
    (False, True, True): 180,
    (True, False, True): 270,
    (False, True, False): 0,
    (True, True, True): 90,
    (False, False, True): 180,
    (True, False, False): 270,
}
AS_STORED = Orientation()


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """Read a frame's display matrix, a 3x3 of 16.16 fixed point with (x', y') = (a x + c y, b x + d y), y down.

    Angles between quarter turns go to the nearest one.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return AS_STORED
    a, b, _, c, d = np.frombuffer(matrix, np.int32, 5).tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(transposed=True, flip_x=c < 0, flip_y=b < 0)
    return Orientation(transposed=False, flip_x=a < 0, flip_y=d < 0)
