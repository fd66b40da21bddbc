"""The invisible mark of a video that fakelake made: an asset id in the luma of every frame.

Spread spectrum on a grid of SIDE x SIDE cells over the whole picture, so that a resize moves nothing: each cell is made
a little brighter or darker. The choice of cells is public, as this file is: the mark tells honest makers' videos from
camera pictures, and can be removed, or put on, by who means to.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from fakelake.tasks.marks import payload

ALGORITHM = "org.fakelake.luma-grid.1"
SIDE = 64
_CELLS = SIDE * SIDE
_PILOT = _CELLS // 8  # cells that say the same in every mark: whether there is one
# Luma codes by which a cell is changed: in flat places, per code of the local deviation, and at most.
FLAT, PER_DEVIATION, MOST = 0.9, 0.12, 2.6
_BLACK, _DARK = 18.0, 40.0  # below: untouched; from: marked in full
LEAST_PILOT, LEAST_AGREEMENT = 5.0, 0.62


class Mark:
    """The mark of one asset; raises ValueError unless `asset_id` is 16 digits of 0-9 and a-f."""

    def __init__(self, asset_id: str) -> None:
        self.asset_id = payload.checked_id(asset_id)
        self._cells = _spread(payload.encode(asset_id)).reshape(SIDE, SIDE)

    def embed(self, luma: np.ndarray) -> np.ndarray:
        """uint8 [H, W] -> uint8 [H, W], marked; the input is left alone.

        `luma` is the Y plane that an encoder gets (yuv420p: the first H rows of the array), or a whole grey picture.
        The change depends on this frame alone and follows the picture smoothly, so nothing flickers.
        """
        height, width = luma.shape
        delta = cv2.resize(self._cells * _strength(luma), (width, height), interpolation=cv2.INTER_CUBIC)
        return cv2.add(luma, delta, dtype=cv2.CV_8U)


@dataclass(frozen=True, slots=True)
class FoundMark:
    """A mark that was read.

    bit_accuracy: share of the coded bits that were right before correction; 0.5 is chance
    confidence: standard deviations by which the fixed part of the mark stands out of an unmarked picture
    """

    asset_id: str
    bit_accuracy: float
    confidence: float
    frames: int


class MarkReader:
    """Reads the mark out of some frames of one video; more frames, and different ones, make it surer."""

    def __init__(self) -> None:
        self._sum = np.zeros(_CELLS)
        self._frames = 0

    def add(self, luma: np.ndarray) -> None:
        """uint8 [H, W]: luma, or grey, of any size, upright. Frames smaller than the mark's grid tell nothing."""
        if min(luma.shape) < SIDE // 2:
            return
        self._sum += _whitened(luma).ravel()
        self._frames += 1

    def read(self) -> FoundMark | None:
        """The mark, or None where there is none or it is too damaged to be sure."""
        if not self._frames:
            return None
        where, sign = _layout()
        despread = self._sum * sign
        spread = despread.std()
        if spread == 0:
            return None
        pilot = despread[where == payload.CODE_BITS]
        confidence = float(pilot.sum() / (spread * np.sqrt(len(pilot))))
        if confidence < LEAST_PILOT:
            return None
        soft = np.bincount(where, despread)[: payload.CODE_BITS]
        found = payload.decode(soft)
        if found is None:
            return None
        asset_id, code = found
        agreement = float(soft @ code / (np.linalg.norm(soft) * np.linalg.norm(code)))
        if agreement < LEAST_AGREEMENT:
            return None
        return FoundMark(asset_id, float(np.mean((soft > 0) == (code > 0))), confidence, self._frames)


def _strength(luma: np.ndarray) -> np.ndarray:
    """float32 [SIDE, SIDE]: by how many codes each cell may change unseen: more where there is texture all around."""
    mean = cv2.resize(luma, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    squares = cv2.multiply(luma, luma, dtype=cv2.CV_32F)
    variance = cv2.resize(squares, (SIDE, SIDE), interpolation=cv2.INTER_AREA) - mean * mean
    deviation = cv2.erode(np.sqrt(np.maximum(variance, 0)), np.ones((3, 3), np.uint8))
    strength = np.minimum(FLAT + PER_DEVIATION * cv2.blur(deviation, (3, 3)), MOST)
    return strength * np.clip((mean - _BLACK) / (_DARK - _BLACK), 0, 1)


def _whitened(luma: np.ndarray) -> np.ndarray:
    """float32 [SIDE, SIDE]: how far each cell stands out of its neighbours, in units of what is usual around it."""
    mean = cv2.resize(luma.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    out = mean - cv2.blur(mean, (3, 3))
    usual = np.sqrt(cv2.blur(out * out, (7, 7))) + 0.25
    return np.clip(out / usual, -2, 2)


def _spread(code: np.ndarray) -> np.ndarray:
    where, sign = _layout()
    return sign * np.append(code, np.float32(1))[where]


@cache
def _layout() -> tuple[np.ndarray, np.ndarray]:
    """Which coded bit each cell carries (CODE_BITS: the pilot), int64 [cells], and its sign, float32 [cells].

    From a hash and not from a random generator: those change with their library's versions.
    """
    noise = hashlib.shake_256(ALGORITHM.encode()).digest(5 * _CELLS)
    order = np.argsort(np.frombuffer(noise, ">u4", _CELLS), kind="stable")
    where = np.full(_CELLS, payload.CODE_BITS)
    where[order[_PILOT:]] = np.arange(_CELLS - _PILOT) % payload.CODE_BITS
    sign = np.where(np.frombuffer(noise, np.uint8, offset=4 * _CELLS) & 1, 1, -1).astype(np.float32)
    return where, sign
