"""The whole lake against an S3 server: what local tests show rule by rule, once through."""

import os

import duckdb
import pytest

from fakelake.catalog.commit import Committed, PartMissing, commit_videos
from fakelake.catalog.content import content_hash
from fakelake.catalog.guard import SqlRefused, run_select
from fakelake.catalog.lake import Lake
from fakelake.catalog.publish import plan, replace
from tests.catalog.rows import count, finish, source, start, trouble, write_video

pytest.importorskip("duckdb_extension_httpfs")


@pytest.fixture
def lake(bucket):
    """Its name holds what needs encoding, and signs of a glob pattern."""
    return Lake.create(f"{bucket}/my [1] lake")


def fill(lake):
    return commit_videos(lake, [write_video(lake, 1), write_video(lake, 2)], [source(1), source(2)], [trouble(3)])


def test_a_lake_on_s3_holds_what_a_local_one_holds(lake, tmp_path):
    local = Lake.create(tmp_path / "lake")
    assert fill(lake) == fill(local) == Committed(videos=2, duplicates=0, quarantined=1)
    assert fill(lake) == Committed(videos=0, duplicates=2, quarantined=0)
    assert content_hash(lake) == content_hash(local)
    assert len(lake.read("frames")) == count(lake, "frames") == 6


def test_a_missing_part_is_named_and_nothing_is_committed(lake):
    video = write_video(lake, 1)
    lake.location.delete(f"crops/{video.parts[0].path}")
    with pytest.raises(PartMissing, match=r"s3://.*/my .1. lake/.*" + video.parts[0].path):
        commit_videos(lake, [video])
    assert lake.table("frames").version() == 0


def test_the_published_database_opens_beside_the_secret(lake, tmp_path):
    fill(lake)
    (tmp_path / "catalog.duckdb").write_bytes(lake.location.read_bytes("catalog.duckdb"))
    with lake.connect() as connection:  # has httpfs and the secret
        connection.execute(f"ATTACH '{tmp_path}/catalog.duckdb' AS shown (READ_ONLY)")
        assert connection.execute("SELECT count(*) FROM shown.crops").fetchall() == [(6,)]
    with duckdb.connect() as bare, pytest.raises(duckdb.Error):
        bare.execute(lake.location.read_bytes("catalog.sql").decode())


def test_catalog_sql_says_what_a_shell_needs_first(lake):
    text = lake.location.read_bytes("catalog.sql").decode()
    assert "httpfs" in text and "CREATE SECRET" in text
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in text


def test_a_stale_publisher_does_not_go_back(lake):
    stale = plan(lake)
    lake.append("labels", [{"video_id": "v", "label": "fake", "origin": "dataset"}])
    assert replace(lake.location, stale) is False
    assert count(lake, "labels") == 1


def test_typed_sql_stays_inside_the_prefix(lake):
    fill(lake)
    assert run_select(lake, "SELECT count(*) AS n FROM frames")["n"].to_pylist() == [6]
    with pytest.raises(SqlRefused, match="disabled by configuration"):
        run_select(lake, "SELECT * FROM read_text('s3://archive/outside.txt')")
    with pytest.raises(SqlRefused, match="table function"):
        run_select(lake, "FROM duckdb_secrets()")


WRITER = """
    import sys
    from fakelake.catalog.commit import commit_videos
    from fakelake.catalog.lake import Lake
    from tests.catalog.rows import source, write_video
    lake = Lake.open(sys.argv[1])
    for i in range(2):
        print(commit_videos(lake, [write_video(lake, i)], [source(i)]).videos)
"""


def test_writers_with_the_same_videos_lose_and_double_nothing(lake):
    new = [int(n) for writer in [start(WRITER, lake.location.root) for _ in range(2)] for n in finish(writer).split()]
    assert sum(new) == 2
    assert [count(lake, name) for name in ("videos", "frames", "sources")] == [2, 6, 2]
