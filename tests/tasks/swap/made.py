"""What the tests of swaps share: planes of noise, faces that are followed by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fakelake.tasks.color import Coding
from fakelake.tasks.swap.follow import FollowedFace
from fakelake.tasks.swap.paste import Drawn
from fakelake.tasks.swap.planes import Planes

CODING = Coding(matrix=1, full_range=False, transfer=1)
FRONT = np.array([[-0.2, -0.2], [0.2, -0.2], [0.0, 0.0], [-0.15, 0.25], [0.15, 0.25]])  # of the box's side
SIDEWAYS = FRONT * (0.2, 1.0)


def noise(width: int = 160, height: int = 120, seed: int = 0) -> Planes:
    rng = np.random.default_rng(seed)
    sizes = (height, width), (height // 2, width // 2), (height // 2, width // 2)
    return Planes(*(rng.integers(16, 235, size, np.uint8) for size in sizes), CODING)


def copied(planes: Planes) -> Planes:
    return Planes(planes.y.copy(), planes.u.copy(), planes.v.copy(), planes.coding)


def disc(radius: float = 0.25, side: int = 64) -> np.ndarray:
    """A mask: 1 on a disc in the middle, 0 outside."""
    at = (np.arange(side) + 0.5) / side - 0.5
    return (at[:, None] ** 2 + at**2 < radius**2).astype(np.float32)


def drawn(target: np.ndarray, picture: np.ndarray, mask: np.ndarray | None = None) -> Drawn:
    return Drawn(target, picture, disc() if mask is None else mask)


def followed(boxes: Sequence[Sequence[float]], points: Sequence[np.ndarray] | None = None, first: int = 0):
    """A face with these boxes in frames first, first + 1, ...; `points` are FRONT or SIDEWAYS for each."""
    corners = np.array(boxes, np.float32)
    count = len(corners)
    centre, side = (corners[:, :2] + corners[:, 2:]) / 2, (corners[:, 2:] - corners[:, :2]).max(1)
    shapes = np.stack(points if points is not None else [FRONT] * count)
    landmarks = (centre[:, None] + shapes * side[:, None, None]).astype(np.float32)
    frames = np.arange(first, first + count)
    return FollowedFace(0, frames, frames / 25, corners, landmarks, np.full(count, 50, np.float32))


def box(x: float, y: float, side: float = 40) -> tuple[float, float, float, float]:
    """Centre and height."""
    return x - 0.4 * side, y - side / 2, x + 0.4 * side, y + side / 2
