import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakelake.catalog import delta
from fakelake.catalog.commit import commit_videos
from fakelake.catalog.lake import Lake
from fakelake.catalog.publish import publish
from fakelake.catalog.schemas import SCHEMAS, TABLES
from fakelake.catalog.views import parse_header, plan, seed
from tests.catalog.rows import ask, count, source, trouble, video_id, write_video

LABEL = {"video_id": "v", "label": "fake", "origin": "dataset"}


@pytest.mark.parametrize("name", ["it's 50% é", "a=b", "[1] *? x", "with #hash and 100%"])
def test_a_lake_s_path_may_hold_quotes_percents_and_glob_signs(tmp_path, name):
    """Delta percent-encodes, DuckDB globs and takes `a=b` for a partition: none of that may reach the views."""
    lake = Lake.create(tmp_path / name)
    commit_videos(lake, [write_video(lake, 1)], [source(1)])
    assert count(lake, "frames") == 3
    with lake.connect() as connection:
        columns = [row[0] for row in connection.execute("DESCRIBE frames").fetchall()]
    assert columns == SCHEMAS["frames"].names


def test_the_views_list_absolute_paths(lake, monkeypatch, tmp_path):
    commit_videos(lake, [write_video(lake, 1)])
    monkeypatch.chdir(tmp_path)
    assert ask(lake.location.path("catalog.duckdb"), "SELECT count(*) FROM crops") == [(3,)]


