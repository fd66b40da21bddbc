"""Whom a generator learns from, and whom it never sees."""

from __future__ import annotations

import dataclasses

import pytest

from fakelake.catalog.lake import Lake
from fakelake.catalog.splits import read_split
from fakelake.tasks.generator_plan import make_recipe, plan_generator
from fakelake.tasks.training_set import NothingToLearnFrom
from tests.tasks.lake_of_faces import RECIPE, Made, lake_of_faces

PEOPLE = [
    Made(name=f"{kind}_{n}.mp4", fake=kind == "fake", person=f"made:{n}", portraits=(range(6),))
    for n in range(6)
    for kind in ("real", "fake")
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Lake:
    return lake_of_faces(tmp_path_factory.mktemp("plan") / "lake", PEOPLE)


def test_it_learns_from_authentic_people_of_the_train_part_and_is_judged_on_the_others(lake):
    plan = plan_generator(lake, make_recipe("light"))
    part, _ = read_split(lake, plan.split_id)
    real = {made.id for made in PEOPLE if not made.fake}
    assert plan.train.videos() == {video for video in real if part[video] == "train"}
    assert plan.held_out.videos() == {video for video in real if part[video] != "train"}
    assert not set(plan.train.people) & set(plan.held_out.people)
    assert (plan.margin, plan.remarks) == (RECIPE.portrait_margin, ())


def test_the_same_people_and_settings_are_the_same_training(lake):
    one, two = (plan_generator(lake, make_recipe("light")) for _ in range(2))
    other = plan_generator(lake, make_recipe("light", {"parts": 10}))
    assert one.key == two.key != other.key
    assert other.recipe.network.parts == 10


def test_without_a_person_to_hold_out_it_is_refused_unless_it_is_a_demonstration(lake, tmp_path):
    learnt = plan_generator(lake, make_recipe("light")).train.videos()
    rest = [made if made.id in learnt else dataclasses.replace(made, portraits=()) for made in PEOPLE]
    poorer = lake_of_faces(tmp_path / "lake", rest)
    with pytest.raises(NothingToLearnFrom, match="and 0 to hold out; both are needed"):
        plan_generator(poorer, make_recipe("light"))
    plan = plan_generator(poorer, make_recipe("demo"), demo=True)
    assert plan.held_out.people == plan.train.people
    assert "FIGURES OF THIS MODEL MEAN NOTHING" in plan.remarks[-1]


def test_without_a_real_label_it_says_to_give_one(tmp_path):
    lake = lake_of_faces(tmp_path / "lake", PEOPLE[:4], labels=False)
    with pytest.raises(Exception, match=r"[Ll]abel"):
        plan_generator(lake, make_recipe("light"))


def test_an_unknown_recipe_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="paper, light, demo"):
        make_recipe("large")
    with pytest.raises(ValueError, match="no setting speed"):
        make_recipe("light", {"speed": 2})
