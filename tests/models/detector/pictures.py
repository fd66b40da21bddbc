"""Made clips: smooth faces-like blobs that differ from video to video, and a source that serves them."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from fakelake.models.detector.blend import MEAN_FIVE
from fakelake.models.detector.clips import Clip


def made_clip(seed: int, frames: int = 6, px: int = 64) -> np.ndarray:
    """uint8 [T, px, px, 3] RGB: a textured oval that drifts a little."""
    rng = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (px, px, 3)).astype(np.uint8), (0, 0), 2)
    skin = rng.integers(90, 220, 3)
    clip = np.empty((frames, px, px, 3), np.uint8)
    for n in range(frames):
        picture = np.full((px, px, 3), rng.integers(20, 60), np.uint8)
        centre = (px // 2 + int(2 * np.sin(n / 3)), px // 2)
        cv2.ellipse(picture, centre, (px // 3, px // 2 - 4), 0, 0, 360, [int(c) for c in skin], -1)
        clip[n] = cv2.addWeighted(picture, 0.8, texture, 0.2, 0)
    return clip


def made_landmarks(frames: int = 6, px: int = 64) -> np.ndarray:
    """float32 [T, 5, 2] of an upright face that fills the picture."""
    return np.repeat((MEAN_FIVE * px)[None], frames, 0).astype(np.float32)


@dataclass
class MadeVideos:
    """A ClipSource. Fakes carry a chessboard in a corner of a few frames, so that a network can learn to tell them."""

    labels: list[int]
    frames: int = 6
    px: int = 64
    reads: list[int] = field(default_factory=list)

    def read(self, video, frames, rng):
        self.reads.append(video)
        clip = made_clip(video, min(frames, self.frames), self.px)
        if self.labels[video]:
            clip[:, 8:24, 8:24] = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((2, 2)))[None, ..., None] * 255
        return Clip(clip, made_landmarks(len(clip), self.px))
