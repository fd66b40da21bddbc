from __future__ import annotations

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakelake.catalog import delta
from fakelake.catalog.check import check
from fakelake.catalog.commit import commit_videos
from fakelake.catalog.compact import compact
from fakelake.catalog.content import content_hash
from fakelake.catalog.parts import Part, PartWriter
from fakelake.catalog.publish import publish
from tests.catalog.rows import source, video_id, write_video


@pytest.fixture
def lake(lake):
    commit_videos(lake, [write_video(lake, i) for i in (1, 2)], [source(1), source(2)])
    return lake


def faults(report):
    return [(finding.rule, finding.subject) for finding in report.findings if finding.fault]


def notes(report):
    return [(finding.rule, finding.subject) for finding in report.findings if not finding.fault]


def path(lake, table, n=0):
    return lake.location.path(table, lake.parts(table)[n].path)


def test_a_whole_lake_has_no_finding_and_a_content_hash(lake):
    report = check(lake, deep=True)
    assert report.findings == ()
    assert report.whole
    assert report.content_hash == content_hash(lake)
    assert report.rows["frames"] == 6


def test_a_vanished_file_is_named_with_what_to_do(lake):
    path(lake, "crops").unlink()
    report = check(lake)
    assert faults(report) == [("file missing", f"crops/{lake.parts('crops')[0].path}")]
    assert "backup" in report.findings[0].remedy
    assert report.content_hash is None


def test_a_vanished_file_of_videos_is_named_too(lake):
    path(lake, "videos").unlink()
    assert [rule for rule, _ in faults(check(lake))] == ["file missing"]


def test_a_truncated_file_is_found_by_its_size(lake):
    file = path(lake, "frames")
    file.write_bytes(file.read_bytes()[:-10])
    assert [rule for rule, _ in faults(check(lake))] == ["file broken"]


def test_a_broken_footer_is_found_at_once(lake):
    file = path(lake, "frames")
    content = bytearray(file.read_bytes())
    content[-4:] = b"XXXX"
    file.write_bytes(content)
    assert [rule for rule, _ in faults(check(lake))] == ["file broken"]


def test_broken_data_is_found_by_reading_everything(lake):
    file = path(lake, "frames")
    content = bytearray(file.read_bytes())
    content[4:60] = bytes(56)
    file.write_bytes(content)
    assert [rule for rule, _ in faults(check(lake, deep=True))] == ["file broken"]


def test_a_file_with_other_rows_than_the_log_says_is_found(lake):
    file = path(lake, "frames")
    rows = pq.read_table(file).slice(1)
    part = lake.parts("frames")[0]
    pq.write_table(rows, file)
    delta.commit(lake.location, "frames", remove=[part])
    delta.commit(lake.location, "frames", [Part("frames", part.path, 3, file.stat().st_size)])
    publish(lake)
    assert [rule for rule, _ in faults(check(lake))] == ["file broken"]


def test_fewer_frames_than_the_videos_row_vouches_for_are_found(lake):
    part = lake.parts("frames")[0]
    delta.commit(lake.location, "frames", remove=[part])
    report = check(lake)
    assert {rule for rule, _ in faults(report)} == {"row parity", "picture without a row", "views stale"}
    assert any("videos says 3 frames with a face, frames has 0" in finding.text for finding in report.findings)


def test_a_wrong_number_of_tracks_is_found(lake):
    video = write_video(lake, 3)
    video.row["tracks"] = 2
    commit_videos(lake, [video], [source(3)])
    assert faults(check(lake)) == [("row parity", f"video {video_id(3)}")]


def test_faces_that_are_there_twice_are_found(lake):
    video = write_video(lake, 3)
    with PartWriter(lake.location, "frames", video.row["attempt_id"], 1) as writer:
        writer.write(pq.read_table(lake.location.path("frames", video.parts[-1].path)))
        delta.commit(lake.location, "frames", [writer.close()])
    commit_videos(lake, [video], [source(3)])
    report = check(lake)
    assert faults(report) == [("row parity", f"video {video_id(3)}")]
    assert "twice" in report.findings[0].text


