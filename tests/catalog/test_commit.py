from datetime import UTC, datetime, timedelta

import pytest

from fakelake.catalog.commit import Committed, PartMissing, commit_videos
from fakelake.catalog.content import content_hash
from fakelake.catalog.lake import Lake
from fakelake.catalog.parts import RowsRefused
from tests.catalog.rows import ask, count, finish, source, start, trouble, video_id, write_video

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def tables(lake):
    return {name: count(lake, name) for name in ("videos", "sources", "frames", "crops", "portraits", "quarantine")}


def test_a_shard_is_visible_everywhere_at_once(lake):
    done = commit_videos(lake, [write_video(lake, 1), write_video(lake, 2)], [source(1), source(2)], [trouble(3)])
    assert done == Committed(videos=2, duplicates=0, quarantined=1)
    expected = {"videos": 2, "sources": 2, "frames": 6, "crops": 6, "portraits": 6, "quarantine": 1}
    assert tables(lake) == expected
    for name, rows in expected.items():
        assert ask(lake.location.path("catalog.duckdb"), f"SELECT count(*) FROM {name}") == [(rows,)]


def test_the_same_video_under_the_same_recipe_is_committed_once(lake):
    commit_videos(lake, [write_video(lake, 1)], [source(1)])
    again = commit_videos(lake, [write_video(lake, 1), write_video(lake, 2), write_video(lake, 2)], [source(1)])
    assert again == Committed(videos=1, duplicates=2, quarantined=0)
    assert tables(lake) == {"videos": 2, "sources": 1, "frames": 6, "crops": 6, "portraits": 6, "quarantine": 0}


def test_another_recipe_makes_another_row(lake):
    assert commit_videos(lake, [write_video(lake, 1), write_video(lake, 1, recipe="r2")]).videos == 2


def test_the_same_bytes_in_two_places_are_one_video_with_two_sources(lake):
    copy = source(1, uri="file:///in/copy.mp4")
    commit_videos(lake, [write_video(lake, 1)], [source(1), copy])
    assert tables(lake)["videos"] == 1
    assert tables(lake)["sources"] == 2


def test_a_missing_part_is_named_and_nothing_is_committed(lake):
    videos = [write_video(lake, 1), write_video(lake, 2)]
    lost = lake.location.path("crops", videos[1].parts[0].path)
    lost.unlink()
    with pytest.raises(PartMissing, match=lost.name):
        commit_videos(lake, videos, [source(1)])
    assert sum(lake.table(name).version() for name in ("crops", "frames", "sources", "videos")) == 0


def test_a_part_cut_short_is_as_bad_as_a_missing_one(lake):
    video = write_video(lake, 1)
    file = lake.location.path("frames", video.parts[2].path)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(PartMissing, match="bytes instead of"):
        commit_videos(lake, [video])


def test_a_part_of_another_attempt_is_refused(lake):
    video, other = write_video(lake, 1), write_video(lake, 2)
    video.parts.append(other.parts[0])
    with pytest.raises(RowsRefused, match="not written by attempt"):
        commit_videos(lake, [video])


def test_a_row_that_does_not_fit_stops_the_commit_before_anything_is_written(lake):
    with pytest.raises(RowsRefused, match="colour"):
        commit_videos(lake, [write_video(lake, 1)], [source(1, colour="red")])
    assert lake.table("crops").version() == 0


def test_without_any_lock_a_key_still_goes_in_once(lake, monkeypatch):
    """A lease on S3 can be lost unnoticed; the commit of `videos` must then hold by itself."""
    from fakelake.catalog import commit

    first, second = write_video(lake, 1), write_video(lake, 1)
    honest = commit._without_committed
    overtaken = []

    def overtake(lake_, videos):
        answer = honest(lake_, videos)
        if lake_.table("frames").version() == 1 and not overtaken:  # our frames are in, our videos row is not
            overtaken.append(1)
            row = lake.write_rows("videos", [{**first.row}])
            lake.commit_part(row, Unlocked())
        return answer

    monkeypatch.setattr(commit, "_without_committed", overtake)
    assert commit_videos(lake, [second]) == Committed(videos=0, duplicates=1, quarantined=0)
    assert overtaken
    assert lake.read("videos")["attempt_id"].to_pylist() == [first.row["attempt_id"]]
    assert set(lake.read("frames")["attempt_id"].to_pylist()) == set()  # the loser's frames count for nothing


