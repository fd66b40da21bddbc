"""Self-blended images: what changes, what stays, and that five points place the mask."""

import numpy as np
import pytest

from fakelake.models.detector.blend import MEAN_FIVE, face_masks, fitted, mean_hull, self_blend
from tests.models.detector.pictures import made_clip, made_landmarks


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_similarity_moves_the_mean_face_onto_the_landmarks():
    angle, scale, shift = np.deg2rad(20), 80.0, np.array([14.0, 9.0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    landmarks = scale * MEAN_FIVE @ turn.T + shift
    np.testing.assert_allclose(fitted(landmarks, MEAN_FIVE, 112), landmarks, atol=1e-3)


def test_mirrored_landmarks_do_not_turn_the_face_inside_out():
    landmarks = MEAN_FIVE * 100
    landmarks[:, 0] = 100 - landmarks[:, 0]
    hull = fitted(landmarks, mean_hull(), 112)
    assert np.isfinite(hull).all() and np.ptp(hull[:, 0]) > 10


def test_without_landmarks_the_face_is_taken_to_fill_the_picture():
    np.testing.assert_array_equal(fitted(np.full((5, 2), np.nan), MEAN_FIVE, 64), MEAN_FIVE * 64)


def test_the_hull_holds_all_five_points():
    import cv2

    hull = (mean_hull() * 112).astype(np.float32)
    assert all(cv2.pointPolygonTest(hull, tuple(map(float, point * 112)), False) > 0 for point in MEAN_FIVE)


def test_masks_are_soft_lie_over_the_face_and_fade_to_the_border():
    for seed in range(20):
        masks = face_masks(made_landmarks(2), 64, 64, rng(seed))
        assert masks.min() >= 0 and masks.max() <= 1
        assert masks[0].max() >= 0.2 and masks[0, :3].max() < 0.5 * masks[0].max()
        assert len(np.unique(masks[0])) > 50


@pytest.mark.parametrize("seed", range(5))
def test_a_blend_changes_the_face_within_its_mask_or_all_around_it_but_never_becomes_another_picture(seed):
    clip = made_clip(1)
    fake = self_blend(clip, made_landmarks(), rng(seed))
    assert fake.shape == clip.shape and fake.dtype == np.uint8
    difference = np.abs(fake.astype(int) - clip)
    assert 0.3 < difference.mean() < 60


def test_the_same_draw_gives_the_same_fake_and_another_draw_another():
    clip, landmarks = made_clip(1), made_landmarks()
    np.testing.assert_array_equal(self_blend(clip, landmarks, rng(3)), self_blend(clip, landmarks, rng(3)))
    assert (self_blend(clip, landmarks, rng(3)) != self_blend(clip, landmarks, rng(4))).any()


def test_all_frames_of_a_clip_are_changed_alike():
    still = np.repeat(made_clip(1)[:1], 4, 0)
    fake = self_blend(still, made_landmarks(4), rng(2))
    assert (fake == fake[:1]).all()


def test_the_original_is_left_as_it_was():
    clip = made_clip(1)
    before = clip.copy()
    self_blend(clip, made_landmarks(), rng(1))
    np.testing.assert_array_equal(clip, before)
