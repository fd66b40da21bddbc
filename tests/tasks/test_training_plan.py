"""A training that cannot work is refused in words before any time is spent; one that can is planned and repeatable."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fakelake.catalog.splits import SplitNotFound, read_split, split_ids, store_split
from fakelake.models.detector.clips import FAKE, REAL, OneClassOnly
from fakelake.tasks.split import LeakageError, SplitError
from fakelake.tasks.training_plan import PARTS, make_recipe, plan_training
from fakelake.tasks.training_set import NothingToLearnFrom, RecipeUnknown
from tests.tasks.lake_of_faces import NOW, RECIPE, Made, label, lake_of_faces, people

LIGHT = make_recipe("light", {"weights": "scratch", "px": 64})
PAPER = make_recipe("paper", {"weights": "scratch", "px": 64})


@pytest.fixture(scope="module")
def videos():
    return people(12, frames=6)


@pytest.fixture(scope="module")
def lake(videos, tmp_path_factory):
    """Twelve people, a real and a fake video each. Tests of this file only read it, and store splits of it."""
    return lake_of_faces(tmp_path_factory.mktemp("plan") / "lake", videos)


def split_of(lake, split_id, **parts):
    """Store a split that says so: part=[videos]."""
    rows = [
        {"split_id": split_id, "video_id": made.id, "part": part, "group_id": made.person or made.name}
        for part, members in parts.items()
        for made in members
    ]
    store_split(lake, rows)
    return split_id


def test_parts_share_no_person_and_leave_no_video_out(lake, videos):
    plan = plan_training(lake, LIGHT)
    people_of = {name: {video.group for video in plan.parts[name].videos} for name in PARTS}
    assert all(people_of.values())
    assert sum(map(len, people_of.values())) == len(set().union(*people_of.values())) == 12
    assert sum(len(plan.parts[name]) for name in PARTS) == len(videos)
    assert all({REAL, FAKE} == set(plan.parts[name].labels) for name in PARTS)
    assert (plan.recipe_id, plan.margin, plan.blended) == (RECIPE.recipe_id, 0.25, 0.5)
    assert plan.remarks == ()


def test_the_split_is_made_and_stored_once(lake):
    first = plan_training(lake, LIGHT)
    assert first.split_id in split_ids(lake)
    stored = len(split_ids(lake))
    second = plan_training(lake, LIGHT)
    assert (second.split_id, second.key, len(split_ids(lake))) == (first.split_id, first.key, stored)
    assert read_split(lake, first.split_id)[0] == {
        video.video_id: name for name in PARTS for video in first.parts[name].videos
    }


def test_a_training_with_other_settings_other_videos_or_other_labels_is_another_training(lake, videos, tmp_path):
    key = plan_training(lake, LIGHT).key
    assert plan_training(lake, replace(LIGHT, seed=1)).key != key
    other = lake_of_faces(tmp_path / "lake", videos)
    split_id = plan_training(other, LIGHT).split_id
    assert plan_training(other, LIGHT, split=split_id).key == key
    label(other, videos[:1], fake=True, origin="moderator", at=NOW + timedelta(1))
    assert plan_training(other, LIGHT, split=split_id).key != key, "the same split, with a label that was talked round"


def test_a_split_can_be_named_by_its_beginning_and_an_unknown_one_lists_those_there_are(lake):
    split_id = plan_training(lake, LIGHT).split_id
    assert plan_training(lake, LIGHT, split=split_id[:8]).split_id == split_id
    with pytest.raises(SplitNotFound, match=split_id):
        plan_training(lake, LIGHT, split="zz")


def test_nothing_labelled_says_to_import_labels(tmp_path):
    lake = lake_of_faces(tmp_path / "lake", people(2), labels=False)
    with pytest.raises(SplitError, match="Import labels first"):
        plan_training(lake, LIGHT)
    split_of(lake, "s1", train=people(2))
    with pytest.raises(NothingToLearnFrom, match="fakelake labels import"):
        plan_training(lake, LIGHT, split="s1")


def test_one_class_says_which_is_missing_and_what_to_do(tmp_path):
    fakes = [replace(made, fake=True) for made in people(9, fakes=False)]
    with pytest.raises(OneClassOnly, match=r"No real video.*labels import"):
        plan_training(lake_of_faces(tmp_path / "fakes", fakes), LIGHT)
    reals = lake_of_faces(tmp_path / "reals", people(9, fakes=False))
    with pytest.raises(OneClassOnly, match=r"labelled fake.*blended=1"):
        plan_training(reals, PAPER)


def test_without_a_fake_self_blended_ones_take_their_place_and_the_plan_says_what_figures_then_mean(tmp_path):
    plan = plan_training(lake_of_faces(tmp_path / "lake", people(9, fakes=False)), LIGHT)
    assert plan.blended == 1.0
    assert [remark.split(" ")[1] for remark in plan.remarks] == ["val", "test"]
    assert all("self-blended" in remark and "nothing of deepfakes" in remark for remark in plan.remarks)


def test_a_part_without_people_is_refused_and_says_to_add_people(tmp_path):
    lake = lake_of_faces(tmp_path / "lake", people(2))
    with pytest.raises(NothingToLearnFrom, match=r"leaves no video for val.*Add people.*splits make"):
        plan_training(lake, LIGHT)


def test_a_demo_borrows_and_says_loudly_that_its_figures_mean_nothing(tmp_path):
    lake = lake_of_faces(tmp_path / "lake", people(1, fakes=False))
    plan = plan_training(lake, make_recipe("demo", {"weights": "scratch"}), demo=True)
    assert all(len(plan.parts[name]) == 1 for name in PARTS)
    loud = [remark for remark in plan.remarks if "THE FIGURES OF THIS MODEL MEAN NOTHING" in remark]
    assert len(loud) == 1 and "val and test" in loud[0] and "borrowed the videos of train" in loud[0]


def test_with_people_enough_a_demo_borrows_nothing_and_still_says_what_it_is(lake):
    plan = plan_training(lake, make_recipe("demo", {"weights": "scratch"}), demo=True)
    people_of = [{video.group for video in plan.parts[name].videos} for name in PARTS]
    assert sum(map(len, people_of)) == len(set().union(*people_of))
    (remark,) = plan.remarks
    assert "DEMONSTRATION" in remark and "figures mean nothing" in remark and "borrowed" not in remark


def test_a_part_whose_faces_are_all_too_short_is_empty(tmp_path):
    videos = people(3)
    short = [replace(made, frames=(range(4),)) for made in videos[4:]]
    lake = lake_of_faces(tmp_path / "lake", [*videos[:4], *short])
    split_of(lake, "s1", train=videos[:2], val=videos[2:4], test=videos[4:])
    with pytest.raises(NothingToLearnFrom, match="leaves no video for test"):
        plan_training(lake, LIGHT, split="s1")


def test_a_part_without_an_authentic_video_is_refused(tmp_path):
    videos = people(3)
    lake = lake_of_faces(tmp_path / "lake", videos)
    split_of(lake, "s1", train=videos[:2], val=videos[2:4], test=videos[5:])
    with pytest.raises(NothingToLearnFrom, match=r"test part .* no authentic video.*splits make"):
        plan_training(lake, LIGHT, split="s1")


def test_crops_of_which_no_run_tells_the_margin_are_refused(tmp_path):
    lake = lake_of_faces(tmp_path / "lake", people(4), run=False)
    with pytest.raises(RecipeUnknown, match=RECIPE.recipe_id):
        plan_training(lake, LIGHT)


def test_what_the_generator_marked_is_left_out_of_every_part(tmp_path):
    videos = people(6)
    marked = [
        Made(name=f"generated_{n}.mp4", fake=True, person=f"made:{n:02d}", row={"provenance": "made by fakelake"})
        for n in range(6)
    ]
    lake = lake_of_faces(tmp_path / "lake", [*videos, *marked], labels=False)
    label(lake, videos)
    label(lake, marked, origin="generator")
    plan = plan_training(lake, LIGHT)
    used = {video.video_id for name in PARTS for video in plan.parts[name].videos}
    assert used == {made.id for made in videos}
    assert not any("generated" in str(part.without_track) for part in plan.parts.values())


def test_counts_tell_each_part_with_what_has_no_face(tmp_path):
    videos = [*people(6), Made(name="faceless.mp4", frames=(), person="made:00")]
    plan = plan_training(lake_of_faces(tmp_path / "lake", videos), LIGHT)
    assert sum(int(count.split()[0]) for count in plan.counts().values()) == 6
    assert sum("1 without" in count for count in plan.counts().values()) == 1


@pytest.mark.parametrize(
    "name, changes, says",
    [
        ("bset", {}, "known are paper, best, light, demo"),
        ("best", {"epoch": 3}, "epochs"),
        ("best", {"batch": 3}, "even"),
    ],
)
def test_a_recipe_written_wrongly_says_what_there_is(name, changes, says):
    with pytest.raises(ValueError, match=says):
        make_recipe(name, changes)


def test_a_stored_split_that_later_labels_prove_to_leak_is_refused(tmp_path):
    lake = lake_of_faces(tmp_path / "lake", people(6, frames=5))
    videos = sorted(lake.read("videos", ["video_id"]).column(0).to_pylist())
    parts = ("train", "train", "val", "test")
    rows = [{"split_id": "f" * 16, "video_id": v, "part": parts[n % 4], "group_id": v} for n, v in enumerate(videos)]
    store_split(lake, rows)
    with pytest.raises(LeakageError, match="Make a new split"):
        plan_training(lake, LIGHT, split="ffff")
