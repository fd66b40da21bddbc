"""Judging a part: the same clips for everyone, blends only where they are needed, nobody missing from the count."""

from dataclasses import replace

import numpy as np
import pytest

from fakelake.models.detector.clips import FAKE, REAL
from fakelake.tasks.judge import VALIDATION_CLIPS, held_out, judge, needs_blends
from fakelake.tasks.perturb import Perturbation
from fakelake.tasks.training_set import VideoInfo, video_clips
from tests.tasks.detectors import opinionated
from tests.tasks.lake_of_faces import PX, RECIPE, Made, lake_of_faces, people

VIDEOS = [
    *people(2),
    Made(name="long.mp4", person="made:00", frames=(range(120), range(6))),
    Made(name="none.mp4", fake=True, person="made:01", frames=()),
    Made(name="short.mp4", person="made:01", frames=(range(4),)),
    Made(name="scattered.mp4", person="made:01", frames=(range(0, 300, 50),)),
]


def info(made):
    return VideoInfo(made.id, FAKE if made.fake else REAL, "made", made.person)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return lake_of_faces(tmp_path_factory.mktemp("judge") / "lake", VIDEOS)


@pytest.fixture(scope="module")
def source(lake):
    return video_clips(lake, [info(made) for made in VIDEOS], RECIPE.recipe_id, PX)


@pytest.fixture(scope="module")
def reals(lake):
    return video_clips(lake, [info(made) for made in VIDEOS if not made.fake], RECIPE.recipe_id, PX)


@pytest.fixture(scope="module")
def judged(source):
    return judge(opinionated(), source, blended=False)


def test_the_same_clips_are_judged_at_every_call(source, judged):
    again = judge(opinionated(), source, blended=False)
    assert again.videos == judged.videos
    assert (again.windows.logits == judged.windows.logits).all()
    assert len(np.unique(judged.windows.logits)) > 4, "a detector that says the same of all would prove nothing"


def test_videos_that_cannot_be_judged_stay_in_the_count_with_the_reason(judged):
    assert len(judged.videos) == len(VIDEOS)
    missing = {video.video_id: video.missing for video in judged.videos if video.missing}
    assert missing == {made.id: "no face, or too short" for made in VIDEOS[-3:]}
    assert not set(missing) & set(judged.windows.video_ids.tolist())


def test_a_face_is_judged_by_all_its_windows_as_it_is_scored_or_by_some_spread_over_it(source, judged):
    def windows(judged):
        return np.bincount(judged.windows.track_ids[judged.windows.video_ids == VIDEOS[4].id]).tolist()

    assert windows(judged) == [len(track.windows(6)) for track in source.tracks[source.videos.index(long_one(source))]]
    assert windows(judge(opinionated(), source, blended=False, most=3)) == [3, 1]
    assert (judged.windows.frames == 6).all()


def long_one(source):
    return next(video for video in source.videos if video.video_id == VIDEOS[4].id)


def test_labels_people_and_methods_come_along(judged):
    (one,) = (video for video in judged.videos if video.video_id == VIDEOS[1].id)
    assert (one.label, one.identity, one.method) == (FAKE, "made:00", "made")
    assert judged.labels[VIDEOS[0].id] == REAL


def test_blends_are_needed_only_where_a_part_has_no_fake_of_its_own(source, reals):
    assert not needs_blends(source)
    assert needs_blends(reals)
    of_reals = judge(opinionated(), reals, blended=needs_blends(reals))
    fakes = [video for video in of_reals.videos if video.label == FAKE]
    assert {video.video_id for video in fakes} == {f"blend:{made.id}" for made in (VIDEOS[0], VIDEOS[2], VIDEOS[4])}
    assert {video.identity for video in fakes} == {"made:00", "made:01"}


def test_a_fake_without_a_face_does_not_spare_the_blends(lake):
    """It is counted, but nothing can be measured on it."""
    part = video_clips(lake, [info(VIDEOS[0]), info(VIDEOS[5])], RECIPE.recipe_id, PX)
    assert needs_blends(part)


def test_a_perturbation_harms_every_clip_before_it_is_judged(source, judged):
    black = Perturbation("black", "blur", 1.0, lambda clip: np.zeros_like(clip))
    harmed = judge(opinionated(), source, blended=False, perturbation=black)
    assert len(harmed.windows.logits) == len(judged.windows.logits)
    assert np.ptp(harmed.windows.logits) < 1e-4 < np.ptp(judged.windows.logits)


def test_clips_held_out_are_the_same_at_every_call_one_or_two_a_face_and_bounded(source, reals):
    one, other = (held_out(reals, 6, blended=True) for _ in range(2))
    assert one.labels == other.labels and set(one.labels) == {REAL, FAKE}
    assert all((a == b).all() for a, b in zip(one.clips, other.clips, strict=True))
    assert len(held_out(source, 6, blended=False).clips) == 5 * 2 + 1
    many = replace_videos(source, 300)
    assert len(held_out(many, 6, blended=False).clips) == VALIDATION_CLIPS


def replace_videos(source, count):
    """The first video so many times."""
    many = object.__new__(type(source))
    many.reader, many.px = source.reader, source.px
    many.videos = [replace(source.videos[0], video_id=str(n)) for n in range(count)]
    many.tracks, many.labels, many.without_track = [source.tracks[0]] * count, [REAL] * count, []
    return many
