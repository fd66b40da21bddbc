import pickle

import cv2
import numpy as np
import pytest

from fakelake.tasks import perturb
from fakelake.tasks.perturb import FAMILIES, PERTURBATIONS

NAMES = [point.name for point in PERTURBATIONS]


def moving(frames=6, height=64, width=64):
    """uint8 [T, H, W, 3] RGB: a texture from fine to coarse, and a red square that moves over it to the right."""
    rng = np.random.default_rng(0)
    texture = np.full((height, width, 3), 90.0)
    for sigma in (0.7, 1.5, 3):
        grain = cv2.GaussianBlur(rng.normal(size=(height, width, 3)), (0, 0), sigma)
        texture += 14 * grain / grain.std()
    clip = np.stack([texture.clip(0, 255).astype(np.uint8)] * frames)
    for t in range(frames):
        clip[t, 16:48, 4 * t : 4 * t + 24] = (220, 30, 40)
    return clip


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2))


def test_the_points_are_those_that_a_robustness_curve_is_drawn_from():
    assert NAMES == [
        "crf 23", "crf 32", "crf 40", "resize 0.5", "resize 0.25", "blur 1 px", "blur 2 px", "jpeg 60",
    ]  # fmt: skip
    assert {point.family for point in PERTURBATIONS} == set(FAMILIES)


@pytest.mark.parametrize("point", PERTURBATIONS, ids=NAMES)
@pytest.mark.parametrize("shape", [(6, 64, 64), (1, 63, 65)])
def test_a_clip_comes_back_changed_in_its_own_shape_and_leaves_the_original_alone(point, shape):
    clip = moving(*shape)
    before = clip.copy()
    changed = point.apply(clip)
    assert (changed.shape, changed.dtype, changed.flags.c_contiguous) == (clip.shape, np.uint8, True)
    assert (clip == before).all()
    assert not (changed == clip).all()


@pytest.mark.parametrize("point", PERTURBATIONS, ids=NAMES)
def test_red_stays_red(point):
    changed = point.apply(moving())
    red, green, blue = changed[0, 24:40, 4:20].reshape(-1, 3).mean(axis=0)
    assert red > 190 and green < 70 and blue < 80


@pytest.mark.parametrize("point", PERTURBATIONS, ids=NAMES)
def test_every_frame_comes_back_in_its_own_place(point):
    clip = moving()
    changed = point.apply(clip)
    for t, frame in enumerate(changed):
        assert np.argmax([psnr(frame, original) for original in clip]) == t


@pytest.mark.parametrize(
    "milder, harsher",
    [
        (perturb.h264(23), perturb.h264(32)),
        (perturb.h264(32), perturb.h264(40)),
        (perturb.resize(0.5), perturb.resize(0.25)),
        (perturb.blur(1), perturb.blur(2)),
        (perturb.jpeg(90), perturb.jpeg(60)),
    ],
    ids=lambda point: point.name,
)
def test_the_harsher_point_of_a_family_loses_more(milder, harsher):
    clip = moving()
    assert psnr(clip, milder.apply(clip)) > psnr(clip, harsher.apply(clip)) + 0.3


def test_a_point_travels_to_another_process():
    for point in PERTURBATIONS:
        clip = moving(2)
        assert (pickle.loads(pickle.dumps(point)).apply(clip) == point.apply(clip)).all()


@pytest.mark.parametrize("clip", [np.zeros((2, 8, 8), np.uint8), np.zeros((2, 8, 8, 3), np.float32)])
def test_what_is_no_clip_is_refused(clip):
    with pytest.raises(ValueError, match="uint8"):
        PERTURBATIONS[0].apply(clip)
