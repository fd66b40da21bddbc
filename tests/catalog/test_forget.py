from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from fakelake.catalog import delta
from fakelake.catalog.check import check
from fakelake.catalog.commit import commit_videos
from fakelake.catalog.compact import compact
from fakelake.catalog.forget import NoSuchVideo, allow_again, forget, forgotten
from fakelake.catalog.schemas import TABLES
from fakelake.catalog.scores import commit_scores
from tests.catalog.rows import ask, count, source, trouble, video_id, write_video
from tests.catalog.score_rows import at, scores

MODELS = ("scores", "part_scores", "near_matches")
GONE = ("videos", "sources", "frames", "crops", "portraits", *MODELS)


@pytest.fixture
def lake(lake):
    for i in (1, 2):
        commit_videos(lake, [write_video(lake, i)], [source(i)])
        lake.append("labels", [{"video_id": video_id(i), "label": "real", "origin": "dataset"}])
        commit_scores(lake, scores(i, [1.0, 2.0]))
        part = {"track_id": 0, "part": "mouth", "drop": 1.0, "model": "detector", "model_version": "1", "at": at(0)}
        lake.append("part_scores", [{"video_id": video_id(i), **part}])
    pairs = ((1, 2), (0, 1), (0, 2), (2, 5))
    lake.append("near_matches", [{"video_id": video_id(a), "match_id": video_id(b), "bits": 1.0} for a, b in pairs])
    return lake


def anywhere_on_disk(lake, i):
    """Files in the tables' directories, of whatever version, with a row of the video that should be gone."""
    return [
        str(file)
        for name in GONE
        for file in lake.location.path(name).glob("**/*.parquet")
        if "_delta_log" not in file.parts and video_id(i) in pq.read_table(file, columns=["video_id"])[0].to_pylist()
    ]


@pytest.mark.parametrize("compacted", [False, True])
def test_rows_and_pictures_go_from_every_table_and_the_others_stay(lake, compacted):
    if compacted:
        compact(lake)
    done = forget(lake, video_id(1))
    of_models = {"scores": 2, "part_scores": 1, "near_matches": 2}
    assert done.rows == {"frames": 3, "crops": 3, "portraits": 3, "sources": 1, "videos": 1, **of_models}
    for table in set(GONE) - {"near_matches"}:
        there = ask(lake.location.path("catalog.duckdb"), f"SELECT DISTINCT video_id FROM {table}")
        assert there == [(video_id(2),)]
    assert check(lake).whole


def test_no_near_match_names_it_on_either_side(lake):
    compact(lake)
    forget(lake, video_id(1))
    left = ask(lake.location.path("catalog.duckdb"), "SELECT video_id, match_id FROM near_matches ORDER BY ALL")
    assert left == [(video_id(0), video_id(2)), (video_id(2), video_id(5))]
    files = [f for f in lake.location.path("near_matches").glob("*.parquet")]
    named = {name for file in files for column in pq.read_table(file).select([0, 1]) for name in column.to_pylist()}
    assert named == {video_id(0), video_id(2), video_id(5)}


def test_its_scores_do_not_come_back_with_a_run_that_was_on_its_way(lake):
    forget(lake, video_id(1))
    assert commit_scores(lake, scores(1, [1.0], version="2") + scores(2, [1.0], version="2")) == 1
    assert anywhere_on_disk(lake, 1) == []


def test_no_file_of_any_version_holds_the_video_any_more(lake):
    compact(lake)
    commit_videos(lake, [write_video(lake, 3)], [source(3)])
    compact(lake)
    orphan = write_video(lake, 1)
    assert anywhere_on_disk(lake, 1) and orphan
    forget(lake, video_id(1))
    assert anywhere_on_disk(lake, 1) == []
    assert anywhere_on_disk(lake, 2)


