"""Parts from one picture: sizes as published, places and matrices as the text computes them."""

import pytest
import torch

from fakelake.models.generator.config import GeneratorConfig
from fakelake.models.generator.network import Generator
from fakelake.models.generator.segmentation import SegmentationModule
from tests.models.generator.small import SMALL, pictures


def millions(module):
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def test_the_published_configuration_has_its_published_size():
    generator = Generator(GeneratorConfig(parts=10))
    assert millions(generator.segmentation) == pytest.approx(14.23, abs=0.005)
    assert millions(generator.reconstruction) == pytest.approx(7.85, abs=0.006)


@pytest.mark.parametrize("px", [64, 128, 256])
def test_maps_have_64_pixels_a_side_at_every_size_of_picture(px):
    config = GeneratorConfig(parts=3, px=px, seg_base=4, seg_cap=32, rec_base=8, rec_cap=32, rec_blocks=1)
    generator = Generator(config).eval()
    with torch.no_grad():
        drawn = generator(pictures(2, px), pictures(2, px, seed=1))
    assert drawn.source.masks.shape == (2, 4, 64, 64)
    assert (drawn.picture.shape, drawn.flow.shape) == ((2, 3, px, px), (2, 64, 64, 2))
    assert drawn.picture.min() >= 0 and drawn.picture.max() <= 1


def test_the_heads_see_35_channels():
    assert SegmentationModule(GeneratorConfig()).segment.in_channels == 35


def test_masks_are_shares_of_every_place():
    masks = SegmentationModule(SMALL).eval()(pictures(2)).masks
    assert torch.allclose(masks.sum(1), torch.ones(2, 64, 64), atol=1e-5) and masks.min() >= 0


def test_a_place_is_the_mean_of_the_grid_under_its_heat_map_and_a_matrix_that_of_its_map():
    torch.manual_seed(0)
    module = SegmentationModule(SMALL).eval()
    torch.nn.init.normal_(module.turn.weight, std=0.1)
    with torch.no_grad():
        found = module(pictures(1))
        features = module.features(module.shrink(pictures(1)))
        logits, maps = module.heat(features)[0], module.turn(features)[0].view(3, 4, 64, 64)
    for k in range(3):
        weights = torch.exp((logits[k] - logits[k].max()) / 0.1)
        weights /= weights.sum()
        x = sum(float(weights[:, i].sum()) * (2 * i / 63 - 1) for i in range(64))
        y = sum(float(weights[i].sum()) * (2 * i / 63 - 1) for i in range(64))
        assert found.place[0, k].tolist() == pytest.approx([x, y], abs=1e-4)
        assert found.affine[0, k].flatten().tolist() == pytest.approx(
            (weights * maps[k]).sum((1, 2)).tolist(), abs=1e-4
        )


def test_before_it_has_learnt_no_part_is_turned():
    assert torch.allclose(SegmentationModule(SMALL).eval()(pictures(2)).affine, torch.eye(2), atol=1e-5)


@pytest.mark.parametrize("wrong", [{"px": 100}, {"parts": 0}, {"background": "moving"}, {"seg_blocks": 7}])
def test_a_size_that_cannot_be_built_is_refused_in_words(wrong):
    with pytest.raises(ValueError, match=r"px|part|background|blocks"):
        GeneratorConfig(**wrong)
