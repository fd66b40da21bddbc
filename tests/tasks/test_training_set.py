"""What a training reads of a lake: labels of today, faces long enough, the same clips to judge by at every look."""

import pickle
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from fakelake.catalog.recipe import archive
from fakelake.models.detector.clips import FAKE, REAL
from fakelake.tasks import training_set
from fakelake.tasks.training_set import (
    NothingToLearnFrom,
    RecipeUnknown,
    VideoInfo,
    crop_margin,
    fixed_clips,
    labelled_parts,
    most_used_recipe,
    video_clips,
)
from tests.models.detector.pictures import made_landmarks
from tests.tasks.lake_of_faces import NOW, PX, RECIPE, Made, label, lake_of_faces, people

GAP = 50  # frames, two seconds


def infos(videos):
    return [VideoInfo(made.id, FAKE if made.fake else REAL, "made", made.person or made.name) for made in videos]


def clips_of(lake, videos, px=PX):
    return video_clips(lake, infos(videos), RECIPE.recipe_id, px)


def parts_of(lake, videos, part="train"):
    return labelled_parts(lake, {made.id: part for made in videos}, {made.id: made.name for made in videos})


@pytest.fixture(scope="module")
def couple(tmp_path_factory):
    """A real and a fake video of one person, to be read only."""
    videos = people(1)
    return lake_of_faces(tmp_path_factory.mktemp("couple") / "lake", videos), videos


def test_the_margin_is_what_an_ingest_wrote_down_not_what_a_training_did(couple):
    lake, _ = couple
    lake.append("runs", [{"run_id": "t", "flow": "train_detector", "recipe_id": RECIPE.recipe_id, "recipe": "{}"}])
    assert crop_margin(lake, RECIPE.recipe_id) == 0.25


def test_an_unknown_recipe_is_an_error_that_says_to_ingest_again(couple):
    with pytest.raises(RecipeUnknown, match=r"recipe r99 .* Ingest with it again"):
        crop_margin(couple[0], "r99")


def test_the_recipe_of_most_videos_is_taken_and_faceless_ones_do_not_vote(tmp_path):
    videos = people(3)
    lake = lake_of_faces(tmp_path / "lake", videos)
    lake_of_faces(tmp_path / "lake", videos[:2], archive(), labels=False)
    lake_of_faces(tmp_path / "lake", [Made(name=f"{n}.mp4", frames=()) for n in range(9)], replace(archive(), name="x"))
    assert most_used_recipe(lake, [made.id for made in videos]) == RECIPE.recipe_id
    assert most_used_recipe(lake, [made.id for made in videos[:2]]) in (RECIPE.recipe_id, archive().recipe_id)


def test_labelled_videos_without_any_face_are_an_error_that_says_to_ingest(tmp_path):
    videos = [Made(name="a.mp4", frames=())]
    lake = lake_of_faces(tmp_path / "lake", videos)
    with pytest.raises(NothingToLearnFrom, match="fakelake ingest"):
        most_used_recipe(lake, [videos[0].id])


def test_labels_of_today_count_in_a_split_of_yesterday(tmp_path):
    videos = people(1)
    lake = lake_of_faces(tmp_path / "lake", videos)
    before = {video.video_id: video.label for video in parts_of(lake, videos)["train"]}
    assert before == {videos[0].id: REAL, videos[1].id: FAKE}
    label(lake, videos[:1], fake=True, origin="moderator", at=NOW + timedelta(1))
    lake.append("labels", [{"video_id": videos[1].id, "label": "unsure", "origin": "moderator"}])
    after = {video.video_id: video.label for video in parts_of(lake, videos)["train"]}
    assert after == {videos[0].id: FAKE}, "one was talked round, the other nobody is sure of"


def test_what_the_split_does_not_know_is_in_no_part(couple):
    lake, videos = couple
    assert [video.video_id for video in parts_of(lake, videos[:1], "val")["val"]] == [videos[0].id]


def test_what_the_generator_marked_is_no_training_data_even_when_a_person_confirms_it(tmp_path):
    marked, bare, foreign = (
        Made(name=f"{name}.mp4", fake=True, row={"provenance": mark})
        for name, mark in (("marked", "made by fakelake"), ("bare", None), ("foreign", "a camera's signature"))
    )
    lake = lake_of_faces(tmp_path / "lake", [marked, bare, foreign], labels=False)
    label(lake, [marked, bare], origin="generator")
    label(lake, [foreign])
    in_training = {video.video_id for video in parts_of(lake, [marked, bare, foreign])["train"]}
    assert in_training == {bare.id, foreign.id}
    label(lake, [marked], origin="moderator", at=NOW + timedelta(1))
    assert {video.video_id for video in parts_of(lake, [marked, bare, foreign])["train"]} == in_training


def test_what_is_labelled_but_not_in_the_lake_is_in_no_part(tmp_path):
    """A training swap that was killed half way, or a forgotten video: it would count as one that cannot be scored."""
    lake = lake_of_faces(tmp_path / "lake", people(1))
    gone = Made(name="gone.mp4", fake=True)
    label(lake, [gone])
    assert parts_of(lake, [gone])["train"] == []