def test_a_crop_of_a_face_that_frames_does_not_have_is_found(lake):
    video = write_video(lake, 3)
    attempt = video.row["attempt_id"]
    stray = {"video_id": [video_id(3)], "track_id": [0], "frame": [99], "image": [b"x"], "attempt_id": [attempt]}
    with PartWriter(lake.location, "crops", attempt, 1) as writer:
        writer.write(pa.table(stray))
        delta.commit(lake.location, "crops", [writer.close()])
    commit_videos(lake, [video], [source(3)])
    assert faults(check(lake)) == [("picture without a row", f"video {video_id(3)}")]


def test_a_key_that_is_there_twice_is_found(lake):
    again = write_video(lake, 1)
    part = lake.write_rows("videos", [again.row])
    for each in (*again.parts, part):
        delta.commit(lake.location, each.table, [each])
    assert ("duplicate key", f"video {video_id(1)}") in faults(check(lake))


def test_files_of_no_version_are_noted_with_their_size(lake):
    write_video(lake, 3)
    report = check(lake)
    assert report.whole
    assert notes(report) == [("orphan files", "frames"), ("orphan files", "crops"), ("orphan files", "portraits")]


def test_frames_and_crops_of_an_attempt_without_a_video_are_noted(lake):
    for part in write_video(lake, 3).parts:
        delta.commit(lake.location, part.table, [part])
    report = check(lake)
    assert ("attempt without a video", "frames") in notes(report)
    assert ("attempt without a video", "crops") in notes(report)


def test_files_that_compaction_replaced_are_no_orphans(lake):
    compact(lake)
    commit_videos(lake, [write_video(lake, 3)])
    assert check(lake).findings == ()


def test_views_that_a_crash_left_behind_are_found(lake):
    lake.append("labels", [{"video_id": video_id(1), "label": "real", "origin": "dataset"}], publish=False)
    assert faults(check(lake)) == [("views stale", "catalog.sql")]


def test_views_of_a_lake_that_was_moved_are_found(lake, tmp_path):
    from fakelake.catalog.lake import Lake

    shutil.move(lake.location.root, tmp_path / "elsewhere")
    assert faults(check(Lake.open(tmp_path / "elsewhere"))) == [("views moved", "catalog.sql")]


def test_a_lost_catalog_file_is_found(lake):
    lake.location.path("catalog.duckdb").unlink()
    assert faults(check(lake)) == [("views differ", "catalog.duckdb")]


def test_near_duplicates_in_one_part_are_noted_and_across_parts_are_leakage(lake):
    lake.append(
        "splits",
        [
            {"split_id": "s", "video_id": video_id(1), "part": "train", "group_id": "a"},
            {"split_id": "s", "video_id": video_id(2), "part": "test", "group_id": "b"},
            {"split_id": "t", "video_id": video_id(1), "part": "train", "group_id": "a"},
            {"split_id": "t", "video_id": video_id(2), "part": "train", "group_id": "b"},
        ],
    )
    report = check(lake, [(video_id(1), video_id(2))])
    assert faults(report) == [("leakage", "split s")]
    assert "1.mp4 is in train and 2.mp4" in report.findings[0].text
    assert [rule for rule, _ in notes(report)] == ["near-duplicates"]


def test_a_group_of_people_or_a_video_in_two_parts_of_a_split_is_leakage(lake):
    lake.append(
        "splits",
        [
            {"split_id": "people", "video_id": video_id(1), "part": "train", "group_id": "a"},
            {"split_id": "people", "video_id": video_id(2), "part": "test", "group_id": "a"},
            {"split_id": "video", "video_id": video_id(1), "part": "train", "group_id": "a"},
            {"split_id": "video", "video_id": video_id(1), "part": "val", "group_id": "b"},
        ],
    )
    assert sorted(faults(check(lake))) == [("leakage", "split people"), ("leakage", "split video")]


def test_memory_is_bounded_by_looking_at_the_videos_in_groups(lake, monkeypatch):
    from fakelake.catalog import check_rows

    monkeypatch.setattr(check_rows, "ROWS_A_PASS", 2)
    delta.commit(lake.location, "frames", remove=[lake.parts("frames")[0]])
    assert len([rule for rule, _ in faults(check(lake)) if rule == "row parity"]) == 1
