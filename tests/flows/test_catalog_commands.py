"""The catalog's commands as a person or a script meets them: words, JSON and exit codes."""

from __future__ import annotations

import json

import duckdb
import pytest
import typer
from typer.testing import CliRunner

from fakelake.catalog import delta
from fakelake.catalog.commit import commit_videos
from fakelake.catalog.content import content_hash
from fakelake.catalog.history import SnapshotGone
from fakelake.catalog.lake import Lake
from fakelake.catalog.rebuild import LossRefused
from fakelake.catalog.vacuum import RetentionTooShort
from fakelake.flows.catalog_commands import app, forget
from fakelake.flows.shared_options import BAD_USAGE, FOR_PEOPLE
from tests.catalog.rows import source, video_id, write_video

forgetting = typer.Typer()
forgetting.command()(forget)


@pytest.fixture
def lake(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    for i in (1, 2):
        video = write_video(lake, i)
        video.row["phash"] = "0123456789abcdef"
        commit_videos(lake, [video], [source(i)])
    return lake


def catalog(lake, *arguments, code=0):
    done = CliRunner().invoke(app, [arguments[0], "--lake", lake.location.root, *arguments[1:]])
    assert done.exit_code == code, done.output
    return done.output


def test_check_says_that_the_lake_is_whole_and_prints_its_content_hash(lake):
    said = catalog(lake, "check", "--near-bits", "-1")
    assert "The lake is whole." in said and content_hash(lake) in said
    assert catalog(lake, "hash").strip() == content_hash(lake)


def test_check_finds_near_duplicates_by_their_perceptual_hashes(lake):
    report = json.loads(catalog(lake, "check", "--json"))
    assert [finding["rule"] for finding in report["findings"]] == ["near-duplicates"]
    assert report["whole"] is True


def test_check_ends_with_code_1_when_something_is_wrong(lake):
    lake.location.delete(f"crops/{lake.parts('crops')[0].path}")
    said = catalog(lake, "check", code=1)
    assert "FAULT: file missing" in said and "The lake is not whole." in said


def test_compact_then_vacuum_leave_one_file_a_table(lake):
    content = content_hash(lake)
    assert "frames: 2 files -> 1" in catalog(lake, "compact")
    assert "Nothing to merge." in catalog(lake, "compact")
    assert "would go" in catalog(lake, "vacuum", "--days", "0", "--alone", "--dry-run")
    assert "are gone" in catalog(lake, "vacuum", "--days", "0", "--alone")
    assert len(list(lake.location.path("frames").glob("*.parquet"))) == 1
    assert content_hash(lake) == content


def test_one_table_alone_can_be_compacted_and_an_unknown_one_is_refused(lake):
    catalog(lake, "compact", "--table", "frames")
    assert len(delta.parts_of(lake.table("crops"), "crops")) == 2
    done = CliRunner().invoke(app, ["compact", "--lake", lake.location.root, "--table", "faces"])
    assert isinstance(done.exception, ValueError) and "There is no table faces" in str(done.exception)


def test_history_lists_versions_and_opens_a_past_state_in_a_shell(lake):
    lake.append("runs", [{"run_id": "abc", "flow": "ingest", "snapshot": json.dumps({**lake.snapshot(), "videos": 1})}])
    said = catalog(lake, "history")
    assert "run abc" in said and "videos     version 2" in said
    with duckdb.connect() as connection:
        connection.execute(catalog(lake, "history", "--at", "abc"))
        assert connection.execute("SELECT count(*) FROM videos").fetchone() == (1,)
        connection.execute(catalog(lake, "history", "--at", "2001-01-01"))
        assert connection.execute("SELECT count(*) FROM videos").fetchone() == (0,)


def test_rebuild_and_migrate_say_what_they_did(lake):
    assert lake.location.root in catalog(lake, "rebuild")
    assert "nothing to add" in catalog(lake, "migrate")


def test_forget_takes_a_file_name_says_what_went_and_where_the_original_lies(lake):
    said = CliRunner().invoke(forgetting, ["1.mp4", "--lake", lake.location.root, "--why", "asked"]).output
    assert "3 frames, 3 crops, 3 portraits" in said
    assert "The original is still there: file:///in/1.mp4" in said
    again = CliRunner().invoke(forgetting, [video_id(1), "--lake", lake.location.root, "--undo"])
    assert again.exit_code == 0, again.output
    commit_videos(lake, [write_video(lake, 1)], [source(1)])
    assert len(lake.ready_keys("r1")) == 2


@pytest.mark.parametrize("error", [LossRefused, SnapshotGone, RetentionTooShort])
def test_errors_of_these_commands_reach_a_person_without_a_traceback(error):
    assert error.__name__ in FOR_PEOPLE | BAD_USAGE
