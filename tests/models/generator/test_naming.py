"""Parts are named by where they lie on faces whose landmarks are known."""

from __future__ import annotations

import pytest
import torch

from fakelake.models.generator.naming import (
    REGIONS,
    UNUSED,
    PartName,
    PartNaming,
    PartUnknown,
    frontal,
    parts_called,
    regions,
)

FRONTAL = torch.tensor([[-0.3, -0.3], [0.3, -0.3], [0.0, 0.05], [-0.22, 0.35], [0.22, 0.35]])
SIZE = 64


def turned(landmarks, degrees, scale=1.0, shift=(0.0, 0.0)):
    turn = torch.deg2rad(torch.tensor(float(degrees)))
    matrix = scale * torch.tensor([[turn.cos(), -turn.sin()], [turn.sin(), turn.cos()]])
    return landmarks @ matrix.T + torch.tensor(shift)


def region_at(where, x, y):
    row, column = (round((v + 1) / 2 * (SIZE - 1)) for v in (y, x))
    return [name for name, inside in zip(REGIONS, where[:, row, column], strict=True) if inside]


def test_the_regions_lie_where_people_point_to():
    (where,) = regions(FRONTAL[None], SIZE)
    assert region_at(where, -0.3, -0.3) == region_at(where, 0.3, -0.3) == ["eyes"]
    assert region_at(where, 0.0, 0.02) == ["nose"]
    assert region_at(where, 0.0, 0.35) == ["mouth"]
    assert region_at(where, 0.0, 0.7) == ["jaw"]
    assert region_at(where, 0.45, 0.15) == ["cheeks"]
    assert region_at(where, 0.0, -0.62) == ["forehead"]
    assert region_at(where, 0.0, -0.98) == ["hair"]
    assert region_at(where, 0.9, 0.97) == ["body"]
    assert region_at(where, -0.98, 0.2) == []


def test_no_place_is_in_two_regions():
    faces = torch.stack([turned(FRONTAL, angle, 0.7) for angle in (-40, 0, 25)])
    assert int(regions(faces, SIZE).sum(1).max()) == 1


def test_regions_turn_and_shrink_with_the_face():
    (where,) = regions(turned(FRONTAL, 30, 0.6, (0.1, -0.1))[None], SIZE)
    for name, place in (("mouth", (0.0, 0.35)), ("eyes", (0.3, -0.3)), ("jaw", (0.0, 0.7))):
        x, y = turned(torch.tensor(place), 30, 0.6, (0.1, -0.1)).tolist()
        assert region_at(where, x, y) == [name]


def test_profiles_are_left_out():
    profile = FRONTAL.clone()
    profile[:, 0] = 0.1 * profile[:, 0] + 0.2
    both = torch.stack([FRONTAL, profile])
    assert frontal(both).tolist() == [True, False]
    naming = PartNaming(1)
    naming.add(torch.full((2, 2, SIZE, SIZE), 0.5), both)
    assert naming.places == SIZE * SIZE


@pytest.fixture
def named():
    """Parts made of known regions: mouth; eyes; the whole lower face; a speck; half the hair, half of nothing."""
    naming = PartNaming(5)
    for angle in (-15, 0, 10):
        landmarks = turned(FRONTAL, angle)[None]
        where = dict(zip(REGIONS, regions(landmarks, SIZE)[0].float(), strict=True))
        speck = torch.zeros(SIZE, SIZE)
        speck[0, 0] = 1
        lower = (where["mouth"] + where["jaw"]) * 0.8
        outside = 1 - sum(where.values())
        corner = torch.zeros(SIZE, SIZE)
        corner[:20, :20] = 1
        parts = [where["mouth"] * 0.2, where["eyes"], lower, speck, where["hair"] + outside * corner]
        masks = torch.stack([1 - sum(parts).clamp(max=1), *parts])[None]
        naming.add(masks, landmarks)
    return naming.names()


def test_each_part_gets_the_region_it_overlaps_most(named):
    assert [part.name for part in named] == ["mouth", "eyes", "jaw", UNUSED, "hair"]
    assert [part.index for part in named] == [1, 2, 3, 4, 5]


def test_confidence_is_the_share_of_the_part_that_lies_in_its_region(named):
    assert named[1].confidence == pytest.approx(1)
    assert 0.4 < named[2].confidence < 0.9  # the mouth is in it too
    assert named[4].confidence < 0.99


def test_a_part_answers_to_all_regions_that_it_covers(named):
    assert named[2].answers_to == ("jaw", "mouth")
    assert parts_called(named, ["mouth"]) == [1, 3]
    assert parts_called(named, ["mouth", "eyes"]) == [1, 2, 3]


def test_an_unknown_part_is_refused_with_the_known_ones():
    names = (PartName(1, "mouth", 0.9), PartName(2, UNUSED, 1.0))
    with pytest.raises(PartUnknown, match=r"no part 'ear'. Its parts: mouth\.$"):
        parts_called(names, ["ear"])
    with pytest.raises(PartUnknown):
        parts_called(names, [UNUSED])