class Unlocked:
    def check(self):
        pass


# --- places and trouble


def open_trouble(lake):
    with lake.connect() as connection:
        return [uri for (uri,) in connection.execute("SELECT uri FROM open_quarantine ORDER BY uri").fetchall()]


def test_the_same_trouble_again_adds_nothing(lake):
    for minute in range(3):
        commit_videos(lake, [], [], [trouble(1, at=T0 + timedelta(minutes=minute), attempts=minute)])
    assert tables(lake)["quarantine"] == 1


def test_trouble_ends_when_the_file_is_ingested_and_can_come_back(lake):
    commit_videos(lake, [], [], [trouble(1, at=T0)])
    assert open_trouble(lake) == ["file:///in/1.mp4"]
    commit_videos(lake, [write_video(lake, 1)], [source(1, seen_at=T0 + timedelta(hours=1))])
    assert open_trouble(lake) == []
    later = datetime.now(UTC) + timedelta(hours=1)
    assert commit_videos(lake, [], [], [trouble(1, at=later)]).quarantined == 1
    assert open_trouble(lake) == ["file:///in/1.mp4"]
    commit_videos(lake, [], [source(1, seen_at=later + timedelta(hours=1))])
    assert open_trouble(lake) == []


def test_a_file_that_gave_some_frames_stays_open_until_other_bytes_take_its_place(lake):
    broken = trouble(1, stage="decode", video_id=video_id(1), frames_kept=3, at=T0)
    commit_videos(lake, [write_video(lake, 1)], [source(1)], [broken])
    commit_videos(lake, [write_video(lake, 1)], [source(1)], [{**broken, "at": T0 + timedelta(days=1)}])
    assert tables(lake)["quarantine"] == 1
    assert open_trouble(lake) == ["file:///in/1.mp4"]
    commit_videos(lake, [write_video(lake, 2)], [source(2, uri="file:///in/1.mp4")])
    assert open_trouble(lake) == []


def test_a_touched_file_is_seen_again(lake):
    commit_videos(lake, [write_video(lake, 1)], [source(1, mtime_ns=1)])
    commit_videos(lake, [], [source(1, mtime_ns=2)])
    assert sorted(lake.read("sources")["mtime_ns"].to_pylist()) == [1, 2]


def test_a_place_that_holds_its_former_bytes_again_is_seen_again_and_then_no_more(lake):
    place = {"uri": "file:///in/clip.mp4", "mtime_ns": 1}
    for video in (1, 2, 1, 1):
        commit_videos(lake, [write_video(lake, video)], [source(video, **place)])
        found = lake.read("sources", ["video_id", "seen_at"]).to_pylist()
        assert max(found, key=lambda row: row["seen_at"])["video_id"] == video_id(video)
    assert len(found) == 3


def test_a_place_in_two_data_sets_is_told_once_for_each_however_often_they_take_turns(lake):
    for dataset in ("a", "b", "a", "b"):
        commit_videos(lake, [], [source(1, dataset=dataset)])
    assert sorted(lake.read("sources")["dataset"].to_pylist()) == ["a", "b"]


# --- crashes

POINTS = [
    "before_commit",
    "after_crops",
    "after_portraits",
    "after_frames",
    "after_sources",
    "after_videos",
    "after_publication",
]
INGEST = "import sys; from tests.catalog.test_commit import ingest; ingest(sys.argv[1])"


def ingest(root):
    lake = Lake.open(root, create=True)
    for shard in ([1, 2], [2, 3]):
        broken = trouble(shard[0], stage="decode", video_id=video_id(shard[0]), frames_kept=3)
        videos = [write_video(lake, i) for i in shard]
        print(commit_videos(lake, videos, list(map(source, shard)), [trouble(9), broken]), flush=True)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole") / "lake"
    ingest(root)
    return content_hash(Lake.open(root))


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_named_point_and_started_again_the_lake_is_as_if_nothing_had_been(point, uninterrupted, tmp_path):
    root = tmp_path / "lake"
    killed = start(INGEST, root, FAKELAKE_FAILPOINT=point)
    out, _ = killed.communicate(timeout=120)
    assert (killed.returncode, out) == (-9, "")
    lake = Lake.open(root)
    seen = count(lake, "videos")
    assert seen == (2 if point == "after_publication" else 0)
    assert count(lake, "frames") == count(lake, "crops") == 3 * seen  # never half a video
    ingest(root)
    assert content_hash(lake) == uninterrupted
    assert tables(lake) == {"videos": 3, "sources": 3, "frames": 9, "crops": 9, "portraits": 9, "quarantine": 3}


