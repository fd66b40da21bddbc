"""The few blocks that both modules are made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Same(nn.Sequential):
    """Convolution, batch norm, ReLU, at one size."""

    def __init__(self, inner: int, outer: int, kernel: int = 3) -> None:
        super().__init__(nn.Conv2d(inner, outer, kernel, padding=kernel // 2), nn.BatchNorm2d(outer), nn.ReLU(True))


class Down(nn.Sequential):
    """`Same`, then half the size by averaging."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__(*Same(inner, outer), nn.AvgPool2d(2))


class Up(nn.Sequential):
    """Twice the size by nearest neighbours, then `Same`."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__(nn.Upsample(scale_factor=2, mode="nearest"), *Same(inner, outer))


class Residual(nn.Module):
    """x + conv(ReLU(BN(conv(ReLU(BN(x))))))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels), nn.ReLU(True), nn.Conv2d(channels, channels, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Downsample(nn.Module):
    """Every n-th pixel of a picture that was blurred first: sigma = (n - 1) / 2, zeros around it."""

    def __init__(self, channels: int, step: int) -> None:
        super().__init__()
        self.step = step
        sigma = (step - 1) / 2
        reach = round(4 * sigma)
        at = torch.arange(-reach, reach + 1, dtype=torch.float64)
        line = torch.exp(-(at**2) / (2 * sigma**2)) if sigma else torch.ones(1, dtype=torch.float64)
        line = (line / line.sum()).float()
        # Two passes of one dimension are the Gaussian of two: at a quarter of the size 26 products a pixel, not 169.
        self.register_buffer("down", line.view(1, 1, -1, 1).repeat(channels, 1, 1, 1), persistent=False)
        self.register_buffer("across", line.view(1, 1, 1, -1).repeat(channels, 1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, ceil(H / step), ceil(W / step)]."""
        if self.step == 1:
            return x
        reach, groups = self.down.shape[2] // 2, x.shape[1]
        x = F.conv2d(x, self.down, stride=(self.step, 1), padding=(reach, 0), groups=groups)
        return F.conv2d(x, self.across, stride=(1, self.step), padding=(0, reach), groups=groups)


def grid(height: int, width: int, device: torch.device | str | None = None) -> Tensor:
    """Places of the pixels' centres, x then y, -1 to 1 from the first to the last: [H, W, 2].

    This is the convention of `align_corners=True`, which everything that resizes or samples a map here has to use.
    """
    ys, xs = (torch.linspace(-1, 1, n, device=device) for n in (height, width))
    return torch.stack(torch.meshgrid(ys, xs, indexing="ij")[::-1], dim=-1)


def resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """[B, C, h, w] -> [B, C, *size], bilinear, corners on corners."""
    return maps if maps.shape[-2:] == size else F.interpolate(maps, size, mode="bilinear", align_corners=True)
