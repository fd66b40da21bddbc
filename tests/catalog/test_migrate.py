from __future__ import annotations

import json
import shutil
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
from fakelake.catalog.scores import commit_scores
from fakelake.catalog.views import HEADER
from tests.catalog.rows import ask, count, source, video_id, write_video
from tests.catalog.score_rows import at, promote, scores

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


MODEL_TABLES = ("scores", "calibrations", "part_scores", "near_matches", "promotions", "drift")
MODEL_VIEWS = ("verdicts", "timeline", "review_queue", "model_comparison", "part_evidence", "score_history", "champion")
DRIFT = ("drift", "current_drift")


def made_earlier(lake, number, without):
    """The lake as a program of an earlier format left it, which knew no such tables."""
    for name in without:
        shutil.rmtree(lake.location.path(name))
    header, _, views = lake.location.read_bytes("catalog.sql").decode().partition("\n")
    publication = json.loads(header.removeprefix(HEADER))
    publication["versions"] = {name: v for name, v in publication["versions"].items() if name not in without}
    lake.location.write_bytes("catalog.sql", f"{HEADER}{json.dumps(publication)}\n{views}".encode())
    lake.location.path("catalog.duckdb").unlink()
    lake.location.write_bytes("lake.json", json.dumps({"format": number, "created_at": "then"}).encode())
    return lake.location


@pytest.fixture
def lake_of_format_1(lake):
    """A lake from before the detector, published by the program of that time: one video, no table of a model."""
    commit_videos(lake, [write_video(lake, 1)], [source(1)])
    return made_earlier(lake, 1, MODEL_TABLES)


def test_a_lake_from_before_drift_was_measured_gets_its_table_and_keeps_what_it_knew(lake):
    commit_videos(lake, [write_video(lake, 1)], [source(1)])
    promote(lake)
    commit_scores(lake, scores(1, [1.0]))
    earlier = made_earlier(lake, 2, ["drift"])
    with pytest.raises(LakeFormatError, match=r"has format 2, this program writes 3.*fakelake catalog migrate"):
        Lake.open(earlier)
    done = migrate(earlier)
    assert (done.from_format, done.to_format, done.tables, done.columns) == (2, 3, ("drift",), ())
    catalog = earlier.path("catalog.duckdb")
    assert [ask(catalog, f"SELECT count(*) FROM {view}") for view in (*DRIFT, "verdicts")] == [[(0,)], [(0,)], [(1,)]]
    opened = Lake.open(earlier)
    opened.append("drift", [{"measure": "codec", "model_version": "1", "at": at(1)}])
    assert ask(catalog, "SELECT measure FROM current_drift") == [("codec",)]
    assert check(opened).findings == ()


def test_a_lake_from_before_the_detector_gets_its_tables_and_views(lake_of_format_1):
    with pytest.raises(LakeFormatError, match="fakelake catalog migrate"):
        Lake.open(lake_of_format_1)
    done = migrate(lake_of_format_1)
    assert (done.from_format, done.to_format, done.columns) == (1, FORMAT, ())
    assert set(done.tables) == set(MODEL_TABLES)
    catalog = lake_of_format_1.path("catalog.duckdb")
    assert [ask(catalog, f"SELECT count(*) FROM {view}") for view in MODEL_VIEWS] == [[(0,)]] * len(MODEL_VIEWS)
    lake = Lake.open(lake_of_format_1)
    assert commit_scores(lake, scores(1, [1.0])) == 1
    assert check(lake).findings == ()


def test_interrupted_at_any_table_it_is_finished_by_a_second_run(lake_of_format_1, monkeypatch):
    create = delta.create_table
    for made in range(len(MODEL_TABLES)):

        def one_more(location, spec, made=made):
            if sum(lake_of_format_1.path(name, "_delta_log").exists() for name in MODEL_TABLES) >= made:
                raise OSError("no space left")
            create(location, spec)

        monkeypatch.setattr(delta, "create_table", one_more)
        with pytest.raises(OSError, match="no space"):
            migrate(lake_of_format_1)
        with pytest.raises(LakeFormatError):
            Lake.open(lake_of_format_1)
    monkeypatch.setattr(delta, "create_table", create)
    assert migrate(lake_of_format_1).tables == MODEL_TABLES[-1:]
    assert count(Lake.open(lake_of_format_1), "verdicts") == 0


def test_interrupted_before_the_views_are_out_the_lake_stays_of_the_old_format_until_the_second_run(
    lake_of_format_1, monkeypatch
):
    def die(*_):
        raise OSError("died")

    with monkeypatch.context() as patch:
        patch.setattr("fakelake.catalog.migrate.publish_locked", die)
        with pytest.raises(OSError, match="died"):
            migrate(lake_of_format_1)
    with pytest.raises(LakeFormatError):
        Lake.open(lake_of_format_1)
    migrate(lake_of_format_1)
    assert ask(lake_of_format_1.path("catalog.duckdb"), "SELECT count(*) FROM scores") == [(0,)]


def delta_field(name, kind):
    from deltalake import Field

    return Field(name, kind)


PART_COLUMNS = ("window", "start_s", "end_s", "area", "generator_version")


def test_part_scores_from_before_they_told_the_window_read_null_there_and_get_the_columns(lake):
    spec, row = TABLES["part_scores"], {"video_id": video_id(1), "part": "mouth", "drop": 1.0, "model": "detector"}
    shutil.rmtree(lake.location.path("part_scores"))
    earlier = pa.schema([field for field in spec.schema if field.name not in PART_COLUMNS])
    delta.create_table(lake.location, replace(spec, schema=earlier))
    file = lake.location.path("part_scores", f"{'a' * 32}-0.parquet")
    pq.write_table(pa.Table.from_pylist([{**row, "model_version": "1", "at": at(0)}], schema=earlier), file)
    delta.commit(lake.location, "part_scores", [Part("part_scores", file.name, 1, file.stat().st_size)])
    done = migrate(lake.location.root)
    assert done.columns == tuple(f"part_scores.{column}" for column in PART_COLUMNS)
    promote(lake)
    columns = 'part, "drop", largest_second, generator_version'
    assert ask(lake.location.path("catalog.duckdb"), f"SELECT {columns} FROM part_evidence") == [
        ("mouth", 1.0, None, None)
    ]
