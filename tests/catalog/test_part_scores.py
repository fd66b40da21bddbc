"""What was measured of the parts of a face goes in whole and once; the view tells the latest, part by part."""

from __future__ import annotations

import pytest

from fakelake.catalog.commit import commit_videos
from fakelake.catalog.compact import compact
from fakelake.catalog.forget import forget
from fakelake.catalog.part_scores import KEY, commit_part_scores, faces_with_parts, part_scores_of
from fakelake.catalog.parts import RowsRefused
from tests.catalog.rows import RECIPE, ask, source, video_id, write_video
from tests.catalog.score_rows import at, promote


@pytest.fixture
def lake(lake):
    commit_videos(lake, [write_video(lake, 1), write_video(lake, 2)], [source(1), source(2)])
    promote(lake)
    return lake


def measured(i=1, parts=None, *, track=0, version="1", generator="4", hours=0.0):
    """Rows of one face: drops of each part, window by window, two seconds each."""
    return [
        {
            "video_id": video_id(i), "track_id": track, "recipe_id": RECIPE, "model": "detector",
            "model_version": version, "generator_version": generator, "part": part, "drop": drop, "area": 0.25,
            "window": n, "start_s": 2.0 * n, "end_s": 2.0 * n + 1.9, "run_id": "run", "at": at(hours),
        }
        for part, drops in (parts or {"mouth": [1.0, 3.0, 2.0], "rest": [0.5, -1.0, 0.5]}).items()
        for n, drop in enumerate(drops)
    ]  # fmt: skip


def evidence(lake, columns='part, "drop"'):
    catalog = lake.location.path("catalog.duckdb")
    return ask(catalog, f"SELECT {columns} FROM part_evidence ORDER BY video_id, track_id, part")


def test_the_view_has_mean_and_largest_drop_its_second_the_area_and_the_name(lake):
    assert commit_part_scores(lake, measured()) == 1
    columns = 'name, track_id, part, "drop", largest_drop, largest_second, area, windows, generator_version'
    assert evidence(lake, columns) == [
        ("1.mp4", 0, "mouth", 2.0, 3.0, 2.0, 0.25, 3, "4"),
        ("1.mp4", 0, "rest", 0.0, 0.5, 0.0, 0.25, 3, "4"),  # of equal drops the earliest
    ]


def test_a_face_is_measured_once_whatever_is_said_of_it_later(lake):
    commit_part_scores(lake, measured())
    again = measured(parts={"mouth": [9.0], "nose": [9.0]}, hours=1)
    assert commit_part_scores(lake, again + measured(2, {"eyes": [1.0]})) == 1
    assert evidence(lake) == [("mouth", 2.0), ("rest", 0.0), ("eyes", 1.0)]
    compact(lake)
    assert commit_part_scores(lake, again) == 0


def test_of_two_generators_the_latest_counts_and_their_parts_are_never_mixed(lake):
    commit_part_scores(lake, measured(parts={"mouth": [1.0], "jaw": [2.0]}))
    commit_part_scores(lake, measured(parts={"mouth": [5.0]}, generator="5", hours=1))
    commit_part_scores(lake, measured(parts={"hair": [7.0]}, track=1))
    assert evidence(lake) == [("mouth", 5.0), ("hair", 7.0)]
    assert lake.read("part_scores").num_rows == 4


def test_what_was_measured_is_found_again_by_its_key(lake):
    rows = measured()
    commit_part_scores(lake, rows + measured(track=1, version="2"))
    found = part_scores_of(lake, {column: rows[0][column] for column in KEY})
    assert sorted((row["part"], row["window"], row["drop"]) for row in found) == sorted(
        (row["part"], row["window"], row["drop"]) for row in rows
    )
    assert faces_with_parts(lake, "detector", "1", "4") == {(video_id(1), RECIPE, 0)}
    assert faces_with_parts(lake, "detector", "1", "5") == set()


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"drop": float("nan")}, "finite"),
        ({"generator_version": None}, "generator_version"),
        ({"window": None}, "window"),
    ],
)
def test_what_cannot_have_been_measured_is_refused_with_all_that_came_with_it(lake, wrong, fault):
    first, *others = measured()
    with pytest.raises(RowsRefused, match=fault):
        commit_part_scores(lake, [{**first, **wrong}, *others])
    assert lake.read("part_scores").num_rows == 0


def test_forgotten_videos_and_those_that_the_lake_does_not_have_are_left_out(lake):
    forget(lake, video_id(2))
    assert commit_part_scores(lake, measured(2) + measured(7)) == 0
    assert lake.read("part_scores").num_rows == 0
