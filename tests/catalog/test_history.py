from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from fakelake.catalog.commit import commit_videos
from fakelake.catalog.compact import compact
from fakelake.catalog.history import SnapshotGone, changes, runs, snapshot_at, snapshot_of_run, views_at
from fakelake.catalog.vacuum import vacuum
from tests.catalog.rows import source, write_video


def run(lake, run_id, snapshot=None, **other):
    row = {"run_id": run_id, "flow": "ingest", "outcome": "done", "snapshot": json.dumps(snapshot), **other}
    lake.append("runs", [row])


def videos_in(sql):
    with duckdb.connect() as connection:
        connection.execute(sql)
        return connection.execute("SELECT count(*) FROM videos").fetchone()[0]


def test_versions_say_what_came_and_what_went_latest_first(lake):
    for i in (1, 2):
        commit_videos(lake, [write_video(lake, i)], [source(i)])
    compact(lake)
    found = changes(lake, ["frames"])
    assert [(change.version, change.rows_added, change.rows_removed) for change in found] == [
        (3, 6, 6),
        (2, 3, 0),
        (1, 3, 0),
        (0, 0, 0),
    ]
    assert found[0].files_removed == 2 and found[0].operation == "rewrite"


def test_runs_are_listed_latest_first_with_the_snapshot_they_started_from(lake):
    now = datetime.now(UTC)
    run(lake, "a", lake.snapshot(), started_at=now - timedelta(hours=1))
    run(lake, "b", lake.snapshot(), started_at=now)
    assert [row["run_id"] for row in runs(lake)] == ["b", "a"]
    assert runs(lake)[0]["snapshot"]["runs"] == 1


def test_the_state_at_a_time_can_be_opened_in_a_shell(lake):
    commit_videos(lake, [write_video(lake, 1)])
    then = datetime.now(UTC)
    commit_videos(lake, [write_video(lake, 2)])
    compact(lake)
    assert videos_in(views_at(lake, snapshot_at(lake, then))) == 1
    assert videos_in(views_at(lake, snapshot_at(lake, datetime.now(UTC)))) == 2
    assert videos_in(views_at(lake, snapshot_at(lake, then - timedelta(days=1)))) == 0


def test_the_state_that_a_run_started_from_can_be_opened(lake):
    commit_videos(lake, [write_video(lake, 1)])
    run(lake, "abc123", lake.snapshot())
    commit_videos(lake, [write_video(lake, 2)])
    assert videos_in(views_at(lake, snapshot_of_run(lake, "abc"))) == 1


def test_a_run_that_is_not_there_is_said_to_be_so(lake):
    with pytest.raises(SnapshotGone, match="0 runs"):
        snapshot_of_run(lake, "nobody")


def test_a_table_that_came_later_was_empty_then(lake):
    run(lake, "old", {"videos": 0})
    commit_videos(lake, [write_video(lake, 1)])
    assert snapshot_of_run(lake, "old")["frames"] == 0


def test_a_state_whose_files_were_vacuumed_is_refused_with_words(lake):
    for i in (1, 2):
        commit_videos(lake, [write_video(lake, i)])
    before = lake.snapshot()
    compact(lake)
    vacuum(lake, timedelta(0), alone=True)
    with pytest.raises(SnapshotGone, match="vacuum"):
        views_at(lake, before)
