"""Flow and visibility against the equations, place by place."""

import numpy as np
import pytest
import torch

from fakelake.models.generator.motion import flow, inverse, part_flows, visibility
from fakelake.models.generator.reconstruction import warp
from fakelake.models.generator.segmentation import Parts
from tests.models.generator.small import random_parts

K = 3


def place(i, j, side=64):
    return np.array([2 * j / (side - 1) - 1, 2 * i / (side - 1) - 1])


@pytest.mark.parametrize("affine", [True, False])
def test_the_flow_is_the_sum_of_the_parts_flows_under_the_targets_masks(affine):
    source, target = random_parts(2, K, seed=1), random_parts(2, K, seed=2)
    found = flow(source, target, affine=affine)
    for b, i, j in [(0, 0, 0), (1, 63, 63), (0, 17, 40), (1, 50, 3)]:
        z = place(i, j)
        wanted = target.masks[b, 0, i, j].item() * z
        for k in range(K):
            p_s, p_t = source.place[b, k].double().numpy(), target.place[b, k].double().numpy()
            turn = np.eye(2)
            if affine:
                turn = source.affine[b, k].double().numpy() @ np.linalg.inv(target.affine[b, k].double().numpy())
            wanted = wanted + target.masks[b, k + 1, i, j].item() * (p_s + turn @ (z - p_t))
        assert found[b, i, j].numpy() == pytest.approx(wanted, abs=1e-4)


def test_between_a_picture_and_itself_nothing_flows():
    parts = random_parts(1, K)
    here = part_flows(parts, parts)[:, 0]
    assert torch.allclose(flow(parts, parts), here, atol=1e-4)


def test_a_moved_camera_moves_the_background_and_no_part():
    source, target = random_parts(1, K, seed=1), random_parts(1, K, seed=2)
    camera = torch.tensor([[[1.1, 0.2, -0.3], [0.0, 0.9, 0.4]]])
    still, moved = part_flows(source, target), part_flows(source, target, background=camera)
    assert torch.equal(still[:, 1:], moved[:, 1:])
    z = torch.tensor(place(20, 30), dtype=torch.float32)
    assert torch.allclose(moved[0, 0, 20, 30], camera[0, :, :2] @ z + camera[0, :, 2], atol=1e-6)


def test_what_the_sources_foreground_covers_is_not_seen_where_the_target_shows_background():
    source, target = random_parts(1, K, seed=3), random_parts(1, K, seed=4)
    seen = visibility(source, target)
    for i, j in [(0, 0), (31, 12), (63, 5)]:
        covered = sum(source.masks[0, k, i, j].item() for k in range(1, K + 1))
        background = 1 - sum(target.masks[0, k, i, j].item() for k in range(1, K + 1))
        assert seen[0, 0, i, j].item() == pytest.approx(1 - covered * background, abs=1e-5)


def test_no_gradient_of_the_visibility_reaches_the_targets_background():
    source, target = random_parts(1, K, seed=3), random_parts(1, K, seed=4)
    masks = [parts.masks.clone().requires_grad_() for parts in (source, target)]
    seen = visibility(*(Parts(m, p.place, p.affine) for m, p in zip(masks, (source, target), strict=True)))
    to_source, to_target = torch.autograd.grad(seen.sum(), masks, allow_unused=True)
    assert to_source.abs().max() > 0 and to_target is None


def test_an_inverse_is_one_and_a_flat_matrix_does_not_fling_a_part_out():
    some = torch.eye(2) + 0.3 * torch.randn(20, 2, 2, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(inverse(some) @ some, torch.eye(2).expand(20, 2, 2), atol=1e-4)
    assert inverse(torch.zeros(1, 2, 2)).isfinite().all()


def test_features_are_taken_from_where_the_flow_points_and_zeros_from_outside():
    features = torch.arange(16.0).view(1, 1, 4, 4)
    here = torch.stack(torch.meshgrid(torch.linspace(-1, 1, 4), torch.linspace(-1, 1, 4), indexing="xy"), -1)[None]
    assert torch.allclose(warp(features, here), features, atol=1e-5)
    right = here + torch.tensor([2 / 3, 0.0])  # one pixel to the right
    wanted = torch.nn.functional.pad(features[..., 1:], (0, 1))
    assert torch.allclose(warp(features, right), wanted, atol=1e-4)
    half = torch.full((1, 1, 4, 4), 0.5)
    assert torch.allclose(warp(features, right, half), wanted / 2, atol=1e-4)
