"""The generator learnt on portraits; its parts come back at the right place on crops that are cut closer."""

import cv2
import numpy as np
import pytest
import torch

from fakelake.models.generator.network import Generator
from fakelake.tasks import crop
from fakelake.tasks.part_masks import PartMasks, crop_side, from_canvas, on_canvas
from tests.models.generator.small import SMALL
from tests.tasks.made_parts import FACE, MARGIN, MOUTH, bundle_of, masks_of

FRAME = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (600, 600, 3), np.uint8), (0, 0), 6)
BOX = np.array([220.0, 200.0, 380.0, 360.0])


def region(x1, y1, x2, y2, *, halved=False):
    cut = FRAME[y1:y2, x1:x2]
    return cv2.resize(cut, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) if halved else cut


def cut(margin, px):
    return crop.picture(region, crop.square(BOX, margin), px)


def inside(box, px, margin):
    """Where a box of the face lies on a crop, by the definition of a crop's margin."""
    at = (np.arange(px) + 0.5) / px * (1 + 2 * margin) - margin
    x1, y1, x2, y2 = box
    return np.outer((at >= y1) & (at < y2), (at >= x1) & (at < x2)).astype(np.float32)


@pytest.mark.parametrize("margin", [0.0, 0.25])
@pytest.mark.parametrize("px", [64, 128, 256])
def test_on_the_canvas_a_crop_lies_where_the_portrait_has_it(margin, px):
    side = crop_side(px, margin, MARGIN)
    assert side == px * (1 + 2 * margin) / 2
    canvas, portrait = on_canvas(cut(margin, 112), px, side), cut(MARGIN, px)
    edge = (px - side) // 2
    middle = np.s_[edge + 1 : px - edge - 1, edge + 1 : px - edge - 1]
    off = np.abs(canvas[middle].astype(int) - portrait[middle]).mean()
    moved = np.abs(np.roll(canvas, 2, 1)[middle].astype(int) - portrait[middle]).mean()
    assert off < 2 and off < moved / 2
    assert (canvas[:edge] == canvas[edge]).all() and (canvas[:, -edge:] == canvas[:, [-edge - 1]]).all()


@pytest.mark.parametrize("margin", [0.0, 0.25, 0.5, 0.7])
def test_a_part_of_the_portrait_comes_back_at_its_place_on_the_crop(margin):
    masks = masks_of(FACE)
    crops = np.stack([cut(min(margin, 0.5), 112)] * 3)
    found = dict(zip(masks.names, masks.find(crops, margin), strict=True))
    expected = inside(MOUTH, 112, margin)
    assert found["mouth"].shape == (3, 112, 112)
    # The maps are coarse: edges may be soft by a point of theirs, middle and size may not be off.
    assert np.abs(found["mouth"] - expected).mean() < 0.02
    ys, xs = np.mgrid[:112, :112]
    for axis in (ys, xs):
        ours, theirs = ((axis * m).sum() / m.sum() for m in (found["mouth"][0], expected))
        assert abs(ours - theirs) < 0.8
    assert found["mouth"].sum() / 3 == pytest.approx(expected.sum(), rel=0.08)


def test_parts_of_one_name_are_one_and_unused_ones_are_none():
    masks = masks_of(FACE)
    assert masks.names == ("eyes", "mouth", "hair")
    eyes = masks.find(np.zeros((1, 112, 112, 3), np.uint8), 0.0)[0, 0]
    assert eyes[36, 30] == eyes[36, 80] == 1 and eyes[80, 56] == 0


def test_a_crop_wider_than_the_portrait_has_no_part_beyond_its_edge():
    side = crop_side(64, 0.7, MARGIN)
    assert side > 64
    assert on_canvas(cut(0.5, 112), 64, side).shape == (64, 64, 3)
    whole = from_canvas(torch.ones(1, 1, 64, 64), 112, 64, side)[0, 0]
    assert whole[56, 56] == 1 and whole[0].max() == 0 and whole[:, -1].max() == 0


def test_the_generator_is_shown_rgb_from_0_to_1_at_its_own_size():
    masks = masks_of(FACE)
    crops = np.zeros((20, 112, 112, 3), np.uint8)
    crops[..., 0] = 255
    masks.find(crops, 0.0)
    seen = torch.cat(masks._segmentation.seen)
    assert seen.shape == (20, 3, SMALL.px, SMALL.px)
    assert (seen[:, 0] == 1).all() and (seen[:, 1:] == 0).all()


def test_a_trained_network_s_maps_are_shares_that_never_exceed_the_whole():
    torch.manual_seed(0)
    masks = PartMasks(Generator(SMALL), bundle_of(["mouth", "eyes", "mouth"]), "1")
    found = masks.find(np.stack([cut(0.0, 112)] * 2), 0.0)
    assert found.shape == (2, 2, 112, 112) and found.min() >= 0 and found.sum(0).max() <= 1 + 1e-5
    nothing = PartMasks(Generator(SMALL), bundle_of(["unused"] * 3), "1").find(np.zeros((2, 112, 112, 3), np.uint8), 0)
    assert nothing.shape == (0, 2, 112, 112)