def test_time_travel_to_before_finds_everything_but_the_video(lake):
    compact(lake)
    before = lake.snapshot()
    forget(lake, video_id(1))
    past = lake.at(before)
    assert set(past.read("frames", ["video_id"])[0].to_pylist()) == {video_id(2)}
    assert count(past, "videos") == 1
    assert count(past, "crops") == 3


def test_labels_stay_and_the_act_is_on_record_without_a_picture(lake):
    forget(lake, video_id(1), by="someone", why="asked for by letter")
    assert count(lake, "labels") == 2
    run = lake.read("runs").to_pylist()[0]
    summary = json.loads(run["summary"])
    assert (run["flow"], summary["video_id"], summary["by"]) == ("forget", video_id(1), "someone")
    row = lake.read("quarantine").to_pylist()[0]
    assert (row["video_id"], row["stage"], row["error"], row["lasting"]) == (video_id(1), "policy", "forgotten", True)
    assert "letter" in row["message"] and "--undo" in row["remedy"]


def test_what_quarantine_said_of_the_video_before_goes(lake):
    commit_videos(lake, [], [], [trouble(1, video_id=video_id(1), error="truncated", frames_kept=3), trouble(1)])
    commit_videos(lake, [], [], [trouble(7)])
    forget(lake, video_id(1))
    assert sorted(row["error"] for row in lake.read("quarantine").to_pylist()) == ["forgotten", "not_a_video"]


def test_the_same_bytes_do_not_come_back_under_any_recipe(lake):
    forget(lake, video_id(1))
    commit_videos(lake, [write_video(lake, 1, recipe="another"), write_video(lake, 3)], [source(3)])
    assert count(lake, "videos") == 2
    assert set(lake.read("videos", ["video_id"])[0].to_pylist()) == {video_id(2), video_id(3)}


def test_an_ingest_that_was_on_its_way_does_not_bring_it_back(lake):
    on_its_way = write_video(lake, 1, recipe="another")
    forget(lake, video_id(1))
    commit_videos(lake, [on_its_way], [source(1)])
    assert ask(lake.location.path("catalog.duckdb"), f"FROM videos WHERE video_id = '{video_id(1)}'") == []


def test_a_person_can_allow_it_again(lake):
    forget(lake, video_id(1))
    allow_again(lake, video_id(1), by="someone")
    assert forgotten(lake) == set()
    commit_videos(lake, [write_video(lake, 1)], [source(1)])
    assert count(lake, "videos") == 2


def test_forgetting_again_finishes_what_was_interrupted(lake):
    compact(lake)
    frames = lake.parts("frames")[0]
    forget(lake, video_id(1))
    commit_again = write_video(lake, 1)  # as if the first run had died before it came to the other tables
    part = lake.write_rows("videos", [commit_again.row])
    for each in (*commit_again.parts, part):
        delta.commit(lake.location, each.table, [each])
    assert "forget unfinished" in {finding.rule for finding in check(lake).findings}
    forget(lake, video_id(1))
    assert check(lake).whole and anywhere_on_disk(lake, 1) == []
    assert frames not in lake.parts("frames")


def test_an_unknown_video_is_refused(lake):
    with pytest.raises(NoSuchVideo):
        forget(lake, "f" * 64)
    with pytest.raises(NoSuchVideo):
        allow_again(lake, video_id(1))


def test_a_compaction_that_read_the_video_before_cannot_bring_it_back(lake, monkeypatch):
    from fakelake.catalog import compact as module

    merge = module.merge

    def then_forget(lake, parts):
        merged = merge(lake, parts)
        monkeypatch.setattr(module, "merge", merge)
        forget(lake, video_id(1))
        return merged

    monkeypatch.setattr(module, "merge", then_forget)
    compact(lake, ["crops"])
    assert anywhere_on_disk(lake, 1) == []
    assert count(lake, "crops") == 3


def test_every_table_with_a_video_id_either_forgets_or_is_named_as_kept():
    from fakelake.catalog.forget import KEPT

    assert {name for name, spec in TABLES.items() if "video_id" in spec.schema.names} == {*GONE, *KEPT} - {"runs"}
