"""Self-blended images: a face blended with its own changed copy, a fake for which no forger is needed.

Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022: the copy is jittered in colour or
sharpness and moved a little, and put back through a soft mask in the shape of the face. The paper's mask is the hull
of 68 or 81 landmarks; a lake has five, so the hull is a mean face's, fitted to the five by a similarity.
All frames of a clip share one treatment, as the frames of one forgery do.
"""

from __future__ import annotations

import cv2
import numpy as np

from fakelake.models.detector import degrade

# Right eye, left eye, nose, right and left mouth corner of the mean face, in a square of side 1: the five points of
# the widely used 112 px alignment. "Right" is the person's, so it is on the left of the picture.
MEAN_FIVE = np.array([[38.3, 51.7], [73.5, 51.5], [56.0, 71.7], [41.5, 92.4], [70.7, 92.2]], np.float32) / 112
_CHIN, _BROW, _CHEEK = 1.02, 0.27, 0.36  # of the same square: lowest and highest point, half the width
_MASK_RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)


def mean_hull(points: int = 32) -> np.ndarray:
    """Outline of the mean face, float32 [points, 2] in the square of MEAN_FIVE: round below, flat at the brow."""
    angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
    x, y = np.cos(angles), np.sin(angles)
    squarer = np.where(y < 0, 0.6, 0.9)  # a brow is broader than a chin
    x, y = np.sign(x) * np.abs(x) ** squarer, np.sign(y) * np.abs(y) ** squarer
    middle = (_CHIN + _BROW) / 2
    return np.stack([0.5 + _CHEEK * x, middle + (_CHIN - _BROW) / 2 * y], 1).astype(np.float32)


def fitted(landmarks: np.ndarray, points: np.ndarray, side: int) -> np.ndarray:
    """Points of the mean face's square, moved by the similarity that fits MEAN_FIVE to five landmarks.

    landmarks: float32 [5, 2] in pixels; where they are not known (NaN), the face is taken to fill the picture.
    Umeyama's least squares, without reflection.
    """
    if not np.isfinite(landmarks).all():
        return points * side
    source, target = MEAN_FIVE - MEAN_FIVE.mean(0), landmarks - landmarks.mean(0)
    u, singular, vt = np.linalg.svd(target.T @ source)
    signs = np.array([1.0, np.sign(np.linalg.det(u @ vt)) or 1.0])
    scale = (singular * signs).sum() / (source**2).sum()
    return scale * (points - MEAN_FIVE.mean(0)) @ (u * signs @ vt).T + landmarks.mean(0)


def face_masks(landmarks: np.ndarray, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Soft masks float32 [T, H, W] of 0 to 1 for landmarks [T, 5, 2]: bent elastically, blurred twice, made fainter."""
    hull = mean_hull()
    hull = hull + rng.normal(0, 0.02, hull.shape).astype(np.float32)
    if rng.random() < 0.3:  # half a face: mouth and chin, or the eyes
        low = rng.random() < 0.5
        hull = hull[(hull[:, 1] > 0.6) if low else (hull[:, 1] < 0.75)]
    bend_x, bend_y = (_elastic(height, width, rng) for _ in range(2))
    grid_x, grid_y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    sigmas = [rng.uniform(0.01, 0.08) * width for _ in range(2)]
    ratio = rng.choice(_MASK_RATIOS)
    masks = np.empty((len(landmarks), height, width), np.float32)
    for mask, five in zip(masks, landmarks, strict=True):
        outline = cv2.convexHull(fitted(five, hull, width).astype(np.float32))
        drawn = cv2.fillConvexPoly(np.zeros((height, width), np.float32), outline.round().astype(np.int32), 1.0)
        drawn = cv2.remap(drawn, grid_x + bend_x, grid_y + bend_y, cv2.INTER_LINEAR)
        for sigma in sigmas:
            drawn = cv2.GaussianBlur(drawn, (0, 0), sigma)
        mask[:] = ratio * drawn / max(drawn.max(), 1e-6)
    return masks


def self_blend(clip: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A fake out of a real clip.

    clip: uint8 [T, H, W, 3] RGB; landmarks: float32 [T, 5, 2], x and y in pixels of the clip, NaN where not known.
    Returns uint8 [T, H, W, 3] RGB.
    """
    height, width = clip.shape[1:3]
    masks = face_masks(landmarks, height, width, rng)[..., None]
    front, back = clip, clip
    if rng.random() < 0.5:
        front = _changed(front, rng)
    else:
        back = _changed(back, rng)
    front = _moved(front, rng)
    mixed = front.astype(np.float32) * masks + back.astype(np.float32) * (1 - masks)
    return mixed.round().astype(np.uint8)


def _changed(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Colour first, then less or more sharpness."""
    clip = degrade.recolour(
        clip, shift=rng.uniform(-20, 20, 3).astype(np.float32), hue=rng.uniform(-0.05, 0.05),
        saturation=rng.uniform(0.7, 1.3), value=rng.uniform(0.7, 1.3), brightness=rng.uniform(-0.1, 0.1),
        contrast=rng.uniform(0.9, 1.1),
    )  # fmt: skip
    if rng.random() < 0.5:
        return degrade.rescale(clip, rng.uniform(0.25, 0.6))
    soft = degrade.blur(clip, rng.uniform(0.8, 2.0)).astype(np.float32)
    sharp = clip + rng.uniform(0.3, 1.0) * (clip - soft)
    return np.clip(sharp, 0, 255).astype(np.uint8)


def _moved(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """By up to 3 % across and 1.5 % up or down, scaled by up to 5 %."""
    height, width = clip.shape[1:3]
    scale = rng.uniform(0.95, 1 / 0.95)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 0, scale)
    matrix[:, 2] += rng.uniform(-1, 1, 2) * (0.03 * width, 0.015 * height)
    return np.stack([cv2.warpAffine(f, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE) for f in clip])


def _elastic(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A smooth random field of displacements in pixels (alpha 50, sigma 7 at 256 px, to scale)."""
    sigma = 7 / 256 * width
    field = cv2.GaussianBlur(rng.uniform(-1, 1, (height, width)).astype(np.float32), (0, 0), max(sigma, 1.0))
    return 50 / 256 * width * field
