"""The segmentation module: from one picture its parts, where each one is and how it is turned.

Hung et al. 2020, section 3.1. That it needs one picture and not two is the point of the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fakelake.models.generator.blocks import Down, Downsample, Up, grid
from fakelake.models.generator.config import MAP_PX, GeneratorConfig


@dataclass(frozen=True, slots=True)
class Parts:
    """Of B pictures.

    masks:  [B, K + 1, 64, 64], sums to 1 over the channels; channel 0 is the background
    place:  [B, K, 2], x and y from -1 to 1
    affine: [B, K, 2, 2], how each part is turned and stretched, against a rest that is nowhere stated
    """

    masks: Tensor
    place: Tensor
    affine: Tensor

    def __getitem__(self, rows: slice | Tensor) -> Parts:
        return Parts(self.masks[rows], self.place[rows], self.affine[rows])


class SegmentationModule(nn.Module):
    """An hourglass on a 64 px picture, and three heads of 7x7 on its features."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.shrink = Downsample(3, config.px // MAP_PX)
        widths = [min(config.seg_cap, config.seg_base * 2**i) for i in range(config.seg_blocks + 1)]
        inner = [3, *widths[1:-1]]
        self.down = nn.ModuleList(Down(a, b) for a, b in zip(inner, widths[1:], strict=True))
        # All but the deepest take the skip of their own size beside what comes from below.
        deepest = config.seg_blocks
        self.up = nn.ModuleList(
            Up(widths[i] * (1 if i == deepest else 2), widths[i - 1]) for i in range(deepest, 0, -1)
        )
        channels, k = widths[0] + 3, config.parts
        self.segment = nn.Conv2d(channels, k + 1, 7, padding=3)
        self.heat = nn.Conv2d(channels, k, 7, padding=3)
        self.turn = nn.Conv2d(channels, 4 * k, 7, padding=3)
        nn.init.zeros_(self.turn.weight)
        with torch.no_grad():
            self.turn.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 1.0]).repeat(k))

    def forward(self, pictures: Tensor) -> Parts:
        """float [B, 3, px, px], RGB, 0 to 1 -> Parts."""
        features = self.features(self.shrink(pictures))
        heat = self.heat_maps(features)
        place = torch.einsum("bkhw,hwc->bkc", heat, grid(*heat.shape[-2:], device=heat.device))
        turn = self.turn(features).unflatten(1, (self.config.parts, 4)).float()
        affine = torch.einsum("bkhw,bkchw->bkc", heat, turn).unflatten(2, (2, 2))
        return Parts(self.segment(features).float().softmax(1), place, affine)

    def heat_maps(self, features: Tensor) -> Tensor:
        """[B, C, 64, 64] -> [B, K, 64, 64]; each map sums to 1."""
        logits = self.heat(features).float() / self.config.temperature
        return logits.flatten(2).softmax(2).unflatten(2, logits.shape[-2:])

    def features(self, small: Tensor) -> Tensor:
        """[B, 3, 64, 64] -> [B, 35, 64, 64]."""
        skips = [small]
        for block in self.down:
            skips.append(block(skips[-1]))
        x = skips.pop()
        for block in self.up:
            x = torch.cat([block(x), skips.pop()], dim=1)
        return x
