"""3x3 convolutions with a quarter of the products, for CPUs, whose libraries leave them out.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016: F(4x4, 3x3), the interpolation points
0, 1, -1, 2, -2 and infinity.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TILE = 4  # pixels of the output that one tile gives, each way; it sees TILE + 2 of the input
LEAST_CHANNELS = 128  # in and out: with fewer the transforms cost more than they save

_INPUT = (
    (4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1),
)  # fmt: skip
_KERNEL = (
    (1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1),
)  # fmt: skip
_OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


class WinogradConvolution(nn.Module):
    """A 3x3 convolution of stride 1 with a border of zeros, as products of transformed tiles. For inference, in fp32.

    Differs from the plain sum by rounding only: by some 1e-5 of the largest value.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        turn, back, kernel = (torch.tensor(m, dtype=torch.float64) for m in (_INPUT, _OUTPUT, _KERNEL))
        weight = torch.einsum("ya,xb,oiab->yxio", kernel, kernel, convolution.weight.detach().double())
        self.register_buffer("weight", weight.flatten(0, 1).float().contiguous())  # [36, in, out]
        self.register_buffer("bias", convolution.bias.detach().float())
        self.register_buffer("turn", torch.kron(turn, turn).float())
        self.register_buffer("back", torch.kron(back, back).float())

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, h, w] -> [B, D, h, w], quickest in channels_last, which it gives."""
        rows, channels, height, width = x.shape
        down, across = -(-height // TILE), -(-width // TILE)
        margins = (0, 0, 1, TILE * across - width + 1, 1, TILE * down - height + 1)
        tiles = F.pad(x.permute(0, 2, 3, 1), margins).unfold(1, TILE + 2, TILE).unfold(2, TILE + 2, TILE)
        turned = self.turn @ tiles.permute(4, 5, 0, 1, 2, 3).reshape(len(self.turn), -1)
        products = torch.bmm(turned.view(len(self.turn), -1, channels), self.weight)
        made = (self.back @ products.flatten(1)).view(TILE, TILE, rows, down, across, -1)
        whole = made.permute(2, 3, 0, 4, 1, 5).reshape(rows, TILE * down, TILE * across, -1) + self.bias
        return whole[:, :height, :width].permute(0, 3, 1, 2)


def fits(module: nn.Module) -> bool:
    """Whether a module is a convolution that gains by it."""
    return (
        isinstance(module, nn.Conv2d)
        and (module.kernel_size, module.stride, module.padding) == ((3, 3), (1, 1), (1, 1))
        and min(module.in_channels, module.out_channels) >= LEAST_CHANNELS
        and module.groups == 1
    )
