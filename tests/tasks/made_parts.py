"""A detector that looks at one place of a face, and a generator whose parts are where we put them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fakelake.models.detector.network import Detector, DetectorConfig
from fakelake.models.generator.bundle import GeneratorBundle
from fakelake.models.generator.naming import PartName
from fakelake.models.generator.network import Generator
from fakelake.models.generator.recipes import GeneratorRecipe
from fakelake.models.generator.segmentation import Parts
from fakelake.tasks.part_masks import PartMasks
from tests.models.generator.small import SMALL

MARGIN = 0.5  # of a portrait
Box = tuple[float, float, float, float]  # x1, y1, x2, y2 in sides of the face's box: 0 to 1 is the box itself
EYES, OTHER_EYE, MOUTH, HAIR = (0.1, 0.2, 0.5, 0.45), (0.5, 0.2, 0.9, 0.45), (0.25, 0.65, 0.75, 0.9), (0, -0.5, 1, -0.3)


class FixedParts(nn.Module):
    """Stands in for the segmentation module: the same boxes, sharp, in every portrait."""

    def __init__(self, boxes: Sequence[Box], k: int) -> None:
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(1))
        self.boxes, self.k = boxes, k
        self.seen: list[Tensor] = []

    def forward(self, pictures: Tensor) -> Parts:
        self.seen.append(pictures)
        px = pictures.shape[-1]
        # The map's points lie corner on corner over the portrait's pixels; a pixel's middle is half a pixel in.
        at = (torch.linspace(0, px - 1, 64) + 0.5) / px * (1 + 2 * MARGIN) - MARGIN
        masks = torch.zeros(len(pictures), self.k + 1, 64, 64)
        for n, (x1, y1, x2, y2) in enumerate(self.boxes, 1):
            masks[:, n] = ((at >= y1) & (at < y2)).float()[:, None] * ((at >= x1) & (at < x2)).float()[None]
        masks[:, 0] = 1 - masks[:, 1:].sum(1)
        return Parts(masks, torch.zeros(len(pictures), self.k, 2), torch.zeros(len(pictures), self.k, 2, 2))


def bundle_of(names: Sequence[str]) -> GeneratorBundle:
    """Of a generator with these parts."""
    parts = tuple(PartName(n, name, 0.9) for n, name in enumerate(names, 1))
    return GeneratorBundle(
        recipe=GeneratorRecipe(name="made", network=SMALL), parts=parts, portrait_margin=MARGIN, recipe_id="r",
        split_id="s", trained={},
    )  # fmt: skip


def masks_of(parts: Sequence[tuple[str, Box]], version: str = "4") -> PartMasks:
    """Parts by name and place."""
    generator = Generator(SMALL)
    generator.segmentation = FixedParts([box for _, box in parts], len(parts))
    return PartMasks(generator, bundle_of([name for name, _ in parts]), version)


FACE = (("eyes", EYES), ("eyes", OTHER_EYE), ("mouth", MOUTH), ("hair", HAIR), ("unused", (0.0, 0.9, 1.0, 1.0)))


class Contrast(nn.Module):
    """One map: how far each pixel is from those around it, inside the box, else 0."""

    def __init__(self, box: Box, px: int, crop_margin: float) -> None:
        super().__init__()
        at = (torch.arange(px) + 0.5) / px * (1 + 2 * crop_margin) - crop_margin
        x1, y1, x2, y2 = box
        inside = ((at >= y1) & (at < y2)).float()[:, None] * ((at >= x1) & (at < x2)).float()[None]
        self.register_buffer("share", inside / inside.mean())

    def forward(self, pictures: Tensor) -> Tensor:
        around = F.avg_pool2d(pictures, 9, 1, 4, count_include_pad=False)
        return (pictures - around).abs().mean(1, keepdim=True) * self.share


def looks_at(box: Box, crop_margin: float = 0.0, gain: float = 20.0) -> Detector:
    """A detector whose logit is the contrast in one place of the face, of clips of 6 frames at 112 px."""
    torch.set_num_threads(1)
    detector = Detector(DetectorConfig(trunk="mobilenet_v2", temporal="mean", frames=6, px=112))
    detector.trunk, detector.head = Contrast(box, 112, crop_margin), nn.Linear(1, 2)
    with torch.no_grad():
        detector.head.weight.copy_(torch.tensor([[0.0], [gain]]))
        detector.head.bias.zero_()
    return detector.eval()
