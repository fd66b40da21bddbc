"""Swaps for training: varied, permitted, within one part of the split, the same at every call."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fakelake.catalog.lake import Lake
from fakelake.catalog.splits import read_split
from fakelake.models.generator.bundle import GeneratorBundle
from fakelake.models.generator.naming import PartName
from fakelake.models.generator.recipes import light
from fakelake.tasks.swap.auto_plan import plan_auto
from fakelake.tasks.swap.errors import SwapNotPermitted
from fakelake.tasks.training_plan import split_for
from fakelake.tasks.training_set import NothingToLearnFrom
from tests.tasks.lake_of_faces import Made, lake_of_faces

PEOPLE = [Made(name=f"{n}.mp4", person=f"made:{n}") for n in range(12)]
PARTS = (PartName(1, "mouth", 0.8), PartName(2, "unused", 1.0), PartName(3, "eyes", 0.7), PartName(4, "body", 0.9))


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Lake:
    lake = lake_of_faces(tmp_path_factory.mktemp("auto") / "lake", PEOPLE)
    allow(lake, PEOPLE[:-1])
    return lake


def allow(lake, people):
    now = datetime.now(UTC)
    words = {"permission": "swap", "source": "a form", "by": "me", "at": now}
    lake.append("consents", [{**words, "video_id": made.id} for made in people])


def bundle(split: str) -> GeneratorBundle:
    return GeneratorBundle(
        recipe=light(), parts=PARTS, portrait_margin=0.5, recipe_id="r", split_id=split, trained={}
    )  # fmt: skip


@pytest.fixture
def planned(lake):
    return plan_auto(lake, bundle(split_for(lake, None, None)), "3", 60)


def test_no_swap_crosses_two_parts_of_the_split_and_nobody_is_swapped_with_himself(lake, planned):
    part, _ = read_split(lake, planned[0].origin.split)
    assert all(part[swap.origin.target] == part[swap.origin.source] for swap in planned)
    assert all(swap.origin.target != swap.origin.source for swap in planned)
    assert len({part[swap.origin.target] for swap in planned}) > 1


def test_only_people_who_permit_it(planned):
    assert PEOPLE[-1].id not in {video for swap in planned for video in (swap.origin.target, swap.origin.source)}


def test_they_vary_in_everything_that_can_vary(planned):
    assert {swap.origin.parts for swap in planned} == {"mouth", "eyes", "eyes,mouth"}
    assert {swap.channels for swap in planned} == {(1,), (3,), (1, 3)}
    assert {swap.hard for swap in planned} == {True, False}
    assert {swap.masks_from for swap in planned} == {"target", "source"}
    assert len({swap.crf for swap in planned}) > 8


def test_the_same_swaps_at_every_call_and_more_are_added_behind(lake, planned):
    assert plan_auto(lake, bundle(planned[0].origin.split), "3", 70)[:60] == planned
    assert len({swap.origin.video_id for swap in planned} | {swap.control.video_id for swap in planned}) == 120


def test_without_permission_it_says_how_to_record_one(tmp_path):
    lake = lake_of_faces(tmp_path / "lake", PEOPLE)
    with pytest.raises(SwapNotPermitted, match="fakelake consent VIDEO --permission swap"):
        plan_auto(lake, bundle(split_for(lake, None, None)), "3", 2)


def test_a_generator_of_another_lake_is_refused(lake):
    with pytest.raises(NothingToLearnFrom, match="does not have the split elsewhere"):
        plan_auto(lake, bundle("elsewhere"), "3", 2)
