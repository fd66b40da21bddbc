"""Challenger against champion on the same clips: equal ones are equal, and what cannot be compared says why."""

from dataclasses import replace

import numpy as np
import pytest

from fakelake.catalog.splits import read_split, store_split
from fakelake.models.detector.network import DetectorConfig
from fakelake.tasks.evaluate import Windows
from fakelake.tasks.judge import judge
from fakelake.tasks.promotion import ENOUGH_IDENTITIES, NotComparable, compare, difference, seen_people
from fakelake.tasks.split import SplitSettings, make_split
from fakelake.tasks.split_lake import labelled_videos
from tests.tasks.detectors import all_knowing, bundle_of, judged_as, opinionated, plan_of, undecided
from tests.tasks.lake_of_faces import lake_of_faces, people


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """People enough for a test part of ten."""
    return lake_of_faces(tmp_path_factory.mktemp("promotion") / "lake", people(60, frames=5))


@pytest.fixture(scope="module")
def plan(lake):
    plan = plan_of(lake)
    assert len({video.group for video in plan.parts["test"].videos}) >= ENOUGH_IDENTITIES
    return plan


@pytest.fixture(scope="module")
def champion(plan, tmp_path_factory):
    return bundle_of(tmp_path_factory.mktemp("bundle") / "model", undecided(), split_id=plan.split_id)


def test_one_that_knows_all_is_better_than_one_that_knows_nothing(lake, plan, champion):
    found = compare(lake, plan, all_knowing(plan), champion).whole
    assert (found.metric, found.a, found.b) == ("auc", 1.0, 0.5)
    assert found.low > 0 and found.a_is_better


def test_one_that_is_always_wrong_is_not_better(lake, plan, champion):
    wrong = judged_as(all_knowing(plan), lambda label: -1.0 if label else 1.0)
    found = compare(lake, plan, wrong, champion).whole
    assert found.high < 0 and not found.a_is_better


def test_the_same_model_again_is_equal_and_so_not_better(lake, plan, tmp_path):
    challenger = judge(opinionated(), plan.parts["test"], blended=False)
    found = compare(lake, plan, challenger, bundle_of(tmp_path / "model", opinionated(), split_id=plan.split_id)).whole
    assert (found.difference, found.low, found.high) == (0.0, 0.0, 0.0)
    assert not found.a_is_better


@pytest.mark.parametrize(
    "margin, px, says", [(0.0, 64, "64 px with a margin of 0,"), (0.25, 96, "96 px with a margin of 0.25,")]
)
def test_a_champion_of_other_crops_cannot_be_compared(lake, plan, tmp_path, margin, px, says):
    other = undecided(DetectorConfig(trunk="mobilenet_v2", temporal="mean", frames=6, px=px))
    with pytest.raises(NotComparable, match=says):
        compare(lake, plan, all_knowing(plan), bundle_of(tmp_path / "model", other, margin=margin))


def test_a_champion_whose_files_are_damaged_cannot_be_compared(lake, plan, tmp_path):
    champion = bundle_of(tmp_path / "model", undecided())
    (champion / "weights.pt").write_bytes(b"")
    with pytest.raises(NotComparable, match="cannot be asked"):
        compare(lake, plan, all_knowing(plan), champion)


def test_people_from_whom_the_champion_learnt_under_another_split_do_not_judge_it(lake, plan, tmp_path):
    other = make_split(labelled_videos(lake).videos, SplitSettings(seed=1))
    store_split(lake, other.rows())
    learnt = {other.group[video] for video, part in other.part.items() if part != "test"}
    tested = {video.group for video in plan.parts["test"].videos}
    assert seen_people(lake, plan, other.split_id) == learnt & tested != set()
    memory = bundle_of(tmp_path / "model", undecided(), split_id=other.split_id)
    with pytest.raises(NotComparable, match=f"--split {other.split_id}"):
        compare(lake, plan, all_knowing(plan), memory)
    found = difference(all_knowing(plan), judge(undecided(), plan.parts["test"], blended=False), [*tested][:1])
    assert found.n == len(tested) - 1


def grown(lake, plan, tested):
    """A split with the plan's train and val, of whose test part only the videos of these people were there before."""
    part, group = read_split(lake, plan.split_id)
    rows = [
        {"split_id": f"before-{len(tested)}", "video_id": video, "part": name, "group_id": group[video]}
        for video, name in part.items()
        if name != "test" or group[video] in tested
    ]
    store_split(lake, rows)
    return rows[0]["split_id"]


def test_where_the_test_part_grew_frozen_and_newest_videos_are_told_apart(lake, plan, tmp_path):
    people_tested = sorted({video.group for video in plan.parts["test"].videos})
    before = grown(lake, plan, set(people_tested[:6]))
    found = compare(lake, plan, all_knowing(plan), bundle_of(tmp_path / "model", undecided(), split_id=before))
    assert (found.whole.n, found.frozen.n, found.newest.n) == (len(people_tested), 6, len(people_tested) - 6)
    assert found.better and "of these the frozen ones: auc +0.500" in found.as_text()


def test_one_that_is_better_on_the_whole_and_worse_on_what_was_frozen_is_not_better(lake, plan, tmp_path):
    people_tested = sorted({video.group for video in plan.parts["test"].videos})
    frozen = set(people_tested[:4])
    before = grown(lake, plan, frozen)
    videos = {video.video_id: video for video in plan.parts["test"].videos}
    right = all_knowing(plan)
    logits = [
        -score if videos[video].group in frozen else score
        for video, score in zip(right.windows.video_ids, right.windows.logits, strict=True)
    ]
    forgot = replace(right, windows=replace(right.windows, logits=np.array(logits)))
    found = compare(lake, plan, forgot, bundle_of(tmp_path / "model", undecided(), split_id=before))
    assert found.frozen.high < 0 < found.newest.low
    assert found.whole.a_is_better and not found.better


def test_a_champion_of_an_unknown_split_cannot_be_compared(lake, plan, tmp_path):
    with pytest.raises(NotComparable, match="nobody can say whom it learnt from"):
        compare(lake, plan, all_knowing(plan), bundle_of(tmp_path / "model", undecided(), split_id="0" * 16))


def test_the_luck_of_a_few_people_makes_no_champion(tmp_path):
    plan = plan_of(lake_of_faces(tmp_path / "lake", people(12, frames=5)))
    found = difference(all_knowing(plan), judge(undecided(), plan.parts["test"], blended=False))
    assert found.low > 0 and found.n < ENOUGH_IDENTITIES and not found.a_is_better


def test_models_that_scored_other_videos_cannot_be_compared(plan):
    one = all_knowing(plan)
    windows = one.windows
    fewer = Windows(windows.video_ids[1:], windows.track_ids[1:], windows.logits[1:], windows.frames[1:])
    with pytest.raises(NotComparable, match="did not score the same videos"):
        difference(one, replace(one, windows=fewer))


def test_with_one_person_to_test_on_nothing_is_claimed(tmp_path):
    lake = lake_of_faces(tmp_path / "lake", people(3, frames=6))
    plan = plan_of(lake)
    found = difference(all_knowing(plan), judge(undecided(), plan.parts["test"], blended=False))
    assert found.difference is None and not found.a_is_better
    assert "n too small" in found.as_text()
