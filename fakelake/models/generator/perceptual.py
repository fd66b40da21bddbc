"""How unlike two pictures are, to a network that has learnt to see: equation 2 of Hung et al. 2020.

Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV 2016.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models import mobilenet_v2
from torchvision.models.vgg import cfgs, make_layers

from fakelake.models.generator.blocks import Downsample
from fakelake.models.weights import WeightsUnfit, resolve

SCALES = (1, 2, 4, 8)
WEIGHT = 10.0
LEAST_PX = 16  # halved four times, this is the last that has a pixel left: smaller scales are left out
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet
# Trunk -> how it is built, its weights, and after which of its layers its features are compared. VGG-19: relu1_1 to
# relu5_1. MobileNetV2: the last block of each size, from half to a thirty-second.
TRUNKS = {
    "vgg19": (lambda: make_layers(cfgs["E"]), "vgg19-imagenet", (2, 7, 12, 21, 30)),
    "mobilenet_v2": (lambda: mobilenet_v2(weights=None).features, "mobilenet_v2-imagenet", (2, 4, 7, 14, 18)),
}
KINDS = (*TRUNKS, "pixels")


class PerceptualLoss(nn.Module):
    """Sum over scales s and layers l of WEIGHT * mean |phi_l(D_s a) - sg phi_l(D_s b)|.

    kind: vgg19, mobilenet_v2, or pixels: the pictures themselves at each scale, for a machine without weights
    Raises WeightsMissing, WeightsUnfit.
    """

    def __init__(self, kind: str = "vgg19", *, weights: str = "imagenet") -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"perceptual is one of {', '.join(KINDS)}, not {kind!r}")
        self.scales = nn.ModuleList(Downsample(3, step) for step in SCALES)
        self.stages = nn.ModuleList(_stages(kind, weights) if kind in TRUNKS else ())
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> PerceptualLoss:
        """It judges, and never learns: its batch norms keep their statistics."""
        return super().train(False)

    def forward(self, made: Tensor, wanted: Tensor) -> Tensor:
        """[B, 3, H, W] each, RGB, 0 to 1 -> one number; its gradient goes into `made` only."""
        loss = made.new_zeros(())
        for shrink in self.scales:
            a, b = shrink(made), shrink(wanted.detach())
            if self.stages and min(a.shape[-2:]) < LEAST_PX:
                break
            if not self.stages:
                loss = loss + WEIGHT * (a - b).abs().mean()
                continue
            for x, y in zip(self.features(a), self.features(b), strict=True):
                loss = loss + WEIGHT * (x.float() - y.float().detach()).abs().mean()
        return loss

    def features(self, pictures: Tensor) -> list[Tensor]:
        """phi_1 to phi_5 of pictures [B, 3, H, W]."""
        x, found = (pictures - self.mean) / self.std, []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


def _stages(kind: str, weights: str) -> list[nn.Sequential]:
    build, name, cuts = TRUNKS[kind]
    network = build()
    if weights == "imagenet":
        resolved = resolve(name)
        state = torch.load(resolved.path, map_location="cpu", weights_only=True)
        prefix = "features."  # the classifier behind them is not built
        try:
            network.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
        except RuntimeError as error:
            first = str(error).splitlines()[0]
            raise WeightsUnfit(f"{resolved.path} does not hold a {kind}: {first}") from None
    for module in network.modules():
        if isinstance(module, nn.ReLU | nn.ReLU6):
            module.inplace = False  # features are compared after the next stage has begun with them
    layers = list(network)
    return [nn.Sequential(*layers[low:high]) for low, high in zip((0, *cuts), cuts, strict=False)]
