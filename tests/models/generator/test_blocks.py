"""Blur before leaving pixels out; corners on corners."""

import math

import pytest
import torch

from fakelake.models.generator.blocks import Downsample, Residual, grid, resize


@pytest.mark.parametrize(("step", "side"), [(1, 1), (2, 5), (4, 13), (8, 29)])
def test_a_picture_is_blurred_by_the_gaussian_of_its_step(step, side):
    sigma = (step - 1) / 2
    picture = torch.zeros(1, 2, 64, 64)
    picture[0, 1, 32, 24] = 1
    made = Downsample(2, step)(picture)
    assert made.shape == (1, 2, 64 // step, 64 // step)
    reach, sum_ = side // 2, 0.0
    for y in range(-reach, reach + 1):
        for x in range(-reach, reach + 1):
            sum_ += math.exp(-(x * x + y * y) / (2 * sigma**2)) if sigma else 1.0
    for row in range(64 // step):
        for column in range(64 // step):
            y, x = 32 - row * step, 24 - column * step
            inside = abs(y) <= reach and abs(x) <= reach
            wanted = (math.exp(-(x * x + y * y) / (2 * sigma**2)) if sigma else 1.0) / sum_ if inside else 0.0
            assert made[0, 1, row, column].item() == pytest.approx(wanted, abs=1e-6)
    assert made[0, 0].abs().max() == 0, "channels do not mix"


def test_the_grid_goes_from_corner_to_corner_x_before_y():
    places = grid(3, 5)
    assert places.shape == (3, 5, 2)
    assert places[0, 0].tolist() == [-1, -1] and places[2, 4].tolist() == [1, 1]
    assert places[0, 1].tolist() == [-0.5, -1]


def test_maps_are_resized_corners_on_corners():
    ramp = torch.linspace(0, 1, 64).view(1, 1, 1, 64).repeat(1, 1, 64, 1)
    assert torch.allclose(resize(ramp, (16, 16))[0, 0, 0], torch.linspace(0, 1, 16), atol=1e-6)


def test_a_residual_block_of_zero_weights_changes_nothing():
    block = Residual(4)
    torch.nn.init.zeros_(block.body[-1].weight)
    torch.nn.init.zeros_(block.body[-1].bias)
    x = torch.randn(2, 4, 8, 8)
    assert torch.equal(block(x.clone()), x)
