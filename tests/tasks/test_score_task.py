"""Scoring in one worker: a row a window with its time, or one row with the reason why there is none."""

import pytest

from fakelake.models.detector.infer import best_precision, score_clips
from fakelake.tasks.face_tracks import CropReader, face_tracks
from fakelake.tasks.score_task import ScoreJob, score_videos
from tests.tasks.detectors import bundle_of, opinionated
from tests.tasks.lake_of_faces import FPS, PX, RECIPE, Made, lake_of_faces

LONG = Made(name="long.mp4", frames=(range(10, 25), range(0, 120, 2)))
SHORT = Made(name="short.mp4", frames=(range(4), range(3)))
SCATTERED = Made(name="scattered.mp4", frames=(range(0, 300, 50),))
NONE_FIT = Made(name="other.mp4")
BROKEN = Made(name="broken.mp4", broken=1)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return lake_of_faces(tmp_path_factory.mktemp("score") / "lake", [LONG, SHORT, SCATTERED, BROKEN], labels=False)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return bundle_of(tmp_path_factory.mktemp("bundle") / "model", opinionated())


@pytest.fixture(scope="module")
def score(lake, bundle):
    def scored(*videos):
        same = {"model": "detector", "model_version": "1", "recipe_id": RECIPE.recipe_id, "run_id": "run"}
        ids = tuple(made.id for made in videos)
        return score_videos(ScoreJob(lake.location, str(bundle), "cpu", 1, ids, RECIPE.recipe_id, tuple(same.items())))

    return scored


@pytest.fixture(scope="module")
def rows(score):
    return score(LONG, SHORT, SCATTERED)


def of(rows, made):
    return [row for row in rows if row["video_id"] == made.id]


def test_every_window_has_a_row_with_its_time_and_size(rows):
    windows = [(r["track_id"], r["window"], r["start_s"], r["end_s"], r["frames"]) for r in of(rows, LONG)]
    first = [(0, n, (10 + 6 * n) / FPS, (15 + 6 * n) / FPS, 6) for n in range(2)]  # a rest of 3 is too few
    second = [(1, n, 12 * n / FPS, (12 * n + 10) / FPS, 6) for n in range(10)]
    assert windows == [pytest.approx(window) for window in first + second]


def test_every_row_says_of_which_model_recipe_and_run(rows):
    assert {(r["model"], r["model_version"], r["recipe_id"], r["run_id"]) for r in rows} == {
        ("detector", "1", RECIPE.recipe_id, "run")
    }


def test_a_logit_is_what_the_model_says_of_that_windows_crops(lake, rows):
    tracks = face_tracks(lake, RECIPE.recipe_id, RECIPE.crop_margin, [LONG.id])
    reader, detector = CropReader(lake), opinionated()
    clips = [reader.read(track, window, PX) for track in tracks for window in track.windows(6)]
    expected = [score_clips(detector, [clip], precision=best_precision("cpu"))[0].logit for clip in clips]
    assert [row["logit"] for row in of(rows, LONG)] == pytest.approx(expected, abs=0.02)
    assert len({round(logit, 4) for logit in expected}) > 3


def test_faces_too_short_get_one_row_with_the_reason_and_no_logit(rows):
    for made, longest in ((SHORT, 4), (SCATTERED, 1)):
        (row,) = of(rows, made)
        assert row["reason"] == f"too short: no face is seen in more than {longest} frames on end, 5 are needed"
        assert not {"logit", "track_id", "window"} & set(row)


def test_a_video_without_crops_of_that_recipe_has_the_reason_too(score):
    (row,) = score(NONE_FIT)
    assert row["reason"].startswith("too short: no face is seen in more than 0 frames")


def test_a_video_scores_the_same_alone_and_among_others(score, rows):
    assert [row["logit"] for row in score(LONG)] == pytest.approx([row["logit"] for row in of(rows, LONG)], abs=1e-4)


def test_a_broken_crop_is_an_error_that_names_its_video(score):
    with pytest.raises(ValueError, match=BROKEN.id):
        score(LONG, BROKEN)
