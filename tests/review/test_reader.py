"""The lake as the desk reads it: always a whole publication, never more than its time, nothing but the lake."""

import threading
import time
from datetime import UTC, datetime

import duckdb
import pytest

from fakelake.catalog.commit import commit_videos
from fakelake.catalog.lake import Lake
from fakelake.review.service.reader import LakeBusyNow, LakeReader
from tests.catalog.rows import source, video_id, write_video


def take_in(lake, i):
    commit_videos(lake, [write_video(lake, i)], [source(i)])


@pytest.fixture
def lake(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    take_in(lake, 1)
    return lake


@pytest.fixture
def reader(lake):
    made = LakeReader(lake)
    yield made
    made.close()


def names(reader):
    return {row["video_id"] for row in reader.rows("SELECT video_id FROM desk")}


def test_a_video_that_nobody_has_scored_is_on_the_desk_as_waiting(reader):
    [row] = reader.rows("SELECT * FROM desk")
    assert (row["video_id"], row["band"]) == (video_id(1), "waiting")


def test_a_video_that_people_decided_before_anything_scored_it_is_decided(reader, lake):
    said = {"video_id": video_id(1), "label": "fake", "origin": "moderator", "labelled_by": "mia"}
    lake.append("labels", [{**said, "labelled_at": datetime(2026, 11, 1, tzinfo=UTC)}])
    reader.refresh(wait_s=30)
    [row] = reader.rows("SELECT * FROM desk")
    assert (row["band"], row["decided"], row["decided_by"], row["decided_on"]) == (
        "waiting",
        "fake",
        "mia",
        video_id(1),
    )


def test_what_is_published_while_the_reader_looks_does_not_count_as_shown(reader, lake, monkeypatch):
    look, asked = LakeReader._published, time.time()

    def slow(self):
        seen = look(self)
        time.sleep(0.3)
        return seen

    monkeypatch.setattr(LakeReader, "_published", slow)
    reader.refresh(wait_s=30)
    assert asked <= reader.loaded_at < time.time() - 0.25


def test_what_is_published_later_is_seen_after_a_refresh(reader, lake):
    take_in(lake, 2)
    reader.refresh(wait_s=30)
    assert names(reader) == {video_id(1), video_id(2)}


def test_a_question_that_goes_on_for_too_long_is_ended_in_words(reader):
    with pytest.raises(LakeBusyNow, match=r"more than 0\.2 seconds"):
        reader.rows("SELECT count(*) FROM range(100000000000) a, range(100000) b", seconds=0.2)
    assert names(reader) == {video_id(1)}


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM read_text('/etc/passwd')", "COPY (SELECT 1) TO '/tmp/out.csv'", "SET memory_limit = '9GB'"]
)
def test_no_question_leaves_the_lake_or_loosens_its_bounds(reader, sql):
    with pytest.raises(duckdb.Error):
        reader.rows(sql)


def test_many_ask_at_once_while_the_lake_is_published_anew(reader, lake):
    wrong = []

    def ask():
        for _ in range(30):
            found = names(reader)
            if video_id(1) not in found:
                wrong.append(found)

    askers = [threading.Thread(target=ask) for _ in range(8)]
    for asker in askers:
        asker.start()
    for i in range(2, 6):
        take_in(lake, i)
        reader.refresh()
    for asker in askers:
        asker.join()
    reader.refresh(wait_s=30)
    assert not wrong and len(names(reader)) == 5
