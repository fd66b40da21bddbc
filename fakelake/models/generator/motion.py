"""From the parts of two pictures to the flow between them, and to what of the background can be seen.

Hung et al. 2020, section 3.2 and equation 1; grids and maps as `blocks.grid` says.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fakelake.models.generator.blocks import grid
from fakelake.models.generator.segmentation import Parts

LEAST_DETERMINANT = 1e-4  # of a part's matrix that is inverted: below it a part would be flung out of the picture


def part_flows(source: Parts, target: Parts, *, affine: bool = True, background: Tensor | None = None) -> Tensor:
    """Where in the source each part says that a place of the target comes from: [B, K + 1, 64, 64, 2].

    F_k(z) = p_S + A_S A_T^-1 (z - p_T); the background stays, F_0(z) = z, unless `background` [B, 2, 3] moves it.
    affine: False leaves the matrices out
    """
    here = grid(*target.masks.shape[-2:], device=target.masks.device)
    away = here - target.place[:, :, None, None]
    if affine:
        turn = source.affine @ inverse(target.affine)
        away = torch.einsum("bkij,bkhwj->bkhwi", turn, away)
    moved = source.place[:, :, None, None] + away
    still = here.expand(len(moved), 1, *here.shape)
    if background is not None:
        still = (torch.einsum("bij,hwj->bhwi", background[:, :, :2], here) + background[:, None, None, :, 2]).unsqueeze(
            1
        )
    return torch.cat([still, moved], dim=1)


def flow(source: Parts, target: Parts, *, affine: bool = True, background: Tensor | None = None) -> Tensor:
    """F(z) = sum over k of Y_T^k(z) F_k(z): backward flow from target to source, [B, 64, 64, 2]."""
    flows = part_flows(source, target, affine=affine, background=background)
    return torch.einsum("bkhw,bkhwc->bhwc", target.masks, flows)


def visibility(source: Parts, target: Parts) -> Tensor:
    """V = 1 - O_S * sg(Y_T^0): [B, 1, 64, 64].

    Low where the target shows background that the source's foreground stands before. Without the stop-gradient the
    target's background map would become a channel through which its picture leaks into the reconstruction.
    """
    foreground = source.masks[:, 1:].sum(1, keepdim=True)
    uncovered = 1 - target.masks[:, 1:].sum(1, keepdim=True)
    return 1 - foreground * uncovered.detach()


def inverse(matrices: Tensor) -> Tensor:
    """Of [..., 2, 2], in closed form; a determinant nearer to 0 than LEAST_DETERMINANT is taken as that."""
    a, b, c, d = matrices.flatten(-2).unbind(-1)
    determinant = a * d - b * c
    safe = torch.where(determinant < 0, -1.0, 1.0) * determinant.abs().clamp_min(LEAST_DETERMINANT)
    return torch.stack([d, -b, -c, a], -1).unflatten(-1, (2, 2)) / safe[..., None, None]
