"""Which videos are compared for drift, and what is measured of each."""

import numpy as np
import pytest

from fakelake.catalog.training_swaps import DATASET
from fakelake.tasks.drift_lake import NoReference, read_sides, training_of_champion
from tests.tasks.lake_of_ages import NOW, ago, empty_lake, ingest, score, train


@pytest.fixture
def lake(tmp_path):
    return empty_lake(tmp_path / "lake")


def read(lake, days=7.0):
    return read_sides(lake, days, NOW)


def heights(side):
    return sorted(side.face_heights.tolist())


def of_heights(*values):
    return {"faces": [(value, 50.0) for value in values]}


def test_videos_from_before_the_training_are_compared_with_those_of_the_last_days(lake):
    ingest(lake, [1, 2], ago(30), **of_heights(101, 102))
    train(lake, ago(20))
    ingest(lake, [3], ago(10), **of_heights(103))
    ingest(lake, [4, 5, 6], ago(3), **of_heights(104, 105, 106))
    sides = read(lake)
    assert (heights(sides.reference), heights(sides.recent)) == ([101, 102], [104, 105, 106])
    assert (sides.since, sides.training.started_at, sides.training.model_version) == (ago(7), ago(20), "1")
    assert heights(read(lake, days=15).recent) == [103, 104, 105, 106]


def test_what_the_training_knew_is_not_recent_however_young_it_is(lake):
    ingest(lake, [1], ago(5), **of_heights(101))
    train(lake, ago(4))
    ingest(lake, [2], ago(3), **of_heights(102))
    sides = read(lake)
    assert (heights(sides.reference), heights(sides.recent), sides.since) == ([101], [102], ago(4))


def test_of_a_video_the_median_over_its_faces_counts(lake):
    ingest(lake, [1], ago(30), faces=[(80.0, 12.0)])
    train(lake, ago(20))
    reference = read(lake).reference
    assert (reference.face_heights.tolist(), reference.sharpness.tolist()) == ([80], [12])


def test_faces_codecs_and_scores_are_those_of_each_side(lake):
    ingest(lake, range(5), ago(30), faceless=2, logits=[0, 0, -1, -2, -3])
    train(lake, ago(20))
    ingest(lake, [10, 11], ago(2), codec="av1", logits=[4.0, 5.0])
    ingest(lake, [12], ago(1), codec=None)
    sides = read(lake)
    assert dict(sides.reference.faces) == {"with a face": 3, "no face": 2}
    assert (sides.reference.codecs, sides.recent.codecs) == ({"h264": 5}, {"av1": 2, "unknown": 1})
    assert (sorted(sides.reference.scores), sorted(sides.recent.scores)) == ([-3, -2, -1], [4, 5])
    assert (sides.reference.videos, sides.recent.videos) == (5, 3)


def test_scores_are_the_champions_and_leave_out_what_it_learnt_from(lake):
    ingest(lake, [1, 2, 3], ago(30), logits=[-9.0, 1.0, 2.0])
    train(lake, ago(20), learnt=[1])
    score(lake, [1, 2, 3], [7.0, 7.0, 7.0], ago(1), version="2")
    reference = read(lake).reference
    assert sorted(reference.scores) == [1, 2]
    assert len(reference.face_heights) == 3, "its other measures count"


def test_training_swaps_are_on_neither_side(lake):
    ingest(lake, [1], ago(30))
    ingest(lake, [2], ago(30), dataset=DATASET)
    ingest(lake, [3], ago(30), dataset=None)
    train(lake, ago(20))
    ingest(lake, [4], ago(1), dataset=DATASET)
    sides = read(lake)
    assert (sides.reference.videos, sides.recent.videos) == (2, 0)
    assert sides.recent.codecs == {} and dict(sides.recent.faces) == {"with a face": 0, "no face": 0}


def test_a_video_that_is_read_again_under_another_recipe_stays_where_it_was(lake):
    ingest(lake, [1], ago(30), recipe="r1", **of_heights(100))
    train(lake, ago(20))
    ingest(lake, [1], ago(1), recipe="r2", **of_heights(200))
    sides = read(lake)
    assert (heights(sides.reference), heights(sides.recent)) == ([100], [])
    score(lake, [1], [3.0], ago(0), recipe="r2")
    assert heights(read(lake).reference) == [200], "the recipe whose scores count"


def test_frames_without_a_measured_sharpness_do_not_count(lake):
    ingest(lake, [1], ago(30), faces=[(80.0, np.nan)])
    train(lake, ago(20))
    reference = read(lake).reference
    assert (len(reference.face_heights), len(reference.sharpness)) == (1, 0)


def test_the_reference_is_the_training_of_the_present_champion(lake):
    train(lake, ago(30), "1")
    train(lake, ago(20), "2")
    assert (training_of_champion(lake).model_version, training_of_champion(lake).started_at) == ("2", ago(20))


def test_of_two_trainings_with_one_number_the_one_before_the_promotion_counts(lake):
    """Where a registry was begun anew its numbers begin anew too."""
    train(lake, ago(30))
    train(lake, ago(20))
    later = {"run_id": "x", "flow": "train_detector", "summary": '{"model_version": "1"}', "started_at": NOW}
    lake.append("runs", [later])
    assert training_of_champion(lake).started_at == ago(20)


def test_without_a_champion_one_is_told_to_train_one(lake):
    with pytest.raises(NoReference, match=r"no champion.*fakelake train detector"):
        read(lake)


def test_a_champion_that_was_trained_on_another_lake_is_no_reference(lake):
    lake.append("promotions", [{"model": "detector", "model_version": "7", "outcome": "promoted", "at": NOW}])
    with pytest.raises(NoReference, match=r"version 7.*another lake.*fakelake train detector"):
        read(lake)


@pytest.mark.parametrize("days", [0, -1, float("nan")])
def test_days_that_are_none_are_refused(lake, days):
    with pytest.raises(ValueError, match="--days"):
        read(lake, days)