def test_an_empty_table_has_its_columns_and_types(lake):
    with lake.connect() as connection:
        columns = connection.execute("DESCRIBE portraits").fetchall()
    assert [(name, kind) for name, kind, *_ in columns] == [
        ("video_id", "VARCHAR"), ("track_id", "INTEGER"), ("clip_id", "VARCHAR"), ("frame", "BIGINT"),
        ("pts_s", "DOUBLE"), ("window", "INTEGER[]"), ("image", "BLOB"), ("recipe_id", "VARCHAR"),
        ("attempt_id", "VARCHAR"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["older-0.parquet", f"older-0.{len(SCHEMAS['labels']) - 1}.parquet"])
def test_files_from_before_a_column_was_added_read_as_null(lake, name):
    lake.append("labels", [{**LABEL, "note": "seen"}])
    assert "union_by_name" not in plan(lake).to_sql(), "DuckDB opens every file for it"
    file = lake.location.path("labels", name)
    pq.write_table(pa.Table.from_pylist([LABEL], schema=SCHEMAS["labels"]).drop_columns(["note"]), file)
    delta.commit(lake.location, "labels", [delta.Part("labels", name, 1, file.stat().st_size)])
    publish(lake)
    assert plan(lake).with_narrow == {"labels"}
    with lake.connect() as connection:
        assert connection.execute("SELECT note FROM labels ORDER BY note").fetchall() == [("seen",), (None,)]
    assert sorted(lake.read("labels")["note"].to_pylist(), key=str) == [None, "seen"]


def test_a_seed_file_never_changes_in_place(lake):
    file = lake.location.path("_seeds", seed(lake.location, "labels").rsplit("/", 1)[1])
    before = file.stat()
    seed(lake.location, "labels")
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert pq.read_schema(file).equals(SCHEMAS["labels"])


def test_compacted_files_are_listed_and_orphans_are_not(lake):
    kept, orphan = write_video(lake, 1), write_video(lake, 2)
    commit_videos(lake, [kept])
    for part in orphan.parts:
        delta.commit(lake.location, part.table, [part])
    with_rows = pa.table({"video_id": ["c"], "track_id": [0], "frame": [0], "attempt_id": ["long ago"]})
    file = lake.location.path("frames", "compact-1.parquet")
    pq.write_table(with_rows, file)
    delta.commit(lake.location, "frames", [delta.Part("frames", file.name, 1, file.stat().st_size)])
    files = [file.rsplit("/", 1)[1] for file in plan(lake).files["frames"][1:]]
    assert files == sorted(["compact-1.parquet", kept.parts[2].path])


def test_the_header_tells_which_versions_the_views_show(lake):
    publication = plan(lake)
    header = parse_header(publication.to_sql())
    assert (header.root, dict(header.versions)) == (lake.location.root, dict(publication.versions))
    assert parse_header("SELECT 1") is None
    assert parse_header(f"-- publication: {json.dumps({})}") is None


def test_tables_and_columns_carry_their_comments_into_the_shell(lake):
    file = lake.location.path("catalog.duckdb")
    [(comment,)] = ask(file, "SELECT comment FROM duckdb_views() WHERE view_name = 'crops'")
    assert comment == TABLES["crops"].comment
    query = "SELECT comment FROM duckdb_columns() WHERE table_name = 'videos' AND column_name = 'video_id'"
    assert ask(file, query) == [("SHA-256 of the file's bytes, hex",)]


# --- the views that answer people's questions


def rows(lake, sql):
    with lake.connect() as connection:
        return connection.execute(sql).fetchall()


def label(word, origin, day, video="v"):
    from datetime import UTC, datetime

    return {"video_id": video, "label": word, "origin": origin, "labelled_at": datetime(2026, 1, day, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("labels", "holds"),
    [
        ([label("real", "dataset", 1), label("fake", "dataset", 2)], "fake"),
        ([label("unsure", "moderator", 1), label("fake", "dataset", 2)], "unsure"),
        ([label("real", "moderator", 2), label("fake", "moderator", 1)], "real"),
        ([label("fake", "generator", 1), label("real", "dataset", 2)], "fake"),
    ],
)
def test_the_latest_label_holds_and_a_moderator_s_above_a_list_s(lake, labels, holds):
    lake.append("labels", labels)
    assert rows(lake, "SELECT video_id, label FROM current_labels") == [("v", holds)]


def test_video_label_has_one_row_a_video(lake):
    videos = [write_video(lake, 1), write_video(lake, 1, recipe="r2"), write_video(lake, 2)]
    commit_videos(lake, videos, [source(1), source(1, uri="file:///copy.mp4", name="copy.mp4"), source(2)])
    lake.append("labels", [label("fake", "dataset", 1, video_id(1)), label("real", "dataset", 1, "not here")])
    answer = rows(lake, "SELECT video_id, label, status FROM video_label ORDER BY video_id")
    assert answer == [(video_id(1), "fake", "ready"), (video_id(2), None, "ready")]


def test_a_source_without_its_video_is_not_shown(lake):
    commit_videos(lake, [], [source(1)])
    assert rows(lake, "SELECT count(*) FROM sources") == [(0,)]
    commit_videos(lake, [write_video(lake, 1)], [source(1)])
    assert rows(lake, "SELECT count(*) FROM sources") == [(1,)]


def test_coverage_counts_each_data_set(lake):
    faceless = write_video(lake, 3, rows=0)
    faceless.row["status"] = "no_face"
    other = write_video(lake, 4)
    other.row["dataset"] = None
    videos = [write_video(lake, 1), write_video(lake, 2), write_video(lake, 1, recipe="r2"), faceless, other]
    commit_videos(lake, videos, [], [trouble(8), trouble(9), trouble(9, recipe_id="r2")])
    query = "SELECT dataset, videos, ready, no_face, quarantined FROM coverage ORDER BY dataset"
    assert rows(lake, query) == [("made", 3, 2, 1, 2), (None, 1, 1, 0, 0)]


def test_a_place_of_a_video_that_does_not_exist_is_hidden_and_a_whole_lake_pays_nothing_for_that(lake):
    commit_videos(lake, [write_video(lake, 1)], [source(1)])
    assert "IN (SELECT video_id FROM videos)" not in plan(lake).to_sql()
    lake.append("sources", [source(2)])  # as a process leaves it that dies before its videos row
    assert "IN (SELECT video_id FROM videos)" in plan(lake).to_sql()
    assert ask(lake.location.path("catalog.duckdb"), "SELECT name FROM sources") == [("1.mp4",)]
    commit_videos(lake, [write_video(lake, 2)], [source(2)])
    assert ask(lake.location.path("catalog.duckdb"), "SELECT name FROM sources ORDER BY 1") == [("1.mp4",), ("2.mp4",)]