# --- many at once

WRITER = """
    import random, sys
    from fakelake.catalog.commit import commit_videos
    from fakelake.catalog.lake import Lake
    from tests.catalog.rows import source, trouble, write_video
    lake = Lake.open(sys.argv[1])
    keys = list(range(24))
    random.Random(int(sys.argv[2])).shuffle(keys)
    for n in range(0, 24, 6):
        shard = keys[n:n + 6]
        done = commit_videos(lake, [write_video(lake, i) for i in shard], map(source, shard), [trouble(99)])
        print(done.videos, done.duplicates)
"""

READER = """
    import sys, time
    from pathlib import Path
    import duckdb
    root = Path(sys.argv[1])
    reads, last = 0, 0
    while not (root / "stop").exists():
        with duckdb.connect(str(root / "catalog.duckdb"), read_only=True) as shell:
            whole = shell.execute(sys.argv[2]).fetchall()
        with duckdb.connect() as shell:
            shell.execute((root / "catalog.sql").read_text())
            again = shell.execute(sys.argv[2]).fetchall()
        for videos, keys, attempts, frames, crops, portraits, sources in whole + again:
            assert videos == keys == attempts == sources, (videos, keys, attempts, sources)
            assert frames == crops == portraits == 3 * videos, (videos, frames, crops, portraits)
        assert last <= whole[0][0], "the lake went back"
        last = whole[0][0]
        reads += 2
    print(reads, last)
"""

COUNTS = """
    SELECT (SELECT count(*) FROM videos), (SELECT count(DISTINCT (video_id, recipe_id)) FROM videos),
           (SELECT count(DISTINCT attempt_id) FROM frames), (SELECT count(*) FROM frames),
           (SELECT count(*) FROM crops), (SELECT count(*) FROM portraits), (SELECT count(*) FROM sources)
"""


def test_four_writers_with_the_same_videos_and_two_polling_readers_lose_and_double_nothing(lake):
    root = lake.location.root
    readers = [start(READER, root, COUNTS) for _ in range(2)]
    writers = [start(WRITER, root, seed) for seed in range(4)]
    done = [tuple(map(int, line.split())) for writer in writers for line in finish(writer).splitlines()]
    lake.location.write_bytes("stop", b"")
    reads = [tuple(map(int, finish(reader).split())) for reader in readers]
    assert sum(videos for videos, _ in done) == 24
    assert sum(duplicates for _, duplicates in done) == 3 * 24
    assert all(n > 3 for n, _ in reads), reads
    with lake.connect() as connection:
        assert connection.execute(COUNTS).fetchall() == [(24, 24, 24, 72, 72, 72, 24)]
    assert tables(lake)["quarantine"] == 1
    assert lake.ready_keys("r1") == {video_id(i) for i in range(24)}


def test_a_commit_reads_only_what_concerns_its_own_videos(lake, monkeypatch):
    commit_videos(lake, [write_video(lake, i) for i in range(20)], [source(i) for i in range(20)], [trouble(500)])
    read, taken = Lake.read_parts, {}

    def count_rows(self, parts, name, *arguments, **options):
        rows = read(self, parts, name, *arguments, **options)
        taken[name] = max(taken.get(name, 0), len(rows))
        return rows

    monkeypatch.setattr("fakelake.catalog.publish.publish_locked", lambda *_, **__: None)
    monkeypatch.setattr("fakelake.catalog.commit.publish_locked", lambda *_, **__: None)
    monkeypatch.setattr(Lake, "read_parts", count_rows)
    commit_videos(lake, [write_video(lake, 3), write_video(lake, 30)], [source(3), source(30)], [trouble(501)])
    assert taken == {"videos": 1, "sources": 1, "quarantine": 0}
