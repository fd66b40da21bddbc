"""A generator small enough for tests, and parts drawn at random."""

from __future__ import annotations

import torch

from fakelake.models.generator.config import GeneratorConfig
from fakelake.models.generator.segmentation import Parts

SMALL = GeneratorConfig(parts=3, px=64, seg_base=4, seg_cap=32, rec_base=8, rec_cap=32, rec_blocks=1)


def pictures(number: int, px: int = 64, seed: int = 0) -> torch.Tensor:
    return torch.rand(number, 3, px, px, generator=torch.Generator().manual_seed(seed))


def random_parts(pictures: int, k: int, side: int = 64, seed: int = 0) -> Parts:
    """Masks, places and matrices that no network would give, so that no term of an equation is zero by luck."""
    g = torch.Generator().manual_seed(seed)
    masks = torch.randn(pictures, k + 1, side, side, generator=g).softmax(1)
    place = torch.rand(pictures, k, 2, generator=g) * 2 - 1
    affine = torch.eye(2) + 0.3 * torch.randn(pictures, k, 2, 2, generator=g)
    return Parts(masks, place, affine)
