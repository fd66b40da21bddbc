"""The generator whole: two pictures in, the second drawn from the first."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fakelake.models.generator.blocks import Down
from fakelake.models.generator.config import GeneratorConfig
from fakelake.models.generator.motion import flow, visibility
from fakelake.models.generator.reconstruction import ReconstructionModule, warp
from fakelake.models.generator.segmentation import Parts, SegmentationModule


@dataclass(frozen=True, slots=True)
class Drawn:
    """What `Generator.forward` made of B pairs.

    picture: [B, 3, px, px]; flow: [B, 64, 64, 2]; visible: [B, 1, 64, 64]
    """

    picture: Tensor
    source: Parts
    target: Parts
    flow: Tensor
    visible: Tensor


class BackgroundMotion(nn.Module):
    """Camera motion from two pictures: an affine map of the background, the identity before it has learnt.

    Siarohin et al., "Motion Representations for Articulated Animation", CVPR 2021, section 3.3. Without it, F_0(z) = z
    takes every move of the camera for a move of some part.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        widths = [6, *(min(config.seg_cap, config.seg_base * 2**i) for i in range(1, config.seg_blocks + 1))]
        self.encoder = nn.Sequential(*(Down(a, b) for a, b in itertools.pairwise(widths)))
        self.map = nn.Linear(widths[-1], 6)
        nn.init.zeros_(self.map.weight)
        with torch.no_grad():
            self.map.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]))

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """[B, 3, 64, 64] each -> [B, 2, 3]."""
        features = self.encoder(torch.cat([source, target], 1))
        return self.map(features.mean((2, 3))).float().unflatten(1, (2, 3))


class Generator(nn.Module):
    """Both modules; their parameters are trained by an optimiser each."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.segmentation = SegmentationModule(config)
        self.reconstruction = ReconstructionModule(config)
        self.background = BackgroundMotion(config) if config.background == "affine" else None

    def forward(self, source: Tensor, target: Tensor) -> Drawn:
        """float [B, 3, px, px], RGB, 0 to 1, each; the rows are pairs of one clip."""
        both = self.segmentation(torch.cat([source, target]))
        return self.draw(both[: len(source)], both[len(source) :], source, target)

    def draw(self, parts: Parts, wanted: Parts, source: Tensor, target: Tensor) -> Drawn:
        """The same, of pictures whose parts are known."""
        moved = self.flow(parts, wanted, source, target)
        visible = visibility(parts, wanted)
        features = warp(self.reconstruction.encode(source), moved, visible)
        return Drawn(self.reconstruction.decode(features), parts, wanted, moved, visible)

    def flow(self, source: Parts, target: Parts, source_picture: Tensor, target_picture: Tensor) -> Tensor:
        """F [B, 64, 64, 2] between the parts of two pictures, the background moved where the model does so."""
        camera = None
        if self.background is not None:
            shrink = self.segmentation.shrink
            camera = self.background(shrink(source_picture), shrink(target_picture))
        return flow(source, target, affine=self.config.affine, background=camera)
