"""The perceptual loss: layers, scales, weights, and that it judges without learning."""

import pytest
import torch

from fakelake.models.generator.blocks import Downsample
from fakelake.models.generator.perceptual import MEAN, SCALES, STD, PerceptualLoss
from tests.models.generator.small import pictures


@pytest.fixture(scope="module")
def vgg():
    torch.manual_seed(0)
    return PerceptualLoss("vgg19", weights="scratch")


def test_vgg_is_compared_at_relu_1_1_to_5_1(vgg):
    assert [[type(layer).__name__ for layer in stage][-1] for stage in vgg.stages] == ["ReLU"] * 5
    widths = [feature.shape[1:] for feature in vgg.features(pictures(1))]
    assert widths == [(64, 64, 64), (128, 32, 32), (256, 16, 16), (512, 8, 8), (512, 4, 4)]
    assert sum(len(stage) for stage in vgg.stages) == 30


def test_the_loss_is_the_sum_over_scales_and_layers(vgg):
    a, b = pictures(1), pictures(1, seed=1)
    whole = torch.nn.Sequential(*(layer for stage in vgg.stages for layer in stage))
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    wanted = 0.0
    with torch.no_grad():
        for step in (1, 2, 4):  # an eighth of 64 px has nothing left at relu5_1
            shrink = Downsample(3, step)
            for cut in (2, 7, 12, 21, 30):
                x, y = (whole[:cut]((shrink(picture) - mean) / std) for picture in (a, b))
                wanted += 10 * float((x - y).abs().mean())
        assert vgg(a, b).item() == pytest.approx(wanted, rel=1e-4)


def test_a_picture_of_128_px_is_compared_at_all_scales(vgg, monkeypatch):
    seen = []
    monkeypatch.setattr(vgg, "features", lambda picture: seen.append(picture.shape[-1]) or [picture])
    vgg(pictures(1, 128), pictures(1, 128, seed=1))
    assert seen == [128, 128, 64, 64, 32, 32, 16, 16]


def test_pixels_need_no_weights():
    a, b = pictures(1), pictures(1, seed=1)
    wanted = sum(10 * float((Downsample(3, s)(a) - Downsample(3, s)(b)).abs().mean()) for s in SCALES)
    assert PerceptualLoss("pixels")(a, b).item() == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("kind", ["vgg19", "mobilenet_v2", "pixels"])
def test_a_picture_is_like_itself_and_gradients_go_to_what_was_made_only(kind):
    loss = PerceptualLoss(kind, weights="scratch")
    made, wanted = pictures(1).requires_grad_(), pictures(1, seed=1).requires_grad_()
    assert loss(made, made.detach()).item() == 0
    loss(made, wanted).backward()
    assert made.grad.abs().max() > 0 and wanted.grad is None
    assert not any(parameter.requires_grad for parameter in loss.parameters())


def test_it_does_not_learn_though_what_holds_it_is_told_to():
    held = torch.nn.ModuleList([PerceptualLoss("mobilenet_v2", weights="scratch")]).train()
    before = {name: value.clone() for name, value in held.state_dict().items()}
    held[0](pictures(2), pictures(2, seed=1))
    assert all(torch.equal(value, before[name]) for name, value in held.state_dict().items())


def test_an_unknown_kind_names_the_known():
    with pytest.raises(ValueError, match="vgg19, mobilenet_v2, pixels"):
        PerceptualLoss("alexnet")
