import json
import pickle
import shutil

import pyarrow.compute as pc
import pytest

from fakelake.catalog.commit import commit_videos
from fakelake.catalog.lake import MARKER, Lake, LakeFormatError, LakeNotFound
from fakelake.catalog.parts import RowsRefused
from fakelake.catalog.schemas import FORMAT, SCHEMAS
from tests.catalog.rows import RECIPE, count, finish, source, start, video_id, write_video

LABEL = {"video_id": "v", "label": "fake", "origin": "dataset"}


def test_a_new_lake_has_every_table_empty(lake):
    assert {name: len(lake.read(name)) for name in SCHEMAS} == dict.fromkeys(SCHEMAS, 0)
    assert all(count(lake, name) == 0 for name in SCHEMAS)


def test_a_lake_is_not_made_twice_nor_over_other_people_s_files(lake, tmp_path):
    with pytest.raises(FileExistsError, match="a lake"):
        Lake.create(lake.location.root)
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "clip.mp4").touch()
    with pytest.raises(FileExistsError, match=r"clip\.mp4"):
        Lake.open(tmp_path / "archive", create=True)


def test_servers_records_may_be_there_before_the_lake(tmp_path):
    (tmp_path / "lake" / "_up" / "desk").mkdir(parents=True)
    (tmp_path / "lake" / "_up" / "desk" / "secret_key").touch()
    assert count(Lake.open(tmp_path / "lake", create=True), "videos") == 0


def test_a_missing_lake_says_what_to_do(tmp_path):
    with pytest.raises(LakeNotFound, match="--lake"):
        Lake.open(tmp_path / "nowhere")


@pytest.mark.parametrize(("made", "advice"), [(FORMAT + 1, "update"), (FORMAT - 1, "migrate")])
def test_a_lake_of_another_format_says_what_to_do(lake, made, advice):
    lake.location.write_bytes(MARKER, json.dumps({"format": made}).encode())
    with pytest.raises(LakeFormatError, match=advice):
        Lake.open(lake.location.root)


def test_several_processes_may_make_the_same_lake_at_once(tmp_path):
    make = "import sys; from fakelake.catalog.lake import Lake; Lake.open(sys.argv[1], create=True).append('labels', "
    make += "[{'video_id': sys.argv[2], 'label': 'real', 'origin': 'dataset'}])"
    for process in [start(make, tmp_path / "lake", n) for n in range(3)]:
        finish(process)
    assert sorted(Lake.open(tmp_path / "lake").read("labels")["video_id"].to_pylist()) == ["0", "1", "2"]


def test_a_creation_that_was_cut_off_is_finished_by_the_next(lake):
    lake.location.delete(MARKER)
    shutil.rmtree(lake.location.path("runs"))
    assert count(Lake.open(lake.location.root, create=True), "runs") == 0


def test_rows_are_added_with_their_absent_columns_null(lake):
    lake.append("labels", [LABEL])
    [row] = lake.read("labels").to_pylist()
    assert row == {**dict.fromkeys(SCHEMAS["labels"].names), **LABEL}
    assert count(lake, "labels") == 1


@pytest.mark.parametrize("row", [{**LABEL, "labelll": 1}, {"video_id": "v"}, {**LABEL, "labelled_at": "yesterday"}])
def test_rows_that_do_not_fit_are_refused_whole(lake, row):
    with pytest.raises(RowsRefused, match="label"):
        lake.append("labels", [LABEL, row])
    assert len(lake.read("labels")) == 0


def test_what_attempts_write_cannot_be_appended(lake):
    for name in ("videos", "frames", "crops", "portraits"):
        with pytest.raises(RowsRefused, match="commit_videos"):
            lake.append(name, [])


def test_reading_picks_columns_and_rows(lake):
    commit_videos(lake, [write_video(lake, 1), write_video(lake, 2)])
    rows = lake.read("frames", ["frame", "x1"], pc.field("video_id") == video_id(2)).to_pylist()
    assert sorted(row["frame"] for row in rows) == [0, 1, 2]
    assert {row["x1"] for row in rows} == {2.0}


def test_rows_of_an_attempt_without_a_videos_row_do_not_exist(lake):
    from fakelake.catalog import delta

    committed, orphan = write_video(lake, 1), write_video(lake, 2)
    commit_videos(lake, [committed])
    for part in orphan.parts:
        delta.commit(lake.location, part.table, [part])
    assert set(lake.read("frames")["video_id"].to_pylist()) == {video_id(1)}
    lake.append("labels", [LABEL])  # publishes
    assert count(lake, "frames") == count(lake, "crops") == count(lake, "portraits") == 3


def test_ready_keys_are_those_of_one_recipe_face_or_not(lake):
    faceless = write_video(lake, 2, rows=0)
    faceless.row["status"] = "no_face"
    commit_videos(lake, [write_video(lake, 1), faceless, write_video(lake, 3, recipe="other")])
    assert lake.ready_keys(RECIPE) == {video_id(1), video_id(2)}


def test_a_snapshot_is_a_lake_as_it_was(lake):
    commit_videos(lake, [write_video(lake, 1)], [source(1)])
    before = lake.snapshot()
    commit_videos(lake, [write_video(lake, 2)], [source(2)])
    then = lake.at(json.loads(json.dumps(before)))
    assert (len(then.read("frames")), len(lake.read("frames"))) == (3, 6)
    assert (count(then, "videos"), count(then, "crops"), count(then, "video_label")) == (1, 3, 1)
    assert len(lake.read("videos", version=before["videos"])) == 1
    with pytest.raises(RowsRefused, match="past"):
        then.append("labels", [LABEL])


def test_a_snapshot_before_a_file_was_exchanged_reads_the_old_file(lake):
    from fakelake.catalog import delta

    commit_videos(lake, [write_video(lake, 1)])
    before, old = lake.snapshot(), lake.parts("frames")
    new = delta.Part("frames", "compact-0.parquet", old[0].rows, old[0].bytes)
    shutil.copy(lake.location.path("frames", old[0].path), lake.location.path("frames", new.path))
    delta.commit(lake.location, "frames", [new], old, data_change=False)
    assert lake.parts("frames") == [new]
    assert lake.at(before).parts("frames") == old
    assert lake.read("frames").equals(lake.at(before).read("frames"))


def test_a_lake_travels_to_a_worker(lake):
    assert len(pickle.loads(pickle.dumps(lake)).read("videos")) == 0


def test_a_moved_lake_answers_at_once(lake, tmp_path):
    commit_videos(lake, [write_video(lake, 1)])
    shutil.move(lake.location.root, tmp_path / "elsewhere")
    moved = Lake.open(tmp_path / "elsewhere")
    assert count(moved, "frames") == 3
    assert len(moved.read("crops")) == 3
