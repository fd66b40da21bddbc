"""Portraits of a lake by person and clip, as the generator learns from them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from fakelake.catalog.lake import Lake
from fakelake.tasks.crop import square
from fakelake.tasks.portrait_set import held_out_pairs, portraits, with_landmarks
from tests.models.detector.pictures import made_landmarks
from tests.tasks.lake_of_faces import BOX, RECIPE, Made, lake_of_faces

ANNA = Made(name="anna_1.mp4", portraits=(range(0, 8), range(8, 13)), frames=(range(13),))
ANNA_AGAIN = Made(name="anna_2.mp4", portraits=(range(5),))
BEN = Made(name="ben.mp4", portraits=(range(3), range(4, 10)))
NEVER = Made(name="never.mp4")
PEOPLE = {ANNA.id: "anna", ANNA_AGAIN.id: "anna", BEN.id: "ben", NEVER.id: "cleo"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Lake:
    return lake_of_faces(tmp_path_factory.mktemp("portraits") / "lake", [ANNA, ANNA_AGAIN, BEN, NEVER])


@pytest.fixture
def found(lake):
    return portraits(lake, RECIPE.recipe_id, PEOPLE)


def test_clips_belong_to_people_over_all_their_videos(found):
    assert found.people == ["anna", "ben"]
    rng = np.random.default_rng(0)
    drawn = {found.clip(0, rng) for _ in range(50)}
    assert sorted((found.clips[n].video_id, len(found.clips[n])) for n in drawn) == sorted(
        [(ANNA.id, 8), (ANNA.id, 5), (ANNA_AGAIN.id, 5)]
    )


def test_a_clip_too_short_for_motion_is_left_out(found):
    assert [len(clip) for clip in found.clips if clip.person == "ben"] == [6]


def test_a_video_of_another_recipe_or_of_nobody_asked_for_is_not_read(lake):
    assert len(portraits(lake, "another", PEOPLE)) == 0
    assert portraits(lake, RECIPE.recipe_id, {BEN.id: "ben"}).videos() == {BEN.id}


def test_pictures_come_in_order_of_time_at_the_side_that_is_asked_for(found):
    clip = next(n for n, clip in enumerate(found.clips) if clip.person == "ben")
    assert found.clips[clip].frames.tolist() == list(range(4, 10))
    first, second = found.read(clip, [0, 4], 64).astype(int)
    assert first.shape == (64, 64, 3)
    moved = np.roll(first, 1, 1)  # four frames at 256 px are one pixel here
    assert np.abs(moved - second).mean() < 0.3 * np.abs(first - second).mean()


def test_landmarks_are_places_in_the_window(found):
    left, top, right, _ = square(np.array(BOX), RECIPE.portrait_margin)
    crop_left, crop_top, crop_right, _ = square(np.array(BOX), RECIPE.crop_margin)
    face = made_landmarks(1, 1)[0] * (crop_right - crop_left) + (crop_left, crop_top)
    wanted = 2 * (face - (left, top)) / (right - left) - 1
    np.testing.assert_allclose(found.clips[0].landmarks[0], wanted, atol=1e-5)
    for pictures, landmarks in with_landmarks(found, 64, 3):
        assert pictures.shape == (3, 64, 64, 3) and landmarks.shape == (3, 5, 2) and np.abs(landmarks).max() < 1


def test_held_out_pairs_are_the_same_at_every_call_and_never_one_picture_twice(found):
    pairs = held_out_pairs(found, 64, 4).pairs
    assert pairs.shape == (8, 2, 3, 64, 64)
    assert (pairs == held_out_pairs(found, 64, 4).pairs).all()
    assert all((source != target).any() for source, target in pairs)


def test_they_go_to_readers_in_other_processes(found):
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.read(0, [1], 64), found.read(0, [1], 64))
