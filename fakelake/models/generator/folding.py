"""A trained network with less to compute: the same function, for inference only."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fakelake.models.generator.winograd import WinogradConvolution, fits


class UpConvolution(nn.Module):
    """Nearest-neighbour doubling and a 3x3 convolution after it, as four 2x2 convolutions of the small picture.

    Each pixel of the doubled picture sees 2 x 2 of the small one, some of them twice: their weights are added up once
    and for all. 16 products an output quartet in place of 36.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        weight = convolution.weight.detach()
        # Along one side, output 0 sees (previous, here, here), output 1 (here, here, next).
        sums = torch.tensor([[[1.0, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]]).to(weight)
        phases = torch.einsum("yab,xcd,oibd->yxoiac", sums, sums, weight)
        outer, inner = weight.shape[:2]
        # As pixel_shuffle wants them: output channel, then row phase, then column phase.
        self.weight = nn.Parameter(phases.permute(2, 0, 1, 3, 4, 5).reshape(4 * outer, inner, 2, 2), False)
        self.bias = nn.Parameter(convolution.bias.detach().repeat_interleave(4), False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, h, w] -> [B, D, 2h, 2w]."""
        outer, (h, w) = self.weight.shape[0] // 4, x.shape[-2:]
        wide = F.conv2d(x, self.weight, self.bias, padding=1).unflatten(1, (outer, 2, 2))
        # Phase 0 begins at the window that reaches back, phase 1 one further on.
        made = x.new_empty(len(x), outer, 2 * h, 2 * w).contiguous(memory_format=torch.channels_last)
        for row in (0, 1):
            for column in (0, 1):
                made[:, :, row::2, column::2] = wide[:, :, row, column, row : row + h, column : column + w]
        return made


def folded(module: nn.Module, *, winograd: bool = False) -> nn.Module:
    """A copy in eval mode, batch norms taken up by the convolutions before them, doublings by those after them.

    winograd: for a CPU and fp32: wide 3x3 convolutions by Winograd's products
    """
    made = copy.deepcopy(module).eval().requires_grad_(False)
    for part in made.modules():
        if isinstance(part, nn.Sequential):
            _fold(part)
            if winograd:
                for at, step in enumerate(part):
                    part[at] = WinogradConvolution(step) if fits(step) else step
    return made


def _fold(steps: nn.Sequential) -> None:
    for at in range(1, len(steps)):
        before, here = steps[at - 1], steps[at]
        if isinstance(before, nn.Conv2d) and isinstance(here, nn.BatchNorm2d):
            steps[at - 1], steps[at] = fuse_conv_bn_eval(before, here), nn.Identity()
    for at in range(1, len(steps)):
        before, here = steps[at - 1], steps[at]
        if isinstance(before, nn.Upsample) and isinstance(here, nn.Conv2d) and here.kernel_size == (3, 3):
            steps[at - 1], steps[at] = nn.Identity(), UpConvolution(here)