def test_a_clip_is_consecutive_crops_of_one_face_and_carries_its_landmarks(couple):
    lake, videos = couple
    source = clips_of(lake, videos)
    clip = source.read(0, 5, np.random.default_rng(0))
    assert clip.frames.shape == (5, PX, PX, 3)
    assert clip.landmarks == pytest.approx(made_landmarks(5, PX), abs=0.01)


def test_landmarks_fit_the_size_at_which_crops_are_read(couple):
    lake, videos = couple
    clip = clips_of(lake, videos, px=32).read(0, 5, np.random.default_rng(0))
    assert clip.frames.shape == (5, 32, 32, 3)
    assert clip.landmarks == pytest.approx(made_landmarks(5, 32), abs=0.01)


def test_a_training_clip_never_spans_a_gap(tmp_path, monkeypatch):
    """Scoring cuts there: a detector must not learn from jumps that it will never see."""
    videos = [Made(name="a.mp4", frames=([*range(7), *range(7 + GAP, 14 + GAP), 200, 201],))]
    source = clips_of(lake_of_faces(tmp_path / "lake", videos), videos)
    read = []
    monkeypatch.setattr(source.reader, "read", lambda track, window, px: read.append(track.frames[window]))
    for seed in range(30):
        source.read(0, 10, np.random.default_rng(seed))
    assert {(int(frames[0]), len(frames)) for frames in read} == {(0, 7), (7 + GAP, 7)}


def test_a_longer_face_is_drawn_more_often_and_from_all_its_length(tmp_path, monkeypatch):
    videos = [Made(name="a.mp4", frames=(range(90), range(10), range(4)))]
    source = clips_of(lake_of_faces(tmp_path / "lake", videos), videos)
    drawn = []
    monkeypatch.setattr(source.reader, "read", lambda track, window, px: drawn.append((track.track_id, window.start)))
    for seed in range(200):
        source.read(0, 6, np.random.default_rng(seed))
    counts = [sum(track == n for track, _ in drawn) for n in range(3)]
    assert counts[2] == 0 and 160 < counts[0] < 198 and counts[1] > 2
    assert max(start for track, start in drawn if track == 0) > 75


def test_videos_without_a_face_or_with_too_short_ones_are_kept_by_name(tmp_path):
    good, none, short, scattered = videos = [
        Made(name="good.mp4"),
        Made(name="none.mp4", frames=()),
        Made(name="short.mp4", frames=(range(4), range(3))),
        Made(name="scattered.mp4", frames=(range(0, 10 * GAP, GAP),)),
    ]
    source = clips_of(lake_of_faces(tmp_path / "lake", videos), videos)
    assert [video.video_id for video in source.videos] == [good.id]
    assert {video.video_id for video in source.without_track} == {none.id, short.id, scattered.id}


def test_clips_travel_to_a_process_that_reads_ahead(couple):
    source = clips_of(*couple)
    there = pickle.loads(pickle.dumps(source))
    one, other = (each.read(1, 6, np.random.default_rng(3)) for each in (source, there))
    assert (one.frames == other.frames).all() and there.labels == source.labels


def test_clips_to_judge_by_are_the_same_at_every_call(couple):
    source = clips_of(*couple)
    one, other = (list(fixed_clips(source, 6, blended=True, most=2)) for _ in range(2))
    assert [clip.video.video_id for clip in one] == [clip.video.video_id for clip in other]
    assert all((a.frames == b.frames).all() for a, b in zip(one, other, strict=True))


def test_a_blend_is_a_fake_video_of_its_own_of_the_same_person_and_fakes_are_not_blended(couple):
    lake, videos = couple
    clips = list(fixed_clips(clips_of(lake, videos), 6, blended=True, most=None))
    kinds = {(clip.video.video_id, clip.video.label, clip.video.group) for clip in clips}
    real, fake = videos
    assert kinds == {
        (real.id, REAL, "made:00"),
        (f"blend:{real.id}", FAKE, "made:00"),
        (fake.id, FAKE, "made:00"),
    }
    by_video = {clip.video.video_id: clip.frames for clip in clips}
    difference = np.abs(by_video[real.id].astype(int) - by_video[f"blend:{real.id}"])
    assert difference.max() > 8, "a blend is visibly another picture"


def test_at_most_so_many_windows_of_a_face_are_judged(tmp_path):
    videos = [Made(name="a.mp4", frames=(range(60), range(12)))]
    source = clips_of(lake_of_faces(tmp_path / "lake", videos), videos)
    clips = list(fixed_clips(source, 6, blended=False, most=3))
    assert [sum(clip.track_id == n for clip in clips) for n in (0, 1)] == [3, 2]


def test_crops_are_read_at_the_models_size_whatever_the_lakes(couple):
    lake, videos = couple
    (clip, *_) = training_set.fixed_clips(clips_of(lake, videos, px=80), 6, blended=False, most=None)
    assert clip.frames.shape == (6, 80, 80, 3)
