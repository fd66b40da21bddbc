from __future__ import annotations

import os
import time
from datetime import timedelta

import pytest

from fakelake.catalog import delta
from fakelake.catalog.check import check
from fakelake.catalog.commit import PartMissing, commit_videos
from fakelake.catalog.compact import compact
from fakelake.catalog.content import content_hash
from fakelake.catalog.vacuum import RetentionTooShort, vacuum
from tests.catalog.rows import ask, count, source, write_video

NOW = timedelta(0)
DAY = 86_400


@pytest.fixture
def lake(lake):
    for i in (1, 2):
        commit_videos(lake, [write_video(lake, i)], [source(i)])
    return lake


def age(lake, days):
    """Make every file look as old as that; the tables' own history stays."""
    then = time.time() - days * DAY
    for directory, _, names in os.walk(lake.location.root):
        for name in names:
            os.utime(os.path.join(directory, name), (then, then))  # noqa: PTH118


def parquet(lake, table):
    return sorted(file.name for file in lake.location.path(table).glob("*.parquet"))


def test_files_that_compaction_replaced_go_and_the_content_stays(lake):
    compact(lake)
    content = content_hash(lake)
    assert len(parquet(lake, "frames")) == 3
    removed = vacuum(lake, NOW, alone=True)
    assert parquet(lake, "frames") == [lake.parts("frames")[0].path]
    assert {file.path.partition("/")[0] for file in removed} >= {"frames", "crops", "portraits", "videos", "sources"}
    assert content_hash(lake) == content
    assert check(lake).findings == ()


def test_published_views_still_work_after_a_vacuum(lake):
    compact(lake)
    vacuum(lake, NOW, alone=True)
    assert ask(lake.location.path("catalog.duckdb"), "SELECT count(*) FROM frames") == [(6,)]


def test_views_are_published_before_anything_is_removed(lake):
    old = {part.path for part in lake.parts("labels")}
    lake.append("labels", [{"video_id": "a", "label": "real", "origin": "dataset"}], publish=False)
    lake.append("labels", [{"video_id": "b", "label": "real", "origin": "dataset"}], publish=False)
    vacuum(lake, NOW, alone=True)
    assert not old
    assert ask(lake.location.path("catalog.duckdb"), "SELECT count(*) FROM labels") == [(2,)]


def test_states_of_the_last_days_stay_readable(lake):
    before = lake.snapshot()
    compact(lake)
    age(lake, days=30)
    assert vacuum(lake, timedelta(days=7)) == []
    assert count(lake.at(before), "frames") == 6


def test_a_snapshot_that_is_named_stays_readable_and_others_go(lake):
    named = lake.snapshot()
    commit_videos(lake, [write_video(lake, 3)])
    compact(lake)
    commit_videos(lake, [write_video(lake, 4)])
    compact(lake)
    age(lake, days=1)
    vacuum(lake, NOW, keep=[named], alone=True)
    assert count(lake.at(named), "frames") == 6
    assert count(lake, "frames") == 12
    assert len(parquet(lake, "frames")) == 3  # two that the snapshot names, one of now


def test_a_snapshot_that_a_recent_run_started_from_stays_readable(lake):
    import json
    from datetime import UTC, datetime

    named = lake.snapshot()
    started = datetime.now(UTC) + timedelta(hours=1)
    lake.append("runs", [{"run_id": "r", "flow": "train", "snapshot": json.dumps(named), "started_at": started}])
    compact(lake)
    vacuum(lake, NOW, alone=True)
    assert count(lake.at(named), "frames") == 6


def test_young_files_of_an_ingest_that_has_not_committed_yet_stay(lake):
    video = write_video(lake, 3)
    vacuum(lake, timedelta(days=7))
    commit_videos(lake, [video])
    assert count(lake, "frames") == 9


def test_old_parts_of_attempts_that_never_were_committed_go(lake):
    video = write_video(lake, 3)
    age(lake, days=8)
    assert len(vacuum(lake, timedelta(days=7))) == 3
    with pytest.raises(PartMissing):
        commit_videos(lake, [video])
    assert check(lake).findings == ()


def test_parts_of_an_attempt_that_died_before_its_videos_row_leave_table_and_disk(lake):
    orphan = write_video(lake, 3)
    for part in orphan.parts:
        delta.commit(lake.location, part.table, [part])
    age(lake, days=8)
    vacuum(lake, timedelta(days=7))
    assert len(delta.parts_of(lake.table("frames"), "frames")) == 2
    assert len(parquet(lake, "frames")) == 2
    assert check(lake).findings == ()


def test_temporary_files_staged_segments_worker_logs_and_stale_logs_go_when_old(lake):
    old = [
        "frames/.x-0.parquet.1.tmp",
        "_staging/a/00000/frames",
        "_logs/r/w.log",
        "catalog.duckdb.wal.stale-2020",
        ".y.tmp",
    ]
    young = ["_staging/b/00000/frames", "crops/.z-0.parquet.1.tmp"]
    for name in old:
        lake.location.write_bytes(name, b"x")
    age(lake, days=8)
    for name in young:
        lake.location.write_bytes(name, b"x")
    assert sorted(file.path for file in vacuum(lake)) == sorted(old)
    assert not lake.location.path("_staging/a").exists()
    assert all(lake.location.path(name).exists() for name in young)


def test_a_dry_run_lists_and_removes_nothing(lake):
    compact(lake)
    before = parquet(lake, "frames")
    listed = vacuum(lake, NOW, alone=True, dry_run=True)
    assert parquet(lake, "frames") == before
    assert sorted(file.path for file in vacuum(lake, NOW, alone=True)) == sorted(file.path for file in listed)


def test_less_than_a_day_is_refused_while_others_may_be_at_work(lake):
    with pytest.raises(RetentionTooShort, match="--alone"):
        vacuum(lake, timedelta(hours=1))


def test_what_is_committed_between_looking_and_removing_stays(lake, monkeypatch):
    from fakelake.catalog import vacuum as module

    video = write_video(lake, 3)
    look = module._unnamed_parts

    def then_commit(*arguments):
        found = list(look(*arguments))
        commit_videos(lake, [video])
        return found

    monkeypatch.setattr(module, "_unnamed_parts", then_commit)
    assert [file for file in vacuum(lake, NOW, alone=True) if file.kind == "part"] == []
    assert count(lake, "frames") == 9
