"""Parts have to follow their picture: what is drawn out of shape, is found out of shape.

Hung et al. 2020, section 3.3, after Siarohin et al., "First Order Motion Model for Image Animation", NeurIPS 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fakelake.models.generator.blocks import grid
from fakelake.models.generator.motion import inverse
from fakelake.models.generator.segmentation import Parts

AFFINE_SIGMA = 0.05
BEND_SIGMA = 0.005
POINTS = 5  # a side of the grid of control points
WEIGHT = 10.0
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Transform:
    """One random map a picture: T(z) = A z + b + sum over i of w_i U(|z - c_i|_1), with U(r) = r^2 log(r + 1e-6).

    linear: [B, 2, 3]; bend: [B, POINTS^2, 2], the weights of the control points
    """

    linear: Tensor
    bend: Tensor

    @classmethod
    def random(cls, pictures: int, device: torch.device | str, generator: torch.Generator | None = None) -> Transform:
        noise = torch.randn(pictures, 2, 3, generator=generator, device=device) * AFFINE_SIGMA
        bend = torch.randn(pictures, POINTS**2, 2, generator=generator, device=device) * BEND_SIGMA
        return cls(torch.eye(2, 3, device=device) + noise, bend)

    def __call__(self, places: Tensor) -> Tensor:
        """[B, N, 2] -> [B, N, 2]."""
        r = (places.unsqueeze(2) - self._controls()).abs().sum(-1)
        straight = places @ self.linear[:, :, :2].mT + self.linear[:, None, :, 2]
        return straight + (r**2 * torch.log(r + _TINY)) @ self.bend

    def jacobian(self, places: Tensor) -> Tensor:
        """dT/dz at each place, [B, N, 2, 2], written out: dU/dz = (2 r log(r + e) + r^2 / (r + e)) sign(z - c)."""
        away = places.unsqueeze(2) - self._controls()
        r = away.abs().sum(-1)
        slope = 2 * r * torch.log(r + _TINY) + r**2 / (r + _TINY)
        bent = torch.einsum("bnp,bpi,bnpj->bnij", slope, self.bend, away.sign())
        return self.linear[:, None, :, :2] + bent

    def warp(self, pictures: Tensor) -> Tensor:
        """T o X: [B, C, H, W] whose place z shows what X shows at T(z); beyond the border the border goes on."""
        height, width = pictures.shape[-2:]
        places = grid(height, width, device=pictures.device).flatten(0, 1).expand(len(pictures), -1, 2)
        return F.grid_sample(
            pictures, self(places).unflatten(1, (height, width)), "bilinear", "border", align_corners=True
        )

    def _controls(self) -> Tensor:
        return grid(POINTS, POINTS, device=self.linear.device).flatten(0, 1)


def equivariance(parts: Parts, warped: Parts, transform: Transform) -> tuple[Tensor, Tensor]:
    """Of parts of X and parts of T o X: the losses of the shifts and of the matrices, unweighted.

    mean |p(X) - T(p(T o X))|  and  mean |1 - A(X)^-1 J_T(p(T o X)) A(T o X)|
    """
    shift = (parts.place - transform(warped.place)).abs().mean()
    carried = transform.jacobian(warped.place) @ warped.affine
    unit = torch.eye(2, device=carried.device)
    return shift, (unit - inverse(parts.affine) @ carried).abs().mean()
