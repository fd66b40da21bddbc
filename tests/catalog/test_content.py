from datetime import UTC, datetime

import pyarrow as pa
import pytest

from fakelake.catalog.commit import IngestedVideo, commit_videos
from fakelake.catalog.content import content_hash
from fakelake.catalog.lake import Lake
from fakelake.catalog.parts import PartWriter
from tests.catalog.rows import source, trouble, write_video

LABEL = {"video_id": "v", "label": "fake", "origin": "dataset"}


@pytest.fixture
def filled(lake):
    commit_videos(lake, [write_video(lake, 1), write_video(lake, 2)], [source(1), source(2)], [trouble(3)])
    return lake


@pytest.fixture
def other(tmp_path):
    return Lake.create(tmp_path / "other")


def test_two_lakes_with_the_same_content_have_the_same_hash(filled, other):
    commit_videos(other, [write_video(other, 2)], [source(2, run_id="x", mtime_ns=5)])
    commit_videos(other, [], [], [trouble(3, attempts=4, worker_log="...", at=datetime(2020, 1, 1, tzinfo=UTC))])
    commit_videos(other, [write_video(other, 1)], [source(1)])
    other.append("runs", [{"run_id": "x", "flow": "ingest"}])
    assert content_hash(other) == content_hash(filled)


def test_a_fault_that_a_later_try_overcame_leaves_no_mark(filled, other):
    commit_videos(other, [], [], [trouble(1, at=datetime(2020, 1, 1, tzinfo=UTC)), trouble(3)])
    commit_videos(other, [write_video(other, 1), write_video(other, 2)], [source(1), source(2)])
    assert content_hash(other) == content_hash(filled)


@pytest.mark.parametrize(
    "change",
    [
        lambda lake: commit_videos(lake, [write_video(lake, 3)]),
        lambda lake: commit_videos(lake, [], [source(1, uri="file:///copy.mp4")]),
        lambda lake: commit_videos(lake, [], [], [trouble(4)]),
        lambda lake: lake.append("labels", [LABEL]),
    ],
    ids=["video", "source", "trouble", "label"],
)
def test_every_row_counts(filled, change):
    before = content_hash(filled)
    change(filled)
    assert content_hash(filled) != before


def test_a_row_twice_is_not_a_row_once(filled, other):
    for lake, times in ((filled, 1), (other, 2)):
        lake.append("labels", [LABEL] * times)
    commit_videos(other, [write_video(other, 1), write_video(other, 2)], [source(1), source(2)], [trouble(3)])
    assert content_hash(filled) != content_hash(other)


def test_every_byte_of_a_picture_counts(lake, other):
    def keep(where, picture):
        row = {"video_id": "v", "recipe_id": "r", "attempt_id": "a", "status": "ready"}
        with PartWriter(where.location, "crops", "a") as writer:
            columns = {"video_id": ["v"], "track_id": [0], "frame": [0], "image": [picture], "attempt_id": ["a"]}
            writer.write(pa.table(columns))
            commit_videos(where, [IngestedVideo(row, [writer.close()])])
        return content_hash(where)

    assert keep(lake, b"\xff\xd8 a picture") != keep(other, b"\xff\xd8 a picturf")


def test_rows_that_no_videos_row_vouches_for_do_not_count(filled):
    from fakelake.catalog import delta

    before = content_hash(filled)
    for part in write_video(filled, 9).parts:
        delta.commit(filled.location, part.table, [part])
    assert content_hash(filled) == before
