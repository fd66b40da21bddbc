import shutil
from dataclasses import replace as changed

import duckdb
import pytest

from fakelake.catalog.commit import commit_videos
from fakelake.catalog.lake import Lake
from fakelake.catalog.publish import publish, published, replace
from fakelake.catalog.views import plan
from tests.catalog.rows import ask, count, write_video

LABEL = {"video_id": "v", "label": "fake", "origin": "dataset"}


def shell(lake):
    return lake.location.path("catalog.duckdb")


def test_both_files_answer_the_same(lake):
    commit_videos(lake, [write_video(lake, 1)])
    query = "SELECT * EXCLUDE (image) FROM crops ORDER BY ALL"
    with duckdb.connect() as connection:
        connection.execute(lake.location.path("catalog.sql").read_text())
        assert connection.execute(query).fetchall() == ask(shell(lake), query) != []


def test_the_database_holds_views_and_nothing_else(lake):
    assert ask(shell(lake), "SELECT count(*) FROM duckdb_tables()") == [(0,)]
    assert ask(shell(lake), "SELECT count(*) FROM duckdb_views() WHERE NOT internal")[0][0] >= 14


def test_any_duckdb_of_the_first_major_version_can_open_it(lake):
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{shell(lake)}' AS shown (READ_ONLY)")
        [(tags,)] = connection.execute("SELECT tags FROM duckdb_databases() WHERE database_name = 'shown'").fetchall()
    assert tags["storage_version"].startswith("v1.0.0")


def test_a_commit_may_put_off_its_publication(lake):
    lake.append("labels", [LABEL], publish=False)
    assert ask(shell(lake), "SELECT count(*) FROM labels") == [(0,)]
    assert len(lake.read("labels")) == 1
    publish(lake)
    assert ask(shell(lake), "SELECT count(*) FROM labels") == [(1,)]


def test_a_stale_publisher_does_not_replace_a_newer_publication(lake):
    stale = plan(lake)
    lake.append("labels", [LABEL])
    assert replace(lake.location, stale) is False
    assert ask(shell(lake), "SELECT count(*) FROM labels") == [(1,)]
    assert published(lake.location).versions["labels"] == 1


def test_newer_in_one_table_and_older_in_another_is_still_going_back(lake):
    mixed = plan(lake)
    lake.append("labels", [LABEL])
    mixed = changed(mixed, versions={**mixed.versions, "videos": 9})
    assert replace(lake.location, mixed) is False


def test_a_restored_backup_is_published_by_force(lake):
    backup = plan(lake)
    lake.append("labels", [LABEL])
    assert replace(lake.location, backup, force=True) is True
    assert ask(shell(lake), "SELECT count(*) FROM labels") == [(0,)]


def test_a_crash_between_the_two_files_is_mended_by_the_next_publication(lake):
    old = shell(lake).read_bytes()
    lake.append("labels", [LABEL])
    shell(lake).write_bytes(old)
    publish(lake)
    assert ask(shell(lake), "SELECT count(*) FROM labels") == [(1,)]


def test_the_log_of_a_shell_that_died_is_moved_aside(lake):
    dying = f"""
        import duckdb, os
        connection = duckdb.connect({str(shell(lake))!r})
        connection.execute("SET wal_autocheckpoint = '1TB'")
        connection.execute("CREATE TABLE mine AS SELECT 1")
        os._exit(1)
    """
    from tests.catalog.rows import start

    start(dying).wait(60)
    wal = lake.location.path("catalog.duckdb.wal")
    assert wal.exists()
    lake.append("labels", [LABEL])
    assert not wal.exists()
    assert len(list(lake.location.path().glob("catalog.duckdb.wal.stale-*"))) == 1
    assert ask(shell(lake), "SELECT count(*) FROM labels") == [(1,)]


def test_a_publication_opens_no_file_that_it_lists(lake):
    """There are thousands in a large lake, and each commit publishes."""
    commit_videos(lake, [write_video(lake, 1)])
    for table in ("crops", "frames"):
        [part] = lake.parts(table)
        lake.location.path(table, part.path).write_bytes(b"no Parquet")
    publish(lake)
    assert count(lake, "videos") == 1


def test_a_publication_leaves_no_temporary_file(lake):
    lake.append("labels", [LABEL])
    assert [file.name for file in lake.location.path().iterdir() if file.name.startswith(".")] == []


def test_after_a_move_a_publication_puts_the_new_paths_in_place(lake, tmp_path):
    commit_videos(lake, [write_video(lake, 1)])
    moved = Lake.open(shutil.move(lake.location.root, tmp_path / "elsewhere"))
    with pytest.raises(duckdb.IOException):
        ask(shell(moved), "SELECT count(*) FROM frames")
    publish(moved)
    assert ask(shell(moved), "SELECT count(*) FROM frames") == [(3,)]


def test_in_one_process_catalog_sql_shows_the_new_state_while_the_database_is_open(lake):
    with duckdb.connect(str(shell(lake)), read_only=True) as still_open:
        lake.append("labels", [LABEL])
        assert still_open.execute("SELECT count(*) FROM labels").fetchall() == [(0,)]
        assert count(lake, "labels") == 1
