"""Degradations lose what they should and keep count, size and colours."""

import numpy as np
import pytest

from fakelake.models.detector import degrade
from fakelake.models.detector.augment import Augmentation
from tests.models.detector.pictures import made_clip


def psnr(one, other):
    return 10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2))


def test_red_stays_red_through_every_codec():
    red = np.zeros((3, 64, 64, 3), np.uint8)
    red[..., 0] = 200
    for coded in (degrade.jpeg(red, 90), degrade.h264(red, 20), degrade.rescale(red, 0.5), degrade.blur(red, 1.0)):
        assert coded.shape == red.shape
        means = coded.reshape(-1, 3).mean(0)
        assert means[0] > 170 and means[1:].max() < 25


def test_a_lower_quality_loses_more():
    clip = made_clip(1)
    assert psnr(clip, degrade.jpeg(clip, 95)) > psnr(clip, degrade.jpeg(clip, 40)) + 2
    assert psnr(clip, degrade.h264(clip, 20)) > psnr(clip, degrade.h264(clip, 40)) + 2
    assert psnr(clip, degrade.rescale(clip, 0.8)) > psnr(clip, degrade.rescale(clip, 0.25)) + 2
    assert psnr(clip, degrade.blur(clip, 0.5)) > psnr(clip, degrade.blur(clip, 2)) + 2


@pytest.mark.parametrize("frames", [1, 2, 31])
def test_h264_gives_every_frame_back_in_its_place(frames):
    clip = np.stack([np.full((33, 65, 3), 8 * n, np.uint8) for n in range(frames)])  # odd sides
    coded = degrade.h264(clip, 23)
    assert coded.shape == clip.shape
    np.testing.assert_allclose(coded.mean((1, 2, 3)), clip.mean((1, 2, 3)), atol=3)


def test_colours_that_are_not_changed_stay():
    clip = made_clip(2)
    same = degrade.recolour(clip, shift=np.zeros(3, np.float32), hue=0, saturation=1, value=1, brightness=0, contrast=1)
    assert np.abs(same.astype(int) - clip).max() <= 4


def test_an_augmentation_follows_from_its_draw_alone():
    clip = made_clip(3)
    one, again, other = (Augmentation()(clip, np.random.default_rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_every_step_at_once_still_gives_a_clip():
    everything = Augmentation(flip=1, move=1, colour=1, grey=1, jpeg=1, h264=1, rescale=1, blur=1, noise=1)
    clip = everything(made_clip(3), np.random.default_rng(0))
    assert clip.shape == (6, 64, 64, 3) and clip.dtype == np.uint8 and clip.flags.c_contiguous


def test_no_step_leaves_the_clip_alone():
    nothing = Augmentation(flip=0, move=0, colour=0, grey=0, jpeg=0, h264=0, rescale=0, blur=0, noise=0)
    clip = made_clip(3)
    np.testing.assert_array_equal(nothing(clip, np.random.default_rng(0)), clip)
