from __future__ import annotations

import shutil
import subprocess

import pytest

from fakelake.catalog import delta
from fakelake.catalog.check import check
from fakelake.catalog.commit import commit_videos
from fakelake.catalog.compact import compact
from fakelake.catalog.content import content_hash
from fakelake.catalog.lake import Lake
from fakelake.catalog.rebuild import LossRefused, rebuild
from tests.catalog.rows import ask, count, finish, source, start, video_id, write_video


@pytest.fixture
def lake(lake):
    for i in (1, 2, 3):
        commit_videos(lake, [write_video(lake, i)], [source(i)])
    return lake


def frames(root):
    return ask(f"{root}/catalog.duckdb", "SELECT count(*) FROM frames")[0][0]


def test_a_lake_that_was_moved_is_read_at_its_new_place(lake, tmp_path):
    content, there = content_hash(lake), tmp_path / "new place"
    shutil.move(lake.location.root, there)
    assert rebuild(Lake.open(there)).root == str(there)
    assert frames(there) == 9
    assert content_hash(Lake.open(there)) == content
    assert check(Lake.open(there)).findings == ()


def test_a_copy_is_a_backup_and_a_copy_back_restores_it(lake, tmp_path):
    backup, restored = tmp_path / "backup", tmp_path / "restored"
    subprocess.run(["cp", "-r", lake.location.root, backup], check=True)
    content = content_hash(lake)
    commit_videos(lake, [write_video(lake, 4)], [source(4)])
    compact(lake)
    shutil.rmtree(lake.location.root)
    subprocess.run(["cp", "-r", backup, restored], check=True)
    rebuild(Lake.open(restored))
    assert content_hash(Lake.open(restored)) == content
    assert frames(restored) == 9
    commit_videos(Lake.open(restored), [write_video(Lake.open(restored), 4)], [source(4)])
    assert frames(restored) == 12


def test_a_copy_under_the_lock_is_whole_while_an_ingest_runs(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    writer = start(
        """
        import sys
        from fakelake.catalog.commit import commit_videos
        from fakelake.catalog.lake import Lake
        from tests.catalog.rows import source, write_video
        lake = Lake.open(sys.argv[1])
        for i in range(10):
            commit_videos(lake, [write_video(lake, i)], [source(i)])
        """,
        lake.location.root,
    )
    while not lake.location.size("videos/_delta_log/00000000000000000002.json"):
        assert writer.poll() is None
    copy = tmp_path / "copy"
    subprocess.run(["flock", lake.location.path("lake.lock"), "cp", "-r", lake.location.root, copy], check=True)
    finish(writer)
    rebuild(Lake.open(copy))
    assert check(Lake.open(copy)).whole
    assert 2 <= count(Lake.open(copy), "videos") <= 10


def test_a_copy_in_which_files_are_missing_is_refused_by_name(lake, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(lake.location.root, copy)
    lost = lake.parts("crops")[0].path
    (copy / "crops" / lost).unlink()
    with pytest.raises(LossRefused, match=f"crops/{lost} is gone"):
        rebuild(Lake.open(copy))
    assert str(copy) not in (copy / "catalog.sql").read_text()


def test_a_copy_whose_tables_are_of_different_moments_is_refused(lake, tmp_path):
    early = tmp_path / "early"
    shutil.copytree(lake.location.root, early)
    commit_videos(lake, [write_video(lake, 4)], [source(4)])
    shutil.rmtree(lake.location.path("frames"))
    shutil.copytree(early / "frames", lake.location.path("frames"))
    with pytest.raises(LossRefused, match="frames is at version 3, and the views were published from version 4"):
        rebuild(lake)
    lake.location.delete("catalog.sql")
    with pytest.raises(LossRefused, match=video_id(4)[:12]):
        rebuild(lake)


def test_an_older_copy_under_newer_views_is_published_only_when_the_loss_is_accepted(lake, tmp_path):
    early = tmp_path / "early"
    shutil.copytree(lake.location.root, early)
    lake.append("labels", [{"video_id": video_id(1), "label": "real", "origin": "dataset"}])
    shutil.rmtree(lake.location.path("labels"))
    shutil.copytree(early / "labels", lake.location.path("labels"))
    with pytest.raises(LossRefused, match="labels is at version 0"):
        rebuild(lake)
    rebuild(lake, accept_loss=True)
    assert count(lake, "labels") == 0
    assert check(lake).findings == ()


@pytest.mark.parametrize("table", ["crops", "frames", "portraits", "videos"])
def test_with_the_loss_accepted_a_video_that_is_not_whole_goes_and_can_come_again(lake, table):
    content = content_hash(lake)
    lake.location.delete(f"{table}/{lake.parts(table)[0].path}")
    done = rebuild(lake, accept_loss=True)
    assert len(done.lost_files) == 1
    assert check(lake).whole
    assert len(ask(lake.location.path("catalog.duckdb"), "FROM videos")) == 2
    commit_videos(lake, [write_video(lake, i) for i in (1, 2, 3)], [source(i) for i in (1, 2, 3)])
    assert content_hash(lake) == content


@pytest.mark.parametrize("table", ["crops", "frames", "videos"])
def test_with_the_loss_of_a_compacted_file_accepted_the_lake_is_whole_again(lake, table):
    compact(lake)
    commit_videos(lake, [write_video(lake, 4)], [source(4)])
    lake.location.delete(f"{table}/{next(part.path for part in lake.parts(table) if part.compacted)}")
    rebuild(lake, accept_loss=True)
    assert check(lake).whole
    assert ask(lake.location.path("catalog.duckdb"), "SELECT DISTINCT video_id FROM crops") == [(video_id(4),)]
    assert len(delta.parts_of(lake.table("videos"), "videos")) == 1
