"""The invisible mark of a video that fakelake made: an asset id in the luma of every frame.

Spread spectrum on a grid of SIDE x SIDE cells over the whole picture, so that a resize moves nothing: each cell is made
a little brighter or darker. The writer looks at each frame as the reader will, and strengthens the bits that the
picture itself speaks against (informed embedding). The choice of cells is public, as this file is: the mark tells what
honest makers made, and can be removed, or put on another video, by who means to.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from fakelake.tasks.marks import payload

ALGORITHM = "org.fakelake.luma-grid.1"
SIDE = 72
_CELLS = SIDE * SIDE
_BITS = payload.CODE_BITS
_FINE = 4 * SIDE  # texture is judged, and the change made smooth, at this size
# Luma codes by which a cell may change unseen: in flat places, more per code of the local deviation, and at most.
_FLAT, _PER_DEVIATION, _MOST = 1.49, 0.7, 7.0  # 1.49 is still rounded to 1
_NOISE = 0.15  # a deviation that is no texture yet
_USUAL_SHARE = 0.95  # of that is used where the picture speaks for neither 0 nor 1
_LEAST_GAIN, _MARGIN, _ROUNDS = 0.2, 1.3, 2
_LARGEST_RMS = 2.3  # of the change; 40.9 dB
_BLACK, _DARK = 17.0, 28.0  # luma below which nothing is changed, and from which all is
# How well the likeliest payload agrees with a picture that has no mark (measured: mean and deviation, over noise), and
# how far above that a mark has to be. The checksum comes on top.
_CHANCE, _CHANCE_DEVIATION = 0.555, 0.0117
LEAST_CONFIDENCE = 4.0


class Mark:
    """The mark of one asset; raises ValueError unless `asset_id` is 16 digits of 0-9 and a-f."""

    def __init__(self, asset_id: str) -> None:
        self.asset_id = payload.checked_id(asset_id)
        self._code = payload.encode(asset_id)

    def embed(self, luma: np.ndarray) -> np.ndarray:
        """uint8 [H, W] -> uint8 [H, W], marked; the input is left alone.

        `luma` is the Y plane that an encoder gets (yuv420p: the first H rows of its array), upright. The change
        follows this frame alone and follows it smoothly, so nothing flickers; flat places change by 1 code at most.
        Pictures with a side below about 220 pixels take the mark, but give it back only while nobody encodes them
        again.
        """
        height, width = luma.shape
        mean, most = _seen(luma)
        change = cv2.resize(self._chosen(mean, most), (_FINE, _FINE), interpolation=cv2.INTER_CUBIC)
        limit = cv2.resize(most, (_FINE, _FINE), interpolation=cv2.INTER_LINEAR)  # neighbours of one sign add up
        change = cv2.resize(np.clip(change, -limit, limit), (width, height), interpolation=cv2.INTER_LINEAR)
        return cv2.add(luma, change, dtype=cv2.CV_8U)

    def _chosen(self, mean: np.ndarray, most: np.ndarray) -> np.ndarray:
        """float32 [SIDE, SIDE]: the change of each cell, so that every bit is read with about the same margin."""
        where, sign = _layout()
        direction = (self._code[where] * sign).reshape(SIDE, SIDE)
        host = _despread(_response(mean)) * self._code
        gain, wanted = np.ones(_BITS), 0.0
        for left in range(_ROUNDS, -1, -1):
            cells = direction * np.minimum(_USUAL_SHARE * most * gain[where].reshape(SIDE, SIDE), most)
            if not left:
                break
            gained = _despread(_response(mean + cells.astype(np.float32))) * self._code - host
            wanted = wanted or _MARGIN * max(float(gained.mean()), 1e-6)
            gain = np.clip(gain * (wanted - host) / np.maximum(gained, 0.2 * wanted), _LEAST_GAIN, 10)
        rms = float(np.sqrt(np.mean(cells * cells)))
        return (cells * min(1.0, _LARGEST_RMS / max(rms, 1e-6))).astype(np.float32)


@dataclass(frozen=True, slots=True)
class FoundMark:
    """A mark that was read.

    bit_accuracy: share of the coded bits that were right before correction; 0.5 is chance
    confidence: standard deviations by which it agrees better than chance
    """

    asset_id: str
    bit_accuracy: float
    confidence: float
    frames: int


class MarkReader:
    """Reads the mark out of some frames of one video; more frames, and different ones, make it surer."""

    def __init__(self) -> None:
        self._sum = np.zeros((SIDE, SIDE), np.float32)
        self._frames = 0

    def add(self, luma: np.ndarray) -> None:
        """uint8 [H, W]: luma, or grey, of any size, upright."""
        self._sum += _response(_averages(_fine(luma)))
        self._frames += 1

    def bits(self) -> np.ndarray:
        """float64 [payload.CODE_BITS]: what speaks for 1 (> 0) or 0 (< 0) in each coded bit, before correction."""
        return _despread(self._sum)

    def read(self) -> FoundMark | None:
        """The mark, or None where there is none or it is too damaged to be sure."""
        soft = self.bits()
        size = float(np.linalg.norm(soft)) * np.sqrt(_BITS)
        found = payload.decode(soft) if size else None
        if found is None:
            return None
        asset_id, code = found
        confidence = (float(soft @ code) / size - _CHANCE) / _CHANCE_DEVIATION
        if confidence < LEAST_CONFIDENCE:
            return None
        return FoundMark(asset_id, float(np.mean((soft > 0) == (code > 0))), confidence, self._frames)


def _fine(luma: np.ndarray) -> np.ndarray:
    """uint8 [_FINE, _FINE]. By halves first: OpenCV's other steps take ten times as long on a large picture."""
    while min(luma.shape) >= 2 * _FINE:
        luma = cv2.resize(luma, (luma.shape[1] // 2, luma.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(luma, (_FINE, _FINE), interpolation=cv2.INTER_AREA)


def _averages(fine: np.ndarray) -> np.ndarray:
    """float32 [SIDE, SIDE]: the mean of each cell."""
    return cv2.resize(fine.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _seen(luma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float32 [SIDE, SIDE] each: cell means, and by how many codes a cell may change unseen.

    That is more where there is texture in it and all around it: beside an edge, the flat side shows everything.
    """
    fine = _fine(luma)
    mean = _averages(fine)
    rough = cv2.subtract(fine, cv2.blur(fine, (5, 5)), dtype=cv2.CV_32F)  # shading is no texture
    texture = cv2.blur(cv2.erode(np.sqrt(_averages(rough * rough)), np.ones((3, 3), np.uint8)), (3, 3))
    most = np.minimum(_FLAT + _PER_DEVIATION * np.maximum(texture - _NOISE, 0), _MOST)
    return mean, most * np.clip((mean - _BLACK) / (_DARK - _BLACK), 0, 1)


def _response(mean: np.ndarray) -> np.ndarray:
    """float32 [SIDE, SIDE] cell means -> what speaks for a brighter (> 0) or darker mark there.

    A filter matched to the mark in what neighbours do not foretell, weighed down where the picture is busy.
    """
    out = cv2.filter2D(mean, -1, _AROUND, borderType=cv2.BORDER_REFLECT)
    usual = np.sqrt(np.maximum(cv2.blur(out * out, (3, 3)), 0)) + 1
    return cv2.filter2D(np.clip(out / usual, -2, 2) / usual, -1, _AROUND, borderType=cv2.BORDER_REFLECT)


_AROUND = np.full((3, 3), -1 / 9, np.float32)
_AROUND[1, 1] += 1


def _despread(response: np.ndarray) -> np.ndarray:
    """float64 [_BITS]: how much speaks for 1 (> 0) in each coded bit."""
    where, sign = _layout()
    return np.bincount(where, response.ravel() * sign, _BITS)


@cache
def _layout() -> tuple[np.ndarray, np.ndarray]:
    """Which bit each cell carries, int64 [cells], and with which sign, float32 [cells].

    From a hash and not from a random generator: those change with their library's versions.
    """
    noise = hashlib.shake_256(ALGORITHM.encode()).digest(5 * _CELLS)
    where = np.empty(_CELLS, np.int64)
    where[np.argsort(np.frombuffer(noise, ">u4", _CELLS), kind="stable")] = np.arange(_CELLS) % _BITS
    sign = np.where(np.frombuffer(noise, np.uint8, offset=4 * _CELLS) & 1, 1, -1).astype(np.float32)
    return where, sign
