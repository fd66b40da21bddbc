"""What the generator is trained for: to draw the target, with parts that follow their picture."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fakelake.models.generator import equivariance
from fakelake.models.generator.blocks import grid
from fakelake.models.generator.network import Drawn, Generator
from fakelake.models.generator.perceptual import PerceptualLoss
from fakelake.models.generator.segmentation import Parts

WARMUP_SIGMA = 0.1  # of the Gaussians, of a picture that is 2 wide
MASKS_WEIGHT = 5.0  # of the cross-entropy between masks and Gaussians
_TINY = 1e-6
WARMUP_BACKGROUND = 0.1  # what stands for the background beside Gaussians whose height is 1


class Losses(NamedTuple):
    """Each already weighted; `total` is their sum. masks: of a warm-up, or where masks are held."""

    reconstruction: Tensor
    shift: Tensor
    affine: Tensor
    masks: Tensor

    @property
    def total(self) -> Tensor:
        return self.reconstruction + self.shift + self.affine + self.masks

    def values(self) -> dict[str, float]:
        return {name: float(value.detach()) for name, value in self._asdict().items()}


class Objective(nn.Module):
    """`losses` as a module, whose call several processes can share."""

    def __init__(self, generator: Generator, perceptual: PerceptualLoss) -> None:
        super().__init__()
        self.generator, self.perceptual = generator, perceptual

    def forward(
        self, source: Tensor, target: Tensor, transform: equivariance.Transform, warmup: bool, hold: float
    ) -> Losses:  # fmt: skip
        return losses(self.generator, self.perceptual, source, target, transform, warmup=warmup, hold=hold)[0]


def losses(
    generator: Generator, perceptual: PerceptualLoss, source: Tensor, target: Tensor,
    transform: equivariance.Transform, *, warmup: bool = False, hold: float = 0.0,
) -> tuple[Losses, Drawn]:  # fmt: skip
    """Of B pairs, float [B, 3, px, px] each, RGB, 0 to 1: L_rec + 10 shift + 10 affine (section 3.3).

    warmup: the places of the parts, not their masks, say what moves where, and the masks learn to lie around them.
    Random masks, on footage in which little moves, soon call everything background, and never come back from there
    hold: weight with which masks are held around their places after the warm-up too; 0, as published, lets them go
    """
    # One batch through the segmentation module: its batch norms see sources, targets and warped targets together.
    everything = generator.segmentation(torch.cat([source, target, transform.warp(target)]))
    n = len(source)
    parts, wanted, warped = everything[:n], everything[n : 2 * n], everything[2 * n :]
    masks, held = wanted.place.new_zeros(()), MASKS_WEIGHT if warmup else hold
    if held:
        around = by_place(everything)
        masks = held * -(around.masks.detach() * (everything.masks + _TINY).log()).sum(1).mean()
    drawn = generator.draw(*((around[:n], around[n : 2 * n]) if warmup else (parts, wanted)), source, target)
    shift, affine = equivariance.equivariance(wanted, warped, transform)
    if not generator.config.affine:
        affine = affine.detach() * 0
    weight = equivariance.WEIGHT
    return Losses(perceptual(drawn.picture, target), weight * shift, weight * affine, masks), drawn


def by_place(parts: Parts) -> Parts:
    """The parts with Gaussians around their places for masks: the soft assignment of a warm-up.

    In the manner of Siarohin et al., NeurIPS 2019, whose motion is carried by key points: a part learns first to be
    somewhere, and then how far it reaches.
    """
    away = grid(*parts.masks.shape[-2:], device=parts.masks.device) - parts.place[:, :, None, None]
    near = torch.exp(-(away**2).sum(-1) / (2 * WARMUP_SIGMA**2))
    weights = torch.cat([torch.full_like(near[:, :1], WARMUP_BACKGROUND), near], 1)
    return replace(parts, masks=weights / weights.sum(1, keepdim=True))
