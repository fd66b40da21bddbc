from __future__ import annotations

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakelake.catalog import delta
from fakelake.catalog.check import check
from fakelake.catalog.commit import commit_videos
from fakelake.catalog.lake import Lake, LakeFormatError, LakeNotFound
from fakelake.catalog.location import LakeLocation
from fakelake.catalog.migrate import migrate
from fakelake.catalog.parts import Part
from fakelake.catalog.schemas import FORMAT, TABLES
from tests.catalog.rows import ask, count, source, video_id, write_video

LATER_TABLES = ("consents", "portraits")
LATER_COLUMNS = {"videos": ("phash", "provenance"), "frames": ("sharpness",)}


@pytest.fixture
def old_lake(tmp_path):
    """A lake as an older program made it: two tables and three columns fewer, one video in it."""
    location = LakeLocation.from_str(tmp_path / "old")
    attempt = "a" * 32
    same = {"video_id": [video_id(1)], "recipe_id": ["r1"], "attempt_id": [attempt]}
    rows = {
        "videos": {**same, "status": ["ready"], "dataset": ["made"], "frames_with_face": [1]},
        "frames": {**same, "track_id": [0], "frame": [0]},
        "crops": {**same, "track_id": [0], "frame": [0], "image": [b"\xff\xd8"]},
        "labels": {"video_id": [video_id(1)], "label": ["real"], "origin": ["dataset"]},
    }
    for name, spec in TABLES.items():
        if name in LATER_TABLES:
            continue
        schema = pa.schema([field for field in spec.schema if field.name not in LATER_COLUMNS.get(name, ())])
        delta.create_table(location, replace(spec, schema=schema))
        if name in rows:
            values = [rows[name].get(field.name, [None]) for field in schema]
            file = location.path(name, f"{attempt}-0.parquet")
            pq.write_table(
                pa.table([pa.array(v, f.type) for v, f in zip(values, schema, strict=True)], schema=schema), file
            )
            delta.commit(location, name, [Part(name, file.name, 1, file.stat().st_size)])
    location.write_bytes("lake.json", json.dumps({"format": FORMAT - 1, "created_at": "then"}).encode())
    return location


def test_an_older_lake_is_refused_with_the_command_that_helps(old_lake):
    with pytest.raises(LakeFormatError, match="fakelake catalog migrate"):
        Lake.open(old_lake)


def test_tables_and_columns_are_added_and_old_rows_read_null(old_lake):
    done = migrate(old_lake)
    assert set(done.tables) == set(LATER_TABLES)
    assert set(done.columns) == {"videos.phash", "videos.provenance", "frames.sharpness"}
    assert ask(old_lake.path("catalog.duckdb"), "SELECT status, phash, provenance FROM videos") == [
        ("ready", None, None)
    ]
    assert ask(old_lake.path("catalog.duckdb"), "SELECT frame, sharpness FROM frames") == [(0, None)]
    assert ask(old_lake.path("catalog.duckdb"), "SELECT count(*) FROM portraits") == [(0,)]
    assert Lake.open(old_lake).read("videos", ["phash"]).to_pylist() == [{"phash": None}]


def test_a_migrated_lake_is_whole_and_takes_new_videos(old_lake):
    migrate(old_lake)
    lake = Lake.open(old_lake)
    commit_videos(lake, [write_video(lake, 2)], [source(2)])
    assert check(lake).findings == ()
    assert count(lake, "frames") == 4


def test_comments_of_new_columns_come_with_them(old_lake):
    migrate(old_lake)
    fields = {field.name: field for field in delta.open_table(old_lake, "frames").schema().fields}
    assert "Laplacian" in fields["sharpness"].metadata["comment"]


def test_migrating_twice_does_nothing_the_second_time(old_lake):
    migrate(old_lake)
    done = migrate(old_lake)
    assert (done.tables, done.columns, done.from_format) == ((), (), FORMAT)


def test_an_interrupted_migration_is_finished_by_running_it_again(old_lake):
    delta.create_table(old_lake, TABLES["portraits"])  # as far as it came
    with pytest.raises(LakeFormatError):
        Lake.open(old_lake)
    assert migrate(old_lake).tables == ("consents",)
    assert Lake.open(old_lake)


def test_a_dry_run_says_what_would_be_added(old_lake):
    assert set(migrate(old_lake, dry_run=True).tables) == set(LATER_TABLES)
    with pytest.raises(LakeFormatError):
        Lake.open(old_lake)


def test_a_newer_lake_is_left_alone(lake):
    lake.location.write_bytes("lake.json", json.dumps({"format": FORMAT + 1}).encode())
    with pytest.raises(LakeFormatError, match="update"):
        migrate(lake.location.root)


def test_a_column_of_another_type_is_refused_by_name(old_lake):
    spec = TABLES["consents"]
    schema = pa.schema([*(f for f in spec.schema if f.name != "source"), pa.field("source", pa.int64())])
    delta.create_table(old_lake, replace(spec, schema=schema))
    with pytest.raises(LakeFormatError, match=r"consents\.source"):
        migrate(old_lake)


def test_where_no_lake_is_nothing_is_made(tmp_path):
    with pytest.raises(LakeNotFound):
        migrate(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_columns_of_a_newer_program_are_kept(lake):
    lake.table("labels").alter.add_columns([delta_field("shade", "string")])
    assert migrate(lake.location.root).columns == ()
    assert "shade" in {field.name for field in lake.table("labels").schema().fields}


def delta_field(name, kind):
    from deltalake import Field

    return Field(name, kind)
