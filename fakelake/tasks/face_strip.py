"""Crops in a row with words under each, on a ground of its own that reads on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

TILE = 112  # px
GAP = 6
LINE_PX = 16
GROUND, INK, MARKED = (40, 35, 32), (235, 235, 235), (80, 190, 255)  # BGR


@dataclass(frozen=True, slots=True)
class Tile:
    """pictures: uint8 [H, W, 3] RGB each, one below the other; words: ASCII lines under them; marked: framed."""

    pictures: Sequence[np.ndarray]
    words: Sequence[str]
    marked: bool = False


def strip(tiles: Sequence[Tile], side: int = TILE) -> np.ndarray:
    """uint8 [H, W, 3] BGR; `tiles` from left to right, each picture `side` px square."""
    rows = max(len(tile.pictures) for tile in tiles)
    lines = max(len(tile.words) for tile in tiles)
    height = GAP + rows * (side + GAP) + lines * LINE_PX + GAP
    sheet = np.full((height, GAP + len(tiles) * (side + GAP), 3), GROUND, np.uint8)
    for place, tile in enumerate(tiles):
        left = GAP + place * (side + GAP)
        for row, picture in enumerate(tile.pictures):
            top = GAP + row * (side + GAP)
            sheet[top : top + side, left : left + side] = fitted(picture, side)[..., ::-1]
            if tile.marked:
                cv2.rectangle(sheet, (left - 3, top - 3), (left + side + 2, top + side + 2), MARKED, 3)
        top = GAP + rows * (side + GAP)
        for n, line in enumerate(tile.words):
            at = (left + 2, top + n * LINE_PX + 11)
            colour = MARKED if tile.marked else INK
            cv2.putText(sheet, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)
    return sheet


def fitted(picture: np.ndarray, side: int) -> np.ndarray:
    """uint8 [H, W, 3] -> [side, side, 3]."""
    if picture.shape[0] == side:
        return picture
    shrinks = picture.shape[0] > side
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def spread(count: int, most: int) -> list[int]:
    """At most `most` of 0 .. count - 1, evenly, first and last among them."""
    if count <= most:
        return list(range(count))
    return np.linspace(0, count - 1, most).round().astype(int).tolist()
