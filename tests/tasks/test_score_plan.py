"""What is left to score: everything that fits and that this very version has not looked at, and nothing twice."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fakelake.catalog.scores import commit_scores
from fakelake.models.bundle import BundleUnfit
from fakelake.tasks.score_plan import NoFittingCrops, plan_scoring
from tests.tasks.detectors import bundle_of, undecided
from tests.tasks.lake_of_faces import RECIPE, Made, lake_of_faces, people

SAME_MARGIN = replace(RECIPE, crop_quality=90)
OTHER_MARGIN = replace(RECIPE, crop_margin=0.0)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return bundle_of(tmp_path_factory.mktemp("bundle") / "model", undecided())


def plan(lake, bundle, version="1", dataset=None):
    return plan_scoring(lake, "detector", version, bundle, dataset)


def looked_at(videos, version="1", recipe=RECIPE):
    same = {"recipe_id": recipe.recipe_id, "model": "detector", "model_version": version, "reason": "too short"}
    return [{**same, "video_id": made.id} for made in videos]


def test_every_ready_video_is_to_be_scored_and_faceless_ones_are_not(tmp_path, bundle):
    videos = people(2)
    lake = lake_of_faces(tmp_path / "lake", [*videos, Made(name="none.mp4", frames=())])
    found = plan(lake, bundle)
    assert found.todo == {RECIPE.recipe_id: tuple(sorted(made.id for made in videos))}
    assert (found.videos, found.done, found.unfit) == (4, 0, 0)


def test_videos_that_came_last_are_first(tmp_path, bundle):
    days = [1, 3, 2]
    videos = [
        Made(name=f"{n}.mp4", row={"ingested_at": datetime(2026, 1, day, tzinfo=UTC)}) for n, day in enumerate(days)
    ]
    lake = lake_of_faces(tmp_path / "lake", videos)
    assert plan(lake, bundle).todo[RECIPE.recipe_id] == (videos[1].id, videos[2].id, videos[0].id)


def test_what_this_version_has_looked_at_is_done_what_another_has_is_not(tmp_path, bundle):
    videos = people(2)
    lake = lake_of_faces(tmp_path / "lake", videos)
    commit_scores(lake, looked_at(videos[:3]))
    assert (plan(lake, bundle).videos, plan(lake, bundle).done) == (1, 3)
    assert (plan(lake, bundle, version="2").videos, plan(lake, bundle, version="2").done) == (4, 0)
    commit_scores(lake, looked_at(videos))
    assert (plan(lake, bundle).todo, plan(lake, bundle).done) == ({}, 4)


def test_other_recipes_of_the_same_margin_fit_and_those_of_another_are_counted(tmp_path, bundle):
    videos = people(2)
    lake = lake_of_faces(tmp_path / "lake", videos[:1])
    lake_of_faces(tmp_path / "lake", videos[:2], SAME_MARGIN, labels=False)
    lake_of_faces(tmp_path / "lake", videos[2:], OTHER_MARGIN, labels=False)
    found = plan(lake, bundle)
    assert {recipe: len(ids) for recipe, ids in found.todo.items()} == {RECIPE.recipe_id: 1, SAME_MARGIN.recipe_id: 2}
    assert found.unfit == 2


def test_a_lake_of_other_crops_only_says_which_recipe_is_wanted_and_how_to_get_it(tmp_path, bundle):
    lake = lake_of_faces(tmp_path / "lake", people(2), OTHER_MARGIN)
    wanted = rf"margin of 0.25, as recipe {RECIPE.recipe_id} .* lake's 4 videos .*--set crop_margin=0.25"
    with pytest.raises(NoFittingCrops, match=wanted):
        plan(lake, bundle)


def test_crops_of_which_nobody_knows_the_margin_do_not_fit(tmp_path, bundle):
    lake = lake_of_faces(tmp_path / "lake", people(1), SAME_MARGIN, run=False)
    with pytest.raises(NoFittingCrops):
        plan(lake, bundle)


def test_one_data_set_can_be_chosen(tmp_path, bundle):
    lake = lake_of_faces(tmp_path / "lake", [Made(name="a.mp4", row={"dataset": "news"}), *people(1)])
    assert plan(lake, bundle, dataset="news").videos == 1
    assert plan(lake, bundle, dataset="nothing").todo == {}


def test_a_model_that_cannot_be_read_is_refused_before_any_worker_starts(tmp_path, bundle):
    lake = lake_of_faces(tmp_path / "lake", people(1))
    with pytest.raises(BundleUnfit):
        plan(lake, tmp_path / "nowhere")
