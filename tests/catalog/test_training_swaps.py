"""Swaps for training follow the videos that they were made of: through splits, and into oblivion."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakelake.catalog.forget import forget
from fakelake.catalog.lake import Lake
from fakelake.catalog.splits import lineage
from fakelake.catalog.training_swaps import DATASET, Origin, made_of, origins, with_swaps
from tests.tasks.lake_of_faces import Made, lake_of_faces

ANN, BOB, CLEO = (Made(name=f"{name}.mp4", person=name) for name in ("ann", "bob", "cleo"))
SWAP = Origin(target=ANN.id, source=BOB.id, split="s1", model="generator@1", parts="eyes,mouth", number=3)
CONTROL = replace(SWAP, source="", parts="")


@pytest.fixture
def lake(tmp_path) -> Lake:
    lake = lake_of_faces(tmp_path / "lake", [ANN, BOB, CLEO])
    for origin in (SWAP, CONTROL):
        row = {"uri": origin.uri, "name": origin.title, "video_id": origin.video_id, "dataset": DATASET}
        lake.append("sources", [row])
    return lake


def test_an_address_tells_all_that_a_swap_was_made_of():
    assert Origin.of_uri(SWAP.uri) == SWAP and Origin.of_uri(CONTROL.uri) == CONTROL
    assert SWAP.video_id != CONTROL.video_id != replace(CONTROL, number=4).video_id
    assert CONTROL.control and not SWAP.control
    for uri in ("file:///a.mp4", "made:swap?target=a"):
        with pytest.raises(ValueError, match="no address"):
            Origin.of_uri(uri)


def test_they_serve_in_the_part_and_group_of_their_target(lake):
    part, group = with_swaps(lake, "s1", {ANN.id: "train", BOB.id: "train"}, {ANN.id: "a", BOB.id: "b"})
    assert part[SWAP.video_id] == part[CONTROL.video_id] == "train"
    assert group[SWAP.video_id] == "a"


def test_they_serve_in_a_split_that_extends_theirs_too(lake):
    rows = [{"split_id": "s3", "video_id": made.id, "part": "train", "extends": "s2"} for made in (ANN, BOB)]
    lake.append("splits", [{**row, "split_id": "s2", "extends": "s1"} for row in rows] + rows)
    assert lineage(lake, "s3") == ["s3", "s2", "s1"] and lineage(lake, "s1") == ["s1"]
    part, _ = with_swaps(lake, "s3", {ANN.id: "train", BOB.id: "train"}, {ANN.id: "a", BOB.id: "b"})
    assert part[SWAP.video_id] == "train"


@pytest.mark.parametrize(
    ("split", "part"),
    [
        ("s1", {ANN.id: "train", BOB.id: "test"}),
        ("s1", {ANN.id: "train"}),
        ("s2", {ANN.id: "train", BOB.id: "train"}),
    ],
)
def test_never_across_parts_nor_in_a_split_whose_people_their_generator_may_have_seen(lake, split, part):
    found, _ = with_swaps(lake, split, part, dict.fromkeys(part, "g"))
    assert SWAP.video_id not in found


def test_whoever_is_forgotten_takes_along_what_was_made_of_them(lake):
    assert made_of(lake, BOB.id) == [SWAP.video_id]
    assert made_of(lake, CLEO.id) == []
    done = forget(lake, ANN.id)
    assert set(done.made) == {SWAP.video_id, CONTROL.video_id}
    assert origins(lake) == {}
