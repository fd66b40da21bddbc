"""What a trained generator's parts are worth, beyond how well it draws: the paper's measures and their traps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fakelake.models.generator.blocks import grid, resize
from fakelake.models.generator.network import Generator
from fakelake.models.generator.swap import Swapper

PUBLISHED_PX = 256  # errors of landmarks are told in pixels of a picture of this side


def centroids(masks: Tensor) -> Tensor:
    """Centres of mass of the foreground's parts: [N, K + 1, h, h] -> [N, K, 2], x and y from -1 to 1."""
    front = masks[:, 1:]
    weight = front.sum((2, 3)).clamp_min(1e-6)
    return torch.einsum("nkhw,hwc->nkc", front, grid(*front.shape[-2:], device=front.device)) / weight.unsqueeze(-1)


def landmark_regression(centres: np.ndarray, landmarks: np.ndarray, learn: np.ndarray) -> float:
    """How well a line through the parts' centres tells the landmarks of pictures that it was not fitted on.

    A linear regression for each coordinate (Hung et al. 2020, section 4.2, after Jakab et al. and SCOPS). What is told
    is, as in the paper, the SUM over all coordinates of the mean absolute error, in pixels of a picture of 256; divide
    by twice the number of landmarks for the error of one coordinate.

    centres: [N, K, 2]; landmarks: [N, P, 2], both from -1 to 1; learn: bool [N], the pictures that it is fitted on
    """
    x = np.concatenate([centres.reshape(len(centres), -1), np.ones((len(centres), 1))], 1)
    y = landmarks.reshape(len(landmarks), -1)
    weights, *_ = np.linalg.lstsq(x[learn], y[learn], rcond=None)
    errors = np.abs(x[~learn] @ weights - y[~learn]).mean(0)
    return float(errors.sum() * (PUBLISHED_PX - 1) / 2)


def foreground_iou(masks: Tensor, wanted: Tensor) -> float:
    """Of where the background is not the most likely: masks [N, K + 1, h, h], wanted bool [N, h, h]."""
    front = masks.argmax(1) > 0
    return float((front & wanted).sum() / (front | wanted).sum().clamp_min(1))


@torch.no_grad()
def leakage(generator: Generator, source: Tensor, target: Tensor) -> tuple[float, float]:
    """Mean |drawn - target| from the source, and from a grey picture with the source's parts.

    The second tells what the parts' maps alone carry of the target's picture: it must be far worse than the first, or
    the maps are a channel for the picture and no segmentation. source, target: [B, 3, px, px]
    """
    whole = generator(source, target)
    grey = torch.full_like(source, 0.5)
    alone = generator.draw(whole.source, whole.target, grey, target)
    return tuple(float((drawn.picture - target).abs().mean()) for drawn in (whole, alone))


def locality(before: Tensor, after: Tensor, mask: Tensor) -> float:
    """Share of all change that lies inside the mask: [B, 3, px, px] twice, and [B, 1, px, px]."""
    change = (after - before).abs().mean(1, keepdim=True)
    return float((change * (mask > 0.5)).sum() / change.sum().clamp_min(1e-9))


def flicker(before: Tensor, after: Tensor) -> float:
    """How much more a sequence changes from frame to frame after a swap: mean |d after - d before|, 0 to 1.

    before, after: [T, 3, H, W] of consecutive frames
    """
    return float(((after[1:] - after[:-1]) - (before[1:] - before[:-1])).abs().mean())


@torch.no_grad()
def swap_probe(generator: Generator, source: Tensor, targets: Tensor, channels: Sequence[int]) -> tuple[float, float]:
    """`locality` and `flicker` of a swap, against the targets as the same network draws them with nothing swapped.

    So neither tells of the network's own softness. source: [1, 3, px, px]; targets: [T, 3, px, px] in order of time
    """
    swapped = Swapper(generator, source, channels).swap(targets)
    own = generator.reconstruction.decode(generator.reconstruction.encode(targets))
    return locality(own, swapped.picture, resize(swapped.mask, own.shape[-2:])), flicker(own, swapped.picture)
