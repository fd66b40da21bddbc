"""Augmentation of face clips that survives social media: one random treatment for all frames of a clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from fakelake.models.detector import degrade


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmentation:
    """Chance of each step. The degradations come in random order: a platform may scale before or after it codes."""

    flip: float = 0.5
    move: float = 0.5  # shift and zoom by up to a tenth
    colour: float = 0.5
    grey: float = 0.05
    jpeg: float = 0.4  # quality 40 to 100
    h264: float = 0.25  # CRF 20 to 40
    rescale: float = 0.3  # to between a third and the whole
    blur: float = 0.15  # sigma .3 to 1.5 pixels
    noise: float = 0.1

    def __call__(self, clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """uint8 [T, H, W, 3] RGB -> the same shape."""
        if rng.random() < self.flip:
            clip = clip[:, :, ::-1]
        if rng.random() < self.move:
            clip = _moved(clip, rng)
        if rng.random() < self.colour:
            clip = _recoloured(clip, rng)
        if rng.random() < self.grey:
            clip = np.repeat(clip.mean(-1, keepdims=True).astype(np.uint8), 3, axis=-1)
        for step in rng.permutation(len(self._degradations)):
            chance, degraded = self._degradations[step]
            if rng.random() < chance:
                clip = degraded(clip, rng)
        return np.ascontiguousarray(clip)

    @property
    def _degradations(self) -> list[tuple[float, Callable[[np.ndarray, np.random.Generator], np.ndarray]]]:
        return [
            (self.jpeg, lambda clip, rng: degrade.jpeg(clip, rng.integers(40, 101))),
            (self.h264, lambda clip, rng: degrade.h264(clip, rng.integers(20, 41), "ultrafast")),
            (self.rescale, lambda clip, rng: degrade.rescale(clip, rng.uniform(1 / 3, 1))),
            (self.blur, lambda clip, rng: degrade.blur(clip, rng.uniform(0.3, 1.5))),
            (self.noise, _noisy),
        ]


def _moved(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = clip.shape[1:3]
    zoom = rng.uniform(0.95, 1.1)
    shift = rng.uniform(-0.05, 0.05, 2) * (width, height)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-5, 5), zoom)
    matrix[:, 2] += shift
    return np.stack(
        [cv2.warpAffine(np.ascontiguousarray(frame), matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)
         for frame in clip]
    )  # fmt: skip


def _recoloured(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return degrade.recolour(
        clip, shift=rng.uniform(-10, 10, 3).astype(np.float32), hue=rng.uniform(-0.03, 0.03),
        saturation=rng.uniform(0.7, 1.3), value=rng.uniform(0.85, 1.15), brightness=rng.uniform(-0.1, 0.1),
        contrast=rng.uniform(0.8, 1.2),
    )  # fmt: skip


def _noisy(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(0, rng.uniform(1, 6), clip.shape).astype(np.float32)
    return np.clip(clip + noise, 0, 255).astype(np.uint8)
