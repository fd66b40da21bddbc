"""A generator for tests of swaps: random weights, but parts that lie where one can see it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from fakelake.models.generator.bundle import GeneratorBundle, write_bundle
from fakelake.models.generator.config import GeneratorConfig
from fakelake.models.generator.naming import PartName
from fakelake.models.generator.network import Generator
from fakelake.models.generator.recipes import light

PARTS = (PartName(1, "cheeks", 0.8, ("cheeks", "mouth")), PartName(2, "eyes", 0.6), PartName(3, "unused", 1.0))
WARM, SURE = 0.12, 40.0  # red above blue from which a pixel counts as skin; how sharp that edge is
NETWORK = GeneratorConfig(parts=3, px=64, seg_base=4, seg_cap=32, rec_base=8, rec_cap=32, rec_blocks=1)


def skin_generator(config: GeneratorConfig = NETWORK, seed: int = 0) -> Generator:
    """Part 1 is what is warm in colour, as skin is; the other parts are nowhere. What it draws is noise, and bright."""
    torch.manual_seed(seed)
    generator = Generator(config)
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    segment, middle = generator.segmentation.segment, 3
    with torch.no_grad():
        segment.weight.zero_()
        segment.bias.fill_(-30)
        segment.bias[0], segment.bias[1] = 0, -SURE * WARM
        red, _, blue = range(segment.weight.shape[1] - 3, segment.weight.shape[1])  # the picture itself comes last
        segment.weight[1, red, middle, middle], segment.weight[1, blue, middle, middle] = SURE, -SURE
        generator.reconstruction.decoder[-1].weight.mul_(20)
    return generator.eval()


def write_skin_bundle(directory: Path, config: GeneratorConfig = NETWORK) -> Path:
    """Its files, as a training registers them."""
    recipe = replace(light(), network=config)
    bundle = GeneratorBundle(
        recipe=recipe, parts=PARTS, portrait_margin=0.5, recipe_id="r" * 16, split_id="s", trained={"people": 0}
    )
    write_bundle(directory, skin_generator(config), bundle, "For tests.")
    return directory
