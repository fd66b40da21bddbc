"""The reconstruction module: the source's features, warped to the target, made a picture.

Hung et al. 2020, section 3.2. The three steps are apart, so that a source is encoded once for many targets.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fakelake.models.generator.blocks import Down, Residual, Same, Up, resize
from fakelake.models.generator.config import GeneratorConfig

HALVINGS = 2


class ReconstructionModule(nn.Module):
    """Encoder to a quarter of the size, warp, residual blocks, decoder."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        widths = [min(config.rec_cap, config.rec_base * 2**i) for i in range(HALVINGS + 1)]
        pairs = list(itertools.pairwise(widths))
        self.encoder = nn.Sequential(Same(3, widths[0], 7), *(Down(a, b) for a, b in pairs))
        self.decoder = nn.Sequential(
            *(Residual(widths[-1]) for _ in range(config.rec_blocks)),
            *(Up(b, a) for a, b in reversed(pairs)),
            nn.Conv2d(widths[0], 3, 7, padding=3),
        )  # fmt: skip

    def encode(self, pictures: Tensor) -> Tensor:
        """float [B, 3, px, px], RGB, 0 to 1 -> features [B, 256, px / 4, px / 4]."""
        return self.encoder(pictures)

    def decode(self, features: Tensor) -> Tensor:
        """Features -> pictures [B, 3, px, px], RGB, 0 to 1."""
        return torch.sigmoid(self.decoder(features).float())


def warp(features: Tensor, flow: Tensor, visible: Tensor | None = None) -> Tensor:
    """Features [B, C, h, w] of the source at the places of a flow [B, h', w', 2]; times V [B, 1, h', w'], if given.

    Places outside the picture give zeros.
    """
    size = features.shape[-2:]
    places = resize(flow.movedim(-1, 1), size).movedim(1, -1)
    warped = F.grid_sample(features, places.to(features.dtype), "bilinear", "zeros", align_corners=True)
    return warped if visible is None else warped * resize(visible, size).to(features.dtype)
