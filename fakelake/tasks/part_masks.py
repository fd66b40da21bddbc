"""The generator's parts on the detector's crops: soft masks, though the one learnt on wider pictures than the other."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from fakelake.models.generator.bundle import GeneratorBundle
from fakelake.models.generator.naming import UNUSED
from fakelake.models.generator.network import Generator
from fakelake.tasks.generator_files import read_generator

AT_ONCE = 16  # crops in a batch


class PartMasks:
    """Finds a generator's parts on crops.

    version: the generator's, which goes on record; names: of the parts, each once: channels of one name are joined
    """

    def __init__(self, generator: Generator, bundle: GeneratorBundle, version: str) -> None:
        self.version, self.px, self.margin = version, bundle.recipe.network.px, bundle.portrait_margin
        channels: dict[str, list[int]] = {}
        for part in bundle.parts:
            if part.name != UNUSED:
                channels.setdefault(part.name, []).append(part.index)
        self._channels = channels
        self.names = tuple(channels)
        self._segmentation = generator.eval().segmentation

    @torch.inference_mode()
    def find(self, crops: np.ndarray, crop_margin: float) -> np.ndarray:
        """uint8 [T, px, px, 3] RGB -> float32 [P, T, px, px], 0 to 1, a map for each of `names`.

        crop_margin: with which the crops were cut, as a share of the face's longer side
        """
        device = next(self._segmentation.parameters()).device
        side = crop_side(self.px, crop_margin, self.margin)
        found = []
        for start in range(0, len(crops), AT_ONCE):
            canvases = np.stack([on_canvas(crop, self.px, side) for crop in crops[start : start + AT_ONCE]])
            pictures = torch.from_numpy(canvases).to(device).movedim(-1, 1).float() / 255
            masks = self._segmentation(pictures).masks
            joined = [masks[:, indices].sum(1) for indices in self._channels.values()]
            if joined:
                found.append(from_canvas(torch.stack(joined, 1), crops.shape[1], self.px, side).cpu().numpy())
        if not found:
            return np.zeros((0, *crops.shape[:3]), np.float32)
        return np.concatenate(found).swapaxes(0, 1).clip(0, 1)


def read_masks(directory: Path, version: str, device: str = "cpu") -> PartMasks:
    """Of a registered generator's files. Raises BundleUnfit."""
    generator, bundle = read_generator(directory)
    return PartMasks(generator.to(device), bundle, version)


def crop_side(px: int, crop_margin: float, portrait_margin: float) -> int:
    """How many of a portrait's `px` a crop of the same face takes up, from its middle; of the same parity as `px`."""
    share = (1 + 2 * crop_margin) / (1 + 2 * portrait_margin)
    return max(2, px - 2 * round((1 - share) * px / 2))


def on_canvas(crop: np.ndarray, px: int, side: int) -> np.ndarray:
    """A crop uint8 [C, C, 3] at `side` px in the middle of a portrait [px, px, 3], its edges repeated outwards.

    Where the crop is the wider one, its middle is cut out.
    """
    shrinks = side < crop.shape[0]
    sized = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    at = np.arange(px) - (px - side) // 2
    return sized[np.ix_(at.clip(0, side - 1), at.clip(0, side - 1))]


def from_canvas(masks: torch.Tensor, crop_px: int, px: int, side: int) -> torch.Tensor:
    """Maps [T, P, h, h] over a portrait of `px` -> [T, P, crop_px, crop_px] over the crop in its middle.

    Beyond the portrait's edge there is no part: 0.
    """
    # Pictures are resized with pixels as areas, maps lie corner on corner (`blocks.grid`).
    places = (torch.arange(crop_px, device=masks.device) + 0.5) * side / crop_px - 0.5 + (px - side) // 2
    line = 2 * places / (px - 1) - 1
    grid = torch.stack(torch.meshgrid(line, line, indexing="ij")[::-1], -1).expand(len(masks), -1, -1, -1)
    return F.grid_sample(masks, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
