"""How well a generator draws and finds parts, on people whom it never saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fakelake.models.generator.equivariance import Transform, equivariance
from fakelake.models.generator.network import Generator

SSIM_SIGMA, SSIM_SIDE = 1.5, 11
C1, C2 = 0.01**2, 0.03**2
FAR = 0.5  # share of foreground from which a place counts as such


@dataclass(frozen=True, slots=True)
class HeldOutPairs:
    """uint8 [N, 2, 3, px, px] RGB: source and target of people who are in no training pair."""

    pairs: Tensor


@torch.no_grad()
def held_out_figures(
    generator: Generator, held_out: HeldOutPairs, *, batch: int = 8, seed: int = 0
) -> dict[str, float]:
    """Means over the pairs.

    l1:         |drawn - target|, of 0 to 1
    l1_still:   |source - target|: what one gets by drawing nothing
    ssim:       of the drawn picture
    foreground: share of the picture that is taken for foreground
    false_foreground: share of the places that do not change between source and target and are taken for foreground
    shift, affine: the equivariance errors, unweighted
    """
    was, device = generator.training, next(generator.parameters()).device
    generator.eval()
    draws = torch.Generator(device).manual_seed(seed)
    sums: dict[str, list[float]] = {}
    for start in range(0, len(held_out.pairs), batch):
        source, target = (held_out.pairs[start : start + batch].to(device).float() / 255).unbind(1)
        drawn = generator(source, target)
        transform = Transform.random(len(target), device, draws)
        shift, affine = equivariance(drawn.target, generator.segmentation(transform.warp(target)), transform)
        front = drawn.target.masks[:, 1:].sum(1, keepdim=True)
        size = front.shape[-2:]
        still = (F.adaptive_avg_pool2d((source - target).abs().mean(1, keepdim=True), size) < 0.02).float()
        figures = {
            "l1": (drawn.picture - target).abs().mean((1, 2, 3)), "l1_still": (source - target).abs().mean((1, 2, 3)),
            "ssim": ssim(drawn.picture, target), "foreground": front.mean((1, 2, 3)),
            "false_foreground": ((front > FAR).float() * still).sum((1, 2, 3)) / still.sum((1, 2, 3)).clamp_min(1),
            "shift": shift.expand(len(target)), "affine": affine.expand(len(target)),
        }  # fmt: skip
        for name, values in figures.items():
            sums.setdefault(name, []).extend(values.float().tolist())
    generator.train(was)
    return {name: float(np.mean(values)) for name, values in sums.items()}


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity [B] of [B, C, H, W] each, 0 to 1: Wang et al., IEEE TIP 2004, Gaussian window of 11."""
    at = torch.arange(SSIM_SIDE, device=a.device, dtype=a.dtype) - SSIM_SIDE // 2
    line = torch.exp(-(at**2) / (2 * SSIM_SIGMA**2))
    line = line / line.sum()
    channels = a.shape[1]
    down, across = (line.view(shape).repeat(channels, 1, 1, 1) for shape in ((1, 1, -1, 1), (1, 1, 1, -1)))

    def blur(x: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(x, down, groups=channels), across, groups=channels)

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    cov = blur(a * b) - mean_a * mean_b
    found = (2 * mean_a * mean_b + C1) * (2 * cov + C2) / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))
    return found.mean((1, 2, 3))


def part_iou(found: Tensor, wanted: Tensor) -> float:
    """Mean IoU of known parts, each with the found one that fits it best, no found part twice.

    found: shares [N, K + 1, H, W], the background first; wanted: labels int64 [N, H, W], 0 = background, parts from 1
    """
    from scipy.optimize import linear_sum_assignment

    hard = found.argmax(1)
    parts = int(wanted.max())
    table = np.zeros((parts, found.shape[1] - 1))
    for p in range(parts):
        for k in range(found.shape[1] - 1):
            mine, true = hard == k + 1, wanted == p + 1
            table[p, k] = float((mine & true).sum()) / max(1.0, float((mine | true).sum()))
    rows, columns = linear_sum_assignment(-table)
    return float(table[rows, columns].sum() / parts)
