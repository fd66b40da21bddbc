"""The random transform and the two losses that hold parts to their picture."""

import pytest
import torch

from fakelake.models.generator.equivariance import POINTS, Transform, equivariance
from fakelake.models.generator.segmentation import Parts
from tests.models.generator.small import pictures, random_parts


@pytest.fixture
def bend():
    return Transform.random(2, "cpu", torch.Generator().manual_seed(0))


def slow(transform, b, z):
    """T(z) of the text, term by term."""
    out = transform.linear[b, :, :2] @ z + transform.linear[b, :, 2]
    at = torch.linspace(-1, 1, POINTS)
    for i in range(POINTS):
        for j in range(POINTS):
            r = (z - torch.stack([at[j], at[i]])).abs().sum()
            out = out + transform.bend[b, i * POINTS + j] * r**2 * torch.log(r + 1e-6)
    return out


def test_a_transform_is_affine_and_a_thin_plate(bend):
    places = torch.rand(2, 7, 2) * 2 - 1
    found = bend(places)
    for b in range(2):
        for n in range(7):
            assert torch.allclose(found[b, n], slow(bend, b, places[b, n]), atol=1e-5)


def test_its_derivative_is_that_of_autograd(bend):
    places = torch.rand(2, 5, 2) * 2 - 1
    found = bend.jacobian(places)
    for b in range(2):
        for n in range(5):
            wanted = torch.autograd.functional.jacobian(lambda z, b=b: slow(bend, b, z), places[b, n])
            assert torch.allclose(found[b, n], wanted, atol=1e-4)


def test_a_warped_picture_shows_at_z_what_was_at_t_of_z():
    shift = Transform(torch.tensor([[[1.0, 0, 2 / 63], [0, 1, 0]]]), torch.zeros(1, POINTS**2, 2))
    picture = pictures(1)
    warped = shift.warp(picture)
    assert torch.allclose(warped[..., :-1], picture[..., 1:], atol=1e-3)
    assert torch.allclose(warped[..., -1], picture[..., -1], atol=1e-3), "beyond the border the border goes on"


def test_parts_that_follow_their_picture_cost_nothing(bend):
    warped = random_parts(2, 3)
    place = bend(warped.place)
    affine = bend.jacobian(warped.place) @ warped.affine
    shift, matrices = equivariance(Parts(warped.masks, place, affine), warped, bend)
    assert shift < 1e-6 and matrices < 1e-4


def test_the_losses_are_those_of_the_text(bend):
    parts, warped = random_parts(2, 3, seed=5), random_parts(2, 3, seed=6)
    shift, matrices = equivariance(parts, warped, bend)
    misses, turns = [], []
    for b in range(2):
        for k in range(3):
            p = warped.place[b, k]
            misses.append((parts.place[b, k] - slow(bend, b, p)).abs())
            jacobian = torch.autograd.functional.jacobian(lambda z, b=b: slow(bend, b, z), p)
            carried = torch.linalg.inv(parts.affine[b, k]) @ jacobian @ warped.affine[b, k]
            turns.append((torch.eye(2) - carried).abs())
    assert shift.item() == pytest.approx(torch.stack(misses).mean().item(), rel=1e-4)
    assert matrices.item() == pytest.approx(torch.stack(turns).mean().item(), rel=1e-3)
